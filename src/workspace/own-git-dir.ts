import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitCall } from './git.ts';
import { barePath, type Context } from './repository.ts';

/**
 * A throw-away git directory of ours to look at files or objects that an agent controls. Git never
 * runs with the clone's own `.git` as its git directory, so nothing planted there (hooks, filters,
 * fsmonitor, helpers, replaced or grafted history, moved refs) has a chance to act.
 */
export interface OwnGitDir {
  readonly path: string;
  /** Git on a working tree, with a private index, new objects going into the bare repository. */
  call(workTree: string): GitCall & { readonly indexFile: string; readonly workTree: string };
}

export interface OwnGitDirOptions {
  readonly project: string;
  /** Object stores to read besides the bare repository's. */
  readonly objectDirs?: readonly string[];
  /** Refs that `upload-pack` offers from here. */
  readonly refs?: Readonly<Record<string, string>>;
  /** Bytes as they are: in-tree attributes about line ends, encodings and keywords are switched off. */
  readonly raw?: boolean;
  /** New objects stay here and vanish with it; the bare repository is only read. */
  readonly scratch?: boolean;
}

/** What Orch and its task folder keep out of every commit. */
export const OUR_EXCLUDES = '/.orch-work/\n';
const RAW_ATTRIBUTES = '* -text -ident !filter !working-tree-encoding !eol\n';
const CONFIG =
  '[core]\n\trepositoryformatversion = 0\n\tbare = true\n[gc]\n\tauto = 0\n[pack]\n\tuseBitmaps = false\n';

/** Makes it, lends it to `use`, removes it. */
export async function withOwnGitDir<T>(
  context: Context,
  options: OwnGitDirOptions,
  use: (dir: OwnGitDir) => Promise<T>,
): Promise<T> {
  const path = join(context.supportDir, 'tmp', `${options.project}-${randomBytes(8).toString('hex')}.git`);
  const bareObjects = join(barePath(context, options.project), 'objects');
  try {
    await mkdir(join(path, 'objects', 'info'), { recursive: true });
    await mkdir(join(path, 'refs', 'heads'), { recursive: true });
    await mkdir(join(path, 'info'));
    await writeFile(join(path, 'HEAD'), 'ref: refs/heads/none\n');
    await writeFile(join(path, 'config'), CONFIG);
    await writeFile(join(path, 'info', 'exclude'), options.raw === true ? '' : OUR_EXCLUDES);
    if (options.raw === true) await writeFile(join(path, 'info', 'attributes'), RAW_ATTRIBUTES);
    await writeFile(
      join(path, 'objects', 'info', 'alternates'),
      [bareObjects, ...(options.objectDirs ?? [])].map((dir) => `${dir}\n`).join(''),
    );
    await writeFile(join(path, 'packed-refs'), packedRefs(options.refs ?? {}));
    const shared = options.scratch === true ? {} : { objectDir: bareObjects };
    return await use({
      path,
      call: (workTree) => ({ gitDir: path, workTree, indexFile: join(path, 'index'), ...shared }),
    });
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

/** The file git reads packed refs from; sorted, and peeled by whoever reads it. */
export function packedRefs(refs: Readonly<Record<string, string>>): string {
  const names = Object.keys(refs).sort((a, b) => (a < b ? -1 : 1));
  return `# pack-refs with: sorted \n${names.map((name) => `${refs[name]} ${name}\n`).join('')}`;
}
