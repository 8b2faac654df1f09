import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

export interface DiskUsage {
  readonly path: string;
  /** As allocated; a file with several names counts once in each folder measured. */
  readonly bytes: number;
  /** False when the time ran out: it is this much at least. */
  readonly whole: boolean;
}

/** Measures a file or a folder with all below it until the deadline; follows no link, stays on one device. */
export async function diskUsage(path: string, deadline: number): Promise<DiskUsage> {
  const top = await lstat(path).catch(() => null); // not there, or gone meanwhile
  if (top === null) return { path, bytes: 0, whole: true };
  let bytes = top.blocks * 512;
  const seen = new Set<number>();
  const folders = top.isDirectory() ? [path] : [];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const dir = await opendir(folder).catch(() => null);
    if (dir === null) continue; // not ours to read, or gone meanwhile
    for await (const entry of dir) {
      if (performance.now() > deadline) return { path, bytes, whole: false };
      const full = join(folder, entry.name);
      const found = await lstat(full).catch(() => null);
      if (found === null || found.dev !== top.dev) continue;
      if (found.nlink > 1 && !found.isDirectory()) {
        if (seen.has(found.ino)) continue;
        seen.add(found.ino);
      }
      bytes += found.blocks * 512;
      if (found.isDirectory()) folders.push(full);
    }
  }
  return { path, bytes, whole: true };
}
