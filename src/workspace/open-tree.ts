import { chmod, lstat, readdir, unlink } from 'node:fs/promises';
import { isRebuiltName } from './left-out.ts';
import { onDisk, type RawPath } from './paths.ts';

/** What git cannot say about a working tree. */
export interface OpenedTree {
  /** Folders nobody here can look into: another user's. */
  readonly closed: readonly RawPath[];
  /** Pipes, sockets and devices: no content of their own, and reading one may wait forever. */
  readonly special: readonly RawPath[];
  /** `.git` of repositories inside the tree; never the one at its top. */
  readonly gitDirs: readonly RawPath[];
}

/** Git opens these wherever it finds them; a pipe in their place would stop it for good. */
const READ_BY_GIT = /^\.git(?:ignore|attributes|modules)$/;

/**
 * Makes a working tree readable for git: folders whose owner may not enter, read or write them are
 * opened, and a pipe in the place of a file that git reads by itself is taken away. Folders that tools
 * rebuild are not entered.
 */
export async function openTree(root: string): Promise<OpenedTree> {
  const closed: RawPath[] = [];
  const special: RawPath[] = [];
  const gitDirs: RawPath[] = [];
  const visit = async (folder: RawPath | ''): Promise<void> => {
    const place = onDisk(root, folder as RawPath);
    const entries = await openFolder(place).then(
      () => readdir(place, { withFileTypes: true, encoding: 'buffer' }),
      () => null,
    );
    if (entries === null) return void closed.push(`${folder}/` as RawPath);
    for (const entry of entries) {
      const name = entry.name.toString('latin1');
      const path = (folder === '' ? name : `${folder}/${name}`) as RawPath;
      if (name === '.git') {
        if (folder !== '') gitDirs.push(path);
      } else if (entry.isDirectory()) {
        if (!isRebuiltName(name)) await visit(path);
      } else if (!entry.isFile() && !entry.isSymbolicLink()) {
        if (READ_BY_GIT.test(name)) await unlink(onDisk(root, path));
        else special.push(path);
      }
    }
  };
  await visit('');
  return { closed, special, gitDirs };
}

async function openFolder(place: Buffer): Promise<void> {
  const { mode } = await lstat(place);
  if ((mode & 0o700) !== 0o700) await chmod(place, mode | 0o700);
}
