import { readFile } from 'node:fs/promises';
import { clonePath, repairClone, settleClone } from './clone.ts';
import { lstatOrNull, readHead, unfinishedOperation, writeGitFile } from './clone-files.ts';
import { type Commit, commitsBetween } from './diff.ts';
import { joinTrees } from './merge.ts';
import { checkBranch } from './names.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { commitTree, isAncestor, moveRef, resolveRef, setRef } from './refs.ts';
import { fetchBranch, peopleRef, pushedRef } from './remote.ts';
import { type Context, type Repository } from './repository.ts';
import { scanTree } from './scan.ts';

export type SyncResult =
  /** The remote has nothing that we have not. */
  | { readonly kind: 'up_to_date'; readonly head: string | null }
  /** People's commits are now in the task branch and in the clone. */
  | { readonly kind: 'synced'; readonly head: string; readonly commits: readonly Commit[] }
  /** Nothing was changed: these files contradict each other. */
  | { readonly kind: 'conflict'; readonly files: readonly string[]; readonly commits: readonly Commit[] }
  /** Nothing was changed: the clone holds work that is not taken yet. `origin/<branch>` in the clone names theirs. */
  | { readonly kind: 'clone_dirty'; readonly commits: readonly Commit[] }
  /** What Orch pushed is no longer on the remote branch: a person decides. */
  | { readonly kind: 'branch_moved'; readonly remote: string };

/**
 * Brings commits that people pushed to the task branch into it, by fast-forward or a merge commit of
 * ours. The clone follows only when it is clean; a call after a crash completes it. Call it locked.
 */
export async function syncTaskBranch(
  context: Context,
  repo: Repository,
  request: { key: string; branch: string },
): Promise<SyncResult> {
  const branch = checkBranch(request.branch);
  const clone = clonePath(context, repo.project, request.key);
  const theirs = await fetchBranch(context, repo, branch);
  const ours = await resolveRef(context, repo.project, `refs/heads/${branch}`);
  const present = (await lstatOrNull(clone)) !== null && (await readHead(clone)).kind !== 'broken';
  if (theirs === null || ours === null || (await isAncestor(context, repo.project, theirs, ours))) {
    if (ours !== null && present && (await cloneStands(context, repo, clone, branch, ours)) === 'behind')
      await followClone(context, repo, clone, branch, ours, 'do');
    return { kind: 'up_to_date', head: ours };
  }
  const pushed = await resolveRef(context, repo.project, pushedRef(branch));
  if (pushed !== null && !(await isAncestor(context, repo.project, pushed, theirs)))
    return { kind: 'branch_moved', remote: theirs };
  const commits = await commitsBetween(context, repo.project, ours, theirs);
  if (present) {
    await repairClone(context, repo.project, clone);
    await writeGitFile(clone, `refs/remotes/origin/${branch}`, `${theirs}\n`);
    if ((await cloneStands(context, repo, clone, branch, ours)) === 'dirty')
      return { kind: 'clone_dirty', commits };
  }
  const head = await joined(context, repo, branch, ours, theirs);
  if (typeof head !== 'string') return { ...head, commits };
  if (present && !(await followClone(context, repo, clone, branch, head, 'try')))
    return { kind: 'clone_dirty', commits };
  await setRef(context, repo.project, peopleRef(branch), theirs);
  if (!(await moveRef(context, repo.project, `refs/heads/${branch}`, head, ours)))
    return { kind: 'branch_moved', remote: theirs };
  if (present) await followClone(context, repo, clone, branch, head, 'do');
  return { kind: 'synced', head, commits };
}

async function joined(
  context: Context,
  repo: Repository,
  branch: string,
  ours: string,
  theirs: string,
): Promise<string | { kind: 'conflict'; files: readonly string[] }> {
  if (await isAncestor(context, repo.project, ours, theirs)) return theirs;
  const result = await joinTrees(context, repo.project, ours, theirs);
  return result.kind === 'conflict'
    ? { kind: 'conflict', files: result.files }
    : commitTree(context, repo, result.tree, [ours, theirs], `Merge commits of others on ${branch}`);
}

/** `at`: clean on the branch at `tip`; `behind`: clean at an older commit of it; `dirty`: anything else. */
export async function cloneStands(
  context: Context,
  repo: Repository,
  clone: string,
  branch: string,
  tip: string,
): Promise<'at' | 'behind' | 'dirty'> {
  const head = await readHead(clone);
  if (head.kind !== 'branch' || head.branch !== branch || (await unfinishedOperation(clone)) !== null)
    return 'dirty';
  if (
    (await resolveRef(context, repo.project, head.commit)) === null ||
    !(await isAncestor(context, repo.project, head.commit, tip))
  )
    return 'dirty';
  const clean = await withOwnGitDir(context, { project: repo.project, scratch: true }, async (dir) => {
    const scan = await scanTree(context, dir.call(clone), head.commit);
    return scan.deleted.length + scan.modified.length === 0;
  });
  return !clean ? 'dirty' : head.commit === tip ? 'at' : 'behind';
}

/**
 * Checks the new commit out over the old one. False, with nothing changed, when an untracked file is
 * in the way; `try` only asks.
 */
export async function followClone(
  context: Context,
  repo: Repository,
  clone: string,
  branch: string,
  head: string,
  mode: 'try' | 'do',
): Promise<boolean> {
  const from = await readHead(clone);
  if (from.kind !== 'branch') return false;
  return withOwnGitDir(context, { project: repo.project }, async (dir) => {
    const call = dir.call(clone);
    await scanTree(context, call, from.commit);
    const dry = mode === 'try' ? ['-n'] : [];
    const output = await context.git(['read-tree', ...dry, '-m', '-u', from.commit, head], {
      ...call,
      okCodes: [0, 1, 128],
    });
    if (output.exitCode === 0 && mode === 'do')
      await settleClone(clone, branch, head, await readFile(call.indexFile));
    return output.exitCode === 0;
  });
}
