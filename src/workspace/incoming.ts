import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { saidIn } from './git.ts';
import { safeName } from './names.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { setRef } from './refs.ts';
import { type Context, inBare } from './repository.ts';

export type Incoming =
  | { readonly kind: 'fetched'; readonly commit: string }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Copies one commit and its history from an agent's clone into the bare repository and lends it to
 * `use` under a ref of our own. The source git serves from is a git directory of ours that borrows
 * the clone's objects: the clone's configuration, refs, grafts and replacements are never read. With
 * `strict` git checks every new object (`fetch.fsckObjects`); connectivity is checked always.
 */
export async function withIncoming<T>(
  context: Context,
  project: string,
  clone: string,
  request: { run: string; commit: string; strict: boolean },
  use: (incoming: Incoming) => Promise<T>,
): Promise<T> {
  const ref = `refs/orch/incoming/${safeName(request.run)}/${request.commit.slice(0, 12)}`;
  const incoming = await fetchCommit(context, project, clone, request.commit, ref, request.strict);
  try {
    return await use(incoming);
  } finally {
    if (incoming.kind === 'fetched') await setRef(context, project, ref, null);
  }
}

/** The object store of a clone, for our own git directories to borrow from. */
export function cloneObjects(clone: string): string {
  return join(clone, '.git', 'objects');
}

async function fetchCommit(
  context: Context,
  project: string,
  clone: string,
  commit: string,
  ref: string,
  strict: boolean,
): Promise<Incoming> {
  const source = 'refs/heads/taken';
  try {
    await withOwnGitDir(
      context,
      { project, objectDirs: [cloneObjects(clone)], refs: { [source]: commit } },
      (dir) =>
        inBare(
          context,
          project,
          [
            'fetch',
            '--quiet',
            '--no-tags',
            '--no-write-fetch-head',
            '--no-auto-maintenance',
            '--no-recurse-submodules',
            '--refmap=',
            '--',
            dir.path,
            `+${source}:${ref}`,
          ],
          {
            config: [`fetch.fsckObjects=${strict}`],
            env: { GIT_ALLOW_PROTOCOL: 'file' },
          },
        ),
    );
    return { kind: 'fetched', commit };
  } catch (error) {
    if (error instanceof AppError && error.code === 'workspace.git_failed')
      return { kind: 'refused', reason: saidIn(error) };
    throw error;
  }
}
