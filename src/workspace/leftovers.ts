import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { removeTree } from './remove-tree.ts';
import { barePath, type Context } from './repository.ts';

/** Git holds a ref's lock for milliseconds; one this old belongs to a process that was killed. */
export const STALE_LOCK_MS = 5000;

/** Whether git stopped because of a lock file that somebody left behind or holds. */
export function isLockError(error: unknown): boolean {
  return /\.lock'?: File exists|Unable to create '.*\.lock'/.test(messageOf(error));
}

/** Removes lock files of killed git processes from a bare repository. Call it locked; how many. */
export async function dropStaleLocks(context: Context, project: string, now: number): Promise<number> {
  const bare = barePath(context, project);
  const names = ['packed-refs.lock', 'HEAD.lock', 'config.lock', 'shallow.lock'];
  const refs = await readdir(join(bare, 'refs'), { recursive: true });
  names.push(...refs.filter((name) => name.endsWith('.lock')).map((name) => join('refs', name)));
  return dropOlder(
    names.map((name) => join(bare, name)),
    now - STALE_LOCK_MS,
  );
}

/** Removes what killed processes left half-made before that moment: drafts, scratch git directories, partial packs. */
export async function sweepLeftovers(context: Context, olderThan: Date): Promise<number> {
  const paths = await matching(join(context.supportDir, 'tmp'), () => true);
  paths.push(...(await matching(context.reposDir, (name) => name.startsWith('.draft-'))));
  for (const bare of await matching(
    context.reposDir,
    (name) => name.endsWith('.git') && !name.startsWith('.'),
  )) {
    paths.push(...(await matching(join(bare, 'objects'), (name) => name.startsWith('tmp_'))));
    paths.push(...(await matching(join(bare, 'objects', 'pack'), (name) => name.startsWith('tmp_'))));
  }
  for (const project of await matching(context.worktreesDir, () => true))
    paths.push(...(await matching(project, (name) => name.startsWith('.draft-'))));
  return dropOlder(paths, olderThan.getTime());
}

async function dropOlder(paths: readonly string[], before: number): Promise<number> {
  let dropped = 0;
  for (const path of paths) {
    const found = await stat(path).catch(() => null); // gone already
    if (found === null || found.mtimeMs >= before) continue;
    if (found.isDirectory()) await removeTree(path);
    else await rm(path, { force: true });
    dropped += 1;
  }
  return dropped;
}

async function matching(dir: string, test: (name: string) => boolean): Promise<string[]> {
  const names = await readdir(dir).catch(() => []); // nothing was made there yet
  return names.filter(test).map((name) => join(dir, name));
}
