import { readdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { lineOf } from './git.ts';
import { barePath, type Context, inBare } from './repository.ts';

/** From so many loose objects or packs on, a repository is worth the work: each lookup walks through them. */
export interface RepackLimits {
  readonly loose: number;
  readonly packs: number;
}

const LIMITS: RepackLimits = { loose: 2000, packs: 20 };
/** So long an object that nothing names any more stays, counted from the repack that first found it so. */
const UNNAMED_KEPT_MS = 28 * 24 * 60 * 60 * 1000;
/** Whoever needs the repository waits meanwhile. */
const REPACK_TIMEOUT_MS = 10 * 60 * 1000;
const TOUCHED_AT_ONCE = 50;

/**
 * Packs a bare repository that has grown many loose objects or packs; false when it is not worth it. Refs
 * are only packed, none is dropped. An object that no ref names goes to a pack of its own, with the time it
 * went there; it is dropped four weeks later, and only while no clone is older than that: a clone borrows
 * objects, and may name what no ref here names any more. Call it locked.
 */
export async function repackBare(
  context: Context,
  project: string,
  now: number,
  limits: RepackLimits = LIMITS,
): Promise<boolean> {
  const counts = lineOf(await inBare(context, project, ['count-objects', '-v']));
  const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(counts)?.[1] ?? 0);
  if (count('count') < limits.loose && count('packs') < limits.packs) return false;
  await touchNamed(join(barePath(context, project), 'objects'), now);
  const since = now - UNNAMED_KEPT_MS;
  const oldest = await oldestClone(join(context.worktreesDir, project));
  const expiry = oldest < since ? 'never' : new Date(since).toISOString();
  await inBare(context, project, ['repack', '--quiet', '-d', '--cruft', `--cruft-expiration=${expiry}`], {
    config: ['pack.threads=1', 'repack.writeBitmaps=false'],
    timeoutMs: REPACK_TIMEOUT_MS,
  });
  await inBare(context, project, ['pack-refs', '--all']);
  return true;
}

/**
 * Makes all objects young that are not known to be unnamed yet. Git counts the age of such an object from
 * when its pack was written, which may be months before anything let go of it.
 */
async function touchNamed(objects: string, now: number): Promise<void> {
  const packs = await readdir(join(objects, 'pack'));
  const unnamed = new Set(packs.flatMap((name) => (name.endsWith('.mtimes') ? [name.slice(0, -7)] : [])));
  const files = packs
    .filter((name) => name.endsWith('.pack') && !unnamed.has(name.slice(0, -5)))
    .map((name) => join(objects, 'pack', name));
  for (const folder of await readdir(objects)) {
    if (!/^[0-9a-f]{2}$/.test(folder)) continue;
    for (const name of await readdir(join(objects, folder))) files.push(join(objects, folder, name));
  }
  const at = new Date(now);
  for (let i = 0; i < files.length; i += TOUCHED_AT_ONCE) {
    const some = files.slice(i, i + TOUCHED_AT_ONCE);
    await Promise.all(some.map((file) => utimes(file, at, at).catch(() => undefined))); // gone meanwhile
  }
}

/** When the oldest clone of a project was made; never for one whose file system does not tell. */
async function oldestClone(folder: string): Promise<number> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('.'));
  const born = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ birthtimeMs }) => birthtimeMs,
        () => 0,
      ),
    ),
  );
  return Math.min(Number.POSITIVE_INFINITY, ...born);
}

/** Bytes on disk that are kept for salvages alone. */
export async function salvageBytes(context: Context, project: string, timeoutMs: number): Promise<number> {
  const args = [
    'rev-list',
    '--objects',
    '--disk-usage',
    '--glob=refs/orch/salvage',
    '--not',
    '--branches',
    '--remotes',
  ];
  return Number(lineOf(await inBare(context, project, args, { timeoutMs })));
}
