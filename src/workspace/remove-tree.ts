import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lstatOrNull } from './clone-files.ts';

/** Deletes a tree, also one with read-only folders (module caches); symlinks are removed, not followed. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES' && error.code !== 'EPERM') throw error;
    await openFolders(path);
    await rm(path, { recursive: true, force: true });
  });
}

/** Lets their owner into a folder and those below it; symlinks are not followed. */
export async function openFolders(path: string): Promise<void> {
  const stat = await lstatOrNull(path);
  if (stat === null || !stat.isDirectory()) return;
  if ((stat.mode & 0o700) !== 0o700) await chmod(path, stat.mode | 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(path, entry.name));
  }
}
