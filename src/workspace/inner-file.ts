import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { lstatOrNull } from './clone-files.ts';
import { isInnerPath } from './names.ts';

/**
 * Reads one plain file below a folder that belongs to an agent: no symlink is followed, neither on the way nor
 * at its end, no pipe is waited for, and nothing over the limit is read.
 */
export async function readInnerFile(
  root: string,
  path: string,
  maxBytes: number,
): Promise<
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'absent' | 'not_plain' | 'too_large' }
> {
  if (!isInnerPath(path)) return { kind: 'absent' };
  let folder = root;
  for (const part of ['', ...path.split('/').slice(0, -1)]) {
    folder = join(folder, part);
    const stat = await lstatOrNull(folder);
    if (stat === null) return { kind: 'absent' };
    if (!stat.isDirectory()) return { kind: 'not_plain' };
  }
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(root, path), flags).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? ('absent' as const) : ('not_plain' as const),
  );
  if (typeof file === 'string') return { kind: file };
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return { kind: 'not_plain' };
    return stat.size > maxBytes ? { kind: 'too_large' } : { kind: 'text', text: await file.readFile('utf8') };
  } finally {
    await file.close();
  }
}
