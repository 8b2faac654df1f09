import { statfs } from 'node:fs/promises';

const DISK_FLOOR_BYTES = 1024 ** 3;
const MEMORY_FLOOR_BYTES = 256 * 1024 ** 2;

export interface HostTrouble {
  readonly code: 'host.disk' | 'host.memory';
  readonly detail: string;
}

/** Closes the dispatcher's gate before the disk or the memory of this machine runs out. */
export async function hostGate(directory: string): Promise<HostTrouble | null> {
  const disk = await statfs(directory).catch(() => null);
  const free = disk === null ? Number.POSITIVE_INFINITY : disk.bavail * disk.bsize;
  if (free < DISK_FLOOR_BYTES)
    return {
      code: 'host.disk',
      detail: `${gigabytes(free)} disk left, ${gigabytes(DISK_FLOOR_BYTES)} needed`,
    };
  if (process.availableMemory() < MEMORY_FLOOR_BYTES)
    return {
      code: 'host.memory',
      detail: `${gigabytes(process.availableMemory())} memory left, ${gigabytes(MEMORY_FLOOR_BYTES)} needed`,
    };
  return null;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GB`;
}
