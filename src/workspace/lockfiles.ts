import { createHash, type Hash } from 'node:crypto';
import { openRegular } from '../lib/regular-file.ts';
import { commitOf } from './clone.ts';
import { lstatOrNull, readHead } from './clone-files.ts';
import { cloneObjects } from './incoming.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { onDisk, type RawPath, rawPath, splitRaw } from './paths.ts';
import type { Context } from './repository.ts';

/** Files whose change means that dependencies changed. */
const LOCKFILES: ReadonlySet<string> = new Set([
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'composer.lock',
  'Gemfile.lock',
  'Cargo.lock',
  'go.sum',
  'poetry.lock',
  'uv.lock',
  'Pipfile.lock',
  'requirements.txt',
]);
/** Lockfiles looked at in one clone, and bytes of each; what lies beyond does not count. */
const MAX_LOCKFILES = 500;
const MAX_LOCKFILE_BYTES = 50 * 1024 * 1024;

/**
 * One hash over every lockfile of a clone, at its root and in any folder, as they are on disk: it
 * changes when one of them does, comes or goes. Ignored files below the root do not count.
 */
export async function lockfileState(context: Context, project: string, path: string): Promise<string> {
  const head = commitOf(await readHead(path), path);
  const listed = await withOwnGitDir(
    context,
    { project, objectDirs: [cloneObjects(path)], scratch: true },
    async (dir) => {
      const call = dir.call(path);
      await context.git(['read-tree', head], call);
      const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
      return splitRaw((await context.git(args, call)).stdout);
    },
  );
  const found = listed.filter((each) => LOCKFILES.has(each.slice(each.lastIndexOf('/') + 1)));
  const names = [...new Set([...[...LOCKFILES].map(rawPath), ...found])].sort().slice(0, MAX_LOCKFILES);
  const hash = createHash('sha256');
  for (const name of names) await addFile(hash, path, name);
  return hash.digest('hex');
}

/** A file that is not there, or is no plain file behind plain folders, counts as absent. */
async function addFile(hash: Hash, clone: string, name: RawPath): Promise<void> {
  for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) {
    const folder = await lstatOrNull(onDisk(clone, name.slice(0, at) as RawPath));
    if (folder?.isDirectory() !== true) return;
  }
  const opened = await openRegular(onDisk(clone, name));
  if (opened === null) return;
  const { file, size } = opened;
  try {
    hash.update(`\n${name}:${size}:`);
    const stream = file.createReadStream({ end: MAX_LOCKFILE_BYTES - 1, autoClose: false });
    for await (const chunk of stream) hash.update(chunk as Uint8Array);
  } finally {
    await file.close();
  }
}
