import { AppError } from '../core/errors.ts';
import { lineOf } from './git.ts';
import { checkBranch, checkCommit, isCommitId } from './names.ts';
import { shownPath, splitRaw } from './paths.ts';
import { baseCommit, commitTree, isAncestor, resolveRef } from './refs.ts';
import { fetchBranch, pushCommit } from './remote.ts';
import { type Context, inBare, type Repository } from './repository.ts';

export interface MergeRequest {
  readonly branch: string;
  /** Exactly this commit is merged, whatever the branch has become since. */
  readonly head: string;
  readonly message: string;
  /** Default true: when the base has not moved, it becomes `head` itself and no merge commit is made. */
  readonly fastForward?: boolean;
  /** Only into the base at this commit: with another one nothing is merged. */
  readonly onto?: string;
}

export type MergeResult =
  | { readonly kind: 'merged'; readonly commit: string }
  /** Somebody (or an earlier, interrupted call) merged it; `commit` brought it into the base. */
  | { readonly kind: 'already_merged'; readonly commit: string }
  | { readonly kind: 'conflict'; readonly files: readonly string[] }
  /** The base moved each time we looked. */
  | { readonly kind: 'base_moved' };

export type MergePreview =
  /** `base`: what it would be merged into. */
  | { readonly kind: 'commit'; readonly commit: string; readonly base: string }
  | { readonly kind: 'conflict'; readonly files: readonly string[] };

/** Two sides joined in memory: no working tree, no merge driver, no hook. */
export type Joined =
  | { readonly kind: 'tree'; readonly tree: string }
  /** `tree` has git's marks in those files; null where the two share no history. */
  | { readonly kind: 'conflict'; readonly files: readonly string[]; readonly tree: string | null };

const MAX_ROUNDS = 3;

/** Merges a commit into the base branch at the configured URL, by git alone. Safe to repeat. Call it locked. */
export async function mergeIntoBase(
  context: Context,
  repo: Repository,
  request: MergeRequest,
): Promise<MergeResult> {
  checkBranch(request.branch);
  const head = checkCommit(request.head);
  if ((await resolveRef(context, repo.project, head)) === null) {
    throw new AppError(`commit ${head} is not in Orch's repository of ${repo.project}`, {
      code: 'workspace.unknown_commit',
      hint: 'push or take the branch first',
    });
  }
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const base = (await fetchBranch(context, repo, repo.base)) ?? (await baseCommit(context, repo));
    if (await isAncestor(context, repo.project, head, base))
      return { kind: 'already_merged', commit: await broughtIn(context, repo, head, base) };
    if (request.onto !== undefined && request.onto !== base) return { kind: 'base_moved' };
    const next = await mergedCommit(context, repo, base, request);
    if (typeof next !== 'string') return next;
    if ((await pushCommit(context, repo, repo.base, next, base)).kind === 'pushed')
      return { kind: 'merged', commit: next };
  }
  return { kind: 'base_moved' };
}

/** The commit that brought a head into the base, whoever merged it; null while it is not there. Call it locked. */
export async function mergedAs(context: Context, repo: Repository, head: string): Promise<string | null> {
  const commit = checkCommit(head);
  const base = (await fetchBranch(context, repo, repo.base)) ?? (await baseCommit(context, repo));
  return (await isAncestor(context, repo.project, commit, base))
    ? broughtIn(context, repo, commit, base)
    : null;
}

/** What merging the head into the base as it is now would make; nothing is pushed. Call it locked. */
export async function previewMerge(
  context: Context,
  repo: Repository,
  request: MergeRequest,
): Promise<MergePreview> {
  const head = checkCommit(request.head);
  const base = (await fetchBranch(context, repo, repo.base)) ?? (await baseCommit(context, repo));
  if (await isAncestor(context, repo.project, head, base)) return { kind: 'commit', commit: base, base };
  const next = await mergedCommit(context, repo, base, { ...request, head });
  return typeof next === 'string' ? { kind: 'commit', commit: next, base } : next;
}

/** The tree of both sides' changes, or the files where they contradict each other. */
export async function joinTrees(
  context: Context,
  project: string,
  ours: string,
  theirs: string,
): Promise<Joined> {
  if (!(await shareHistory(context, project, ours, theirs)))
    return { kind: 'conflict', files: [], tree: null };
  const output = await inBare(
    context,
    project,
    ['merge-tree', '--write-tree', '--no-messages', '--name-only', '-z', '--', ours, theirs],
    { okCodes: [0, 1] },
  );
  const [tree = '', ...files] = splitRaw(output.stdout);
  if (output.exitCode === 0 && isCommitId(tree)) return { kind: 'tree', tree };
  return {
    kind: 'conflict',
    files: [...new Set(files.filter((file) => file !== '').map(shownPath))],
    tree: isCommitId(tree) ? tree : null,
  };
}

async function mergedCommit(
  context: Context,
  repo: Repository,
  base: string,
  request: MergeRequest,
): Promise<string | Extract<MergePreview, { kind: 'conflict' }>> {
  const { head } = request;
  if (request.fastForward !== false && (await isAncestor(context, repo.project, base, head))) return head;
  const joined = await joinTrees(context, repo.project, base, head);
  if (joined.kind === 'conflict') return { kind: 'conflict', files: joined.files };
  return commitTree(context, repo, joined.tree, [base, head], request.message);
}

/** The oldest commit on the base's own line that holds `head`. */
async function broughtIn(context: Context, repo: Repository, head: string, base: string): Promise<string> {
  const args = ['rev-list', '--first-parent', '--ancestry-path', '--end-of-options', `${head}..${base}`];
  const line =
    lineOf(await inBare(context, repo.project, args))
      .split('\n')
      .at(-1) ?? '';
  if (!isCommitId(line)) return head;
  const parents = lineOf(
    await inBare(context, repo.project, ['rev-list', '--parents', '--max-count=1', '--end-of-options', line]),
  )
    .split(' ')
    .slice(1);
  return parents[0] === head ? head : line;
}

/** Whether a merge base exists at all; two unrelated histories cannot be joined. */
async function shareHistory(context: Context, project: string, one: string, other: string): Promise<boolean> {
  return (
    (await inBare(context, project, ['merge-base', '--end-of-options', one, other], { okCodes: [0, 1] }))
      .exitCode === 0
  );
}
