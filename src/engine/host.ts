import { statfs } from 'node:fs/promises';

/** Live runs go on below it, and the database, their logs and their exit records need room until they end. */
const DISK_FLOOR_BYTES = 1024 ** 3;
const MEMORY_FLOOR_BYTES = 256 * 1024 ** 2;

export interface HostTrouble {
  readonly code: 'host.disk' | 'host.memory';
  readonly detail: string;
}

/** Closes the dispatcher's gate before a disk with one of these folders, or the memory of this machine, runs out. */
export async function hostGate(folders: readonly string[]): Promise<HostTrouble | null> {
  return hostTrouble(await disksOf(folders), process.availableMemory());
}

/** Bytes left on the fullest disk with one of these folders; null when nothing can be measured yet. */
export async function leastRoom(folders: readonly string[]): Promise<number | null> {
  const room = Math.min(...(await disksOf(folders)).map(({ freeBytes }) => freeBytes));
  return Number.isFinite(room) ? room : null;
}

function disksOf(folders: readonly string[]) {
  return Promise.all(folders.map(async (folder) => ({ folder, freeBytes: await freeBytes(folder) })));
}

/** The first thing there is too little of; null when there is enough of all. */
export function hostTrouble(
  disks: readonly { readonly folder: string; readonly freeBytes: number }[],
  memoryBytes: number,
): HostTrouble | null {
  const fullest = disks.reduce((a, b) => (b.freeBytes < a.freeBytes ? b : a), NO_DISK);
  if (fullest.freeBytes < DISK_FLOOR_BYTES)
    return {
      code: 'host.disk',
      detail: `${gigabytes(fullest.freeBytes)} disk left for ${fullest.folder}, ${gigabytes(DISK_FLOOR_BYTES)} needed; orch doctor --only disk names what takes it`,
    };
  if (memoryBytes < MEMORY_FLOOR_BYTES)
    return {
      code: 'host.memory',
      detail: `${gigabytes(memoryBytes)} memory left, ${gigabytes(MEMORY_FLOOR_BYTES)} needed`,
    };
  return null;
}

const NO_DISK = { folder: '', freeBytes: Number.POSITIVE_INFINITY };

async function freeBytes(folder: string): Promise<number> {
  const disk = await statfs(folder).catch(() => null); // not made yet
  return disk === null ? Number.POSITIVE_INFINITY : disk.bavail * disk.bsize;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}
