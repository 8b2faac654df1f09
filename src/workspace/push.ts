import { AppError, messageOf } from '../core/errors.ts';
import { type Commit, commitsBetween } from './diff.ts';
import { checkBranch } from './names.ts';
import { baseCommit, commitTree, isAncestor, resolveRef, setRef, treeOf } from './refs.ts';
import { deleteRemoteBranch, fetchBranch, peopleRef, pushCommit, pushedRef } from './remote.ts';
import { type Context, type Repository } from './repository.ts';

export type PushResult =
  | { readonly kind: 'pushed'; readonly head: string; readonly previous: string | null }
  /** The remote has it already, or the branch holds nothing the base has not. No push was made. */
  | { readonly kind: 'up_to_date'; readonly head: string }
  /** People added commits on top of ours: merge them in (`syncBranch`), then push again. */
  | {
      readonly kind: 'people';
      readonly head: string;
      readonly remote: string;
      readonly commits: readonly Commit[];
    }
  /** The remote branch went somewhere else: a person decides. */
  | { readonly kind: 'branch_moved'; readonly head: string; readonly remote: string };

/** How often a push looks again because somebody was faster. */
const MAX_ROUNDS = 3;

/**
 * Pushes the task branch from the bare repository. It moves the remote branch forward, or replaces
 * what Orch itself put there last; never a commit of somebody else. Call it locked.
 */
export async function pushBranch(context: Context, repo: Repository, branch: string): Promise<PushResult> {
  checkBranch(branch);
  const head = await resolveRef(context, repo.project, `refs/heads/${branch}`);
  if (head === null)
    throw new AppError(`there is no branch ${branch} in Orch's repository of ${repo.project}`, {
      code: 'workspace.unknown_branch',
      hint: 'prepare the task first',
    });
  for (let round = 1; ; round += 1) {
    const remote = await fetchBranch(context, repo, branch);
    const plan = await planPush(context, repo, branch, head, remote);
    if (plan !== 'push') return plan;
    const outcome = await pushCommit(context, repo, branch, head, remote);
    if (outcome.kind === 'pushed') {
      await setRef(context, repo.project, pushedRef(branch), head);
      return { kind: 'pushed', head, previous: remote };
    }
    if (round >= MAX_ROUNDS) return { kind: 'branch_moved', head, remote: remote ?? head };
  }
}

/**
 * Finds out whether a push would be accepted: a commit without a change on a new branch, deleted again
 * at once. Throws what a refused push throws. Call it locked.
 */
export async function tryPush(
  context: Context,
  repo: Repository,
  branch: string,
): Promise<{ /** Why the branch could not be deleted again; null when it is gone. */ left: string | null }> {
  const base = await baseCommit(context, repo);
  const tree = await treeOf(context, repo.project, base);
  const commit = await commitTree(context, repo, tree, [base], 'Try whether Orch may push');
  const outcome = await pushCommit(context, repo, branch, commit, null);
  if (outcome.kind === 'moved')
    throw new AppError(`the remote has a branch ${branch} already`, {
      code: 'workspace.push_failed',
      hint: 'try again',
    });
  return deleteRemoteBranch(context, repo, branch, commit).then(
    () => ({ left: null }),
    (error: unknown) => ({ left: messageOf(error) }),
  );
}

async function planPush(
  context: Context,
  repo: Repository,
  branch: string,
  head: string,
  remote: string | null,
): Promise<PushResult | 'push'> {
  const { project } = repo;
  if (remote === null)
    return (await isAncestor(context, project, head, await baseCommit(context, repo)))
      ? { kind: 'up_to_date', head }
      : 'push';
  if (remote === head) {
    await setRef(context, project, pushedRef(branch), head);
    return { kind: 'up_to_date', head };
  }
  if (await isAncestor(context, project, remote, head)) return 'push';
  const pushed = await resolveRef(context, project, pushedRef(branch));
  const people = await resolveRef(context, project, peopleRef(branch));
  if (remote === pushed && (people === null || (await isAncestor(context, project, people, head))))
    return 'push';
  // `head` too: a crash may have come between the last push and its note.
  for (const ours of [pushed, head]) {
    if (ours !== null && ours !== remote && (await isAncestor(context, project, ours, remote))) {
      return { kind: 'people', head, remote, commits: await commitsBetween(context, project, head, remote) };
    }
  }
  return { kind: 'branch_moved', head, remote };
}
