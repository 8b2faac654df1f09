import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { lineOf, saidBy } from './git.ts';
import { checkBranch, checkCommit, isCommitId } from './names.ts';
import { barePath, type Context, inBare, type Repository } from './repository.ts';
import { parseRemoteUrl } from './url.ts';

/** The commit of the base branch as last fetched. Throws `workspace.base_missing`. */
export async function baseCommit(context: Context, repo: Repository): Promise<string> {
  const commit = await resolveRef(context, repo.project, `refs/remotes/origin/${checkBranch(repo.base)}`);
  if (commit !== null) return commit;
  const branches = lineOf(
    await inBare(context, repo.project, [
      'for-each-ref',
      '--count=6',
      '--format=%(refname:lstrip=3)',
      'refs/remotes/origin',
    ]),
  );
  const url = parseRemoteUrl(repo.url, repo.credentials).url;
  throw new AppError(
    branches === ''
      ? `${url} is empty: it has no commit yet`
      : `${url} has no branch ${JSON.stringify(repo.base)}`,
    {
      code: 'workspace.base_missing',
      hint:
        branches === ''
          ? `push a first commit to ${repo.base}`
          : `set "base" of project ${repo.project} to one of its branches: ${branches.split('\n').join(', ')}`,
      facts: { url, base: repo.base },
    },
  );
}

/** The commit a ref of the bare repository names, or null. */
export async function resolveRef(context: Context, project: string, ref: string): Promise<string | null> {
  const read = await readPlainRef(barePath(context, project), ref);
  if (read !== undefined) return read;
  const output = await inBare(
    context,
    project,
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`],
    { okCodes: [0, 1, 128] },
  );
  const commit = lineOf(output);
  return output.exitCode === 0 && isCommitId(commit) ? commit : null;
}

/** Names in folders that hold branches and our own refs: those name commits only, so there is nothing to peel. */
const PLAIN_REF =
  /^refs\/(?:heads|remotes\/origin|orch)\/(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)))[A-Za-z0-9_][A-Za-z0-9_./-]*[A-Za-z0-9_-]$/;

/**
 * A ref as the file it is, in the repository that nobody else writes to: refs are asked for dozens of times in
 * a task, and each would be a process. Undefined where the file is not what git leaves there: git knows more.
 */
async function readPlainRef(bare: string, ref: string): Promise<string | null | undefined> {
  if (!PLAIN_REF.test(ref)) return undefined;
  const loose = await readOrNull(join(bare, ref));
  if (loose !== null) {
    const commit = loose.trimEnd();
    return isCommitId(commit) ? commit : undefined;
  }
  // Packing writes this file before it removes the other one.
  const packed = await readOrNull(join(bare, 'packed-refs'));
  if (packed === null) return null;
  const end = packed.indexOf(` ${ref}\n`);
  if (end < 0) return null;
  const commit = packed.slice(packed.lastIndexOf('\n', end) + 1, end);
  return isCommitId(commit) ? commit : undefined;
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    throw error;
  }
}

/** Moves a ref only from `before` (null: it must not exist yet); false when someone else was faster. */
export async function moveRef(
  context: Context,
  project: string,
  ref: string,
  commit: string,
  before: string | null,
): Promise<boolean> {
  const output = await inBare(
    context,
    project,
    ['update-ref', '--no-deref', '--end-of-options', ref, commit, before ?? '0'.repeat(commit.length)],
    { okCodes: [0, 1, 128] },
  );
  if (output.exitCode === 0) return true;
  if ((await resolveRef(context, project, ref)) !== before) return false;
  throw new AppError(`cannot write ${ref}: ${saidBy(output.stderr)}`, {
    code: 'workspace.ref_failed',
    hint: 'a branch whose name is the beginning of another one (a and a/b) cannot exist beside it',
    facts: { ref, commit },
  });
}

/** Writes or deletes (null) a ref that is ours alone. */
export async function setRef(
  context: Context,
  project: string,
  ref: string,
  commit: string | null,
): Promise<void> {
  const args =
    commit === null
      ? ['update-ref', '--no-deref', '-d', '--end-of-options', ref]
      : ['update-ref', '--no-deref', '--end-of-options', ref, commit];
  await inBare(context, project, args);
}

/** Whether one commit is part of the other's history; a commit that is not here is part of none. */
export async function isAncestor(
  context: Context,
  project: string,
  ancestor: string,
  descendant: string,
): Promise<boolean> {
  if (ancestor === descendant) return true;
  const args = ['merge-base', '--is-ancestor', '--end-of-options', ancestor, descendant];
  const output = await inBare(context, project, args, { okCodes: [0, 1, 128] });
  const isUnknown = /Not a valid (?:commit|object) name|not a valid commit/i.test(output.stderr);
  if (output.exitCode !== 128 || isUnknown) return output.exitCode === 0;
  throw new AppError(`git merge-base failed: ${saidBy(output.stderr)}`, {
    code: 'workspace.git_failed',
    hint: 'check the disk and the repository with git fsck',
  });
}

/** The newest commit that both histories hold; null when there is none, or one is not here. */
export async function forkPoint(
  context: Context,
  project: string,
  one: string,
  other: string,
): Promise<string | null> {
  const args = ['merge-base', '--end-of-options', checkCommit(one), checkCommit(other)];
  const commit = lineOf(await inBare(context, project, args, { okCodes: [0, 1, 128] }));
  return isCommitId(commit) ? commit : null;
}

export async function treeOf(context: Context, project: string, commit: string): Promise<string> {
  return lineOf(
    await inBare(context, project, ['rev-parse', '--verify', '--end-of-options', `${commit}^{tree}`]),
  );
}

/** Names and addresses of commits that Orch makes itself. */
function identity(author: Repository['author']): Record<string, string> {
  return {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
  };
}

/** A commit object in the bare repository; no ref moves. */
export async function commitTree(
  context: Context,
  repo: Repository,
  tree: string,
  parents: readonly string[],
  message: string,
): Promise<string> {
  const args = ['commit-tree', ...parents.flatMap((parent) => ['-p', parent]), '-F', '-', tree];
  return lineOf(
    await inBare(context, repo.project, args, {
      env: identity(repo.author),
      stdin: message.endsWith('\n') ? message : `${message}\n`,
    }),
  );
}
