import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** To be read. Null when there is no such file, or what lies there is no regular file: an agent may have put it there. */
export async function openRegular(path: string | Buffer): Promise<{ file: FileHandle; size: number } | null> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch(() => null);
  if (file === null) return null;
  const stat = await file.stat();
  if (stat.isFile()) return { file, size: stat.size };
  await file.close();
  return null;
}
