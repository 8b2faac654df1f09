import { randomBytes } from 'node:crypto';
import { readFile, rename, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { clonePath, writeGitDir } from './clone.ts';
import { clearGitState, lstatOrNull, readHead, writeGitFile } from './clone-files.ts';
import { ignoredFiles } from './ignored.ts';
import { isListed } from './left-out.ts';
import { checkBranch, checkCommit } from './names.ts';
import { openTree } from './open-tree.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { onDisk, type RawPath, shownPath } from './paths.ts';
import { isAncestor, resolveRef, setRef } from './refs.ts';
import { removeTree } from './remove-tree.ts';
import { type Context, type Repository } from './repository.ts';
import { type Salvaged, salvageClone } from './salvage.ts';
import { listOthers, loadIndex } from './scan.ts';

export interface ResetRequest {
  readonly key: string;
  readonly branch: string | null;
  readonly run: string;
  readonly head: string;
  /** Files Orch copied into the clone: neither salvaged nor deleted. */
  readonly copied?: readonly string[];
  /** Nobody works in this clone: nothing of it is salvaged. */
  readonly disposable?: boolean;
}

/**
 * Salvages, then makes the clone (and the task branch) exactly `head`: tracked files, no untracked
 * ones, a fresh `.git` in which nothing an agent planted survives. Ignored files (dependencies), copied
 * files, `.orch-work` and nested repositories stay. Safe to repeat. Call it locked.
 */
export async function resetClone(
  context: Context,
  repo: Repository,
  request: ResetRequest,
): Promise<{ salvaged: Salvaged | null }> {
  const head = checkCommit(request.head);
  if (request.branch !== null) checkBranch(request.branch);
  const clone = clonePath(context, repo.project, request.key);
  if ((await resolveRef(context, repo.project, head)) === null)
    throw new AppError(`commit ${head} is not in Orch's repository of ${repo.project}`, {
      code: 'workspace.unknown_commit',
      hint: 'prepare the task again',
    });
  if ((await lstatOrNull(clone))?.isDirectory() !== true)
    throw new AppError(`${clone} does not exist`, {
      code: 'workspace.clone_missing',
      hint: 'prepare the task first',
    });
  const tip =
    request.branch === null ? null : await resolveRef(context, repo.project, `refs/heads/${request.branch}`);
  const leftBehind = tip !== null && !(await isAncestor(context, repo.project, tip, head)) ? [tip] : [];
  const before = await readHead(clone);
  const salvaged =
    request.disposable === true
      ? null
      : await salvageClone(context, repo, {
          key: request.key,
          run: request.run,
          also: leftBehind,
          before: { resetTo: head },
          ...(request.copied === undefined ? {} : { copied: request.copied }),
        });
  const from =
    before.kind === 'branch' || before.kind === 'detached'
      ? await resolveRef(context, repo.project, before.commit)
      : null;
  if (request.branch !== null) await setRef(context, repo.project, `refs/heads/${request.branch}`, head);
  await writeGitDir(context, repo, clone, request.branch, head);
  await withOwnGitDir(context, { project: repo.project }, async (dir) => {
    const call = dir.call(clone);
    // From the old commit, so that what it tracked goes away and unchanged files keep their time stamps.
    await loadIndex(context, call, from ?? head).catch(() => loadIndex(context, call, head)); // a malformed commit has no index
    await context.git(['read-tree', '--reset', '-u', head], call);
    // What only the agent's own rules hide goes first, those rules with it: left, they would hide the next work.
    const { hidden, output } = await ignoredFiles(context, call, repo.project, head);
    await drop(clone, [...hidden, ...output], request.copied ?? []);
    const { special } = await openTree(clone);
    await drop(clone, [...(await listOthers(context, call)), ...special], request.copied ?? []);
    await writeGitFile(clone, 'index', await readFile(call.indexFile));
  });
  await clearGitState(clone);
  return { salvaged };
}

/**
 * Salvages, then deletes the clone; the branch stays in the bare repository. It goes in one step, under
 * the name of a draft: half of a clone would be salvaged as if an agent had deleted the rest. Safe to
 * repeat. Call it locked.
 */
export async function removeClone(
  context: Context,
  repo: Repository,
  request: { key: string; run: string; copied?: readonly string[] },
): Promise<{ salvaged: Salvaged | null }> {
  const salvaged = await salvageClone(context, repo, { ...request, before: 'removal' });
  const clone = clonePath(context, repo.project, request.key);
  const leaving = join(dirname(clone), `.draft-${randomBytes(6).toString('hex')}`);
  const found = await rename(clone, leaving).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
  if (found) await removeTree(leaving);
  return { salvaged };
}

/** Deletes files; nested repositories (with a trailing slash) and copied files stay. */
async function drop(clone: string, paths: readonly RawPath[], copied: readonly string[]): Promise<void> {
  for (const path of paths.filter((each) => !each.endsWith('/'))) {
    if (isListed(shownPath(path), copied)) continue;
    await unlink(onDisk(clone, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await dropEmptyFolders(clone, path);
  }
}

async function dropEmptyFolders(clone: string, path: RawPath): Promise<void> {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const removed = await rmdir(onDisk(clone, path.slice(0, at) as RawPath)).then(
      () => true,
      () => false, // not empty: something else lives there
    );
    if (!removed) return;
  }
}
