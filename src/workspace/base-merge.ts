import { clonePath } from './clone.ts';
import { lstatOrNull, readHead } from './clone-files.ts';
import { PATCH_ARGS } from './diff.ts';
import { lineOf } from './git.ts';
import { joinTrees } from './merge.ts';
import { checkBranch, checkCommit, isCommitId } from './names.ts';
import {
  baseCommit,
  commitTree,
  forkPoint,
  isAncestor,
  moveRef,
  resolveRef,
  setRef,
  treeOf,
} from './refs.ts';
import { fetchBranch, pushedRef } from './remote.ts';
import { type Context, inBare, type Repository } from './repository.ts';
import { cloneStands, followClone } from './sync.ts';

export interface BranchRequest {
  readonly key: string;
  readonly branch: string;
}

export type BaseUpdate =
  | { readonly kind: 'up_to_date'; readonly head: string }
  | { readonly kind: 'updated'; readonly head: string; readonly previous: string }
  /** Nothing was changed: these files contradict each other. */
  | { readonly kind: 'conflict'; readonly files: readonly string[] }
  /** Nothing was changed: the clone holds work that is not taken yet. */
  | { readonly kind: 'clone_dirty' };

export type BaseJoin =
  /** The clone is at `commit`, of which git left these files contradicting; the task branch did not move. */
  | { readonly kind: 'joined'; readonly commit: string; readonly files: readonly string[] }
  | { readonly kind: 'up_to_date' }
  | { readonly kind: 'clone_dirty' };

/**
 * Merges the base as it is now into the task branch, by a commit of ours, where the two do not contradict each
 * other; the clone follows. Nothing is pushed. Safe to repeat. Call it locked.
 */
export async function updateFromBase(
  context: Context,
  repo: Repository,
  request: BranchRequest,
): Promise<BaseUpdate> {
  const branch = checkBranch(request.branch);
  const { base, ours } = await bothSides(context, repo, branch);
  if (await isAncestor(context, repo.project, base, ours)) return { kind: 'up_to_date', head: ours };
  const joined = await joinTrees(context, repo.project, ours, base);
  if (joined.kind === 'conflict') return { kind: 'conflict', files: joined.files };
  const clone = clonePath(context, repo.project, request.key);
  const present = (await lstatOrNull(clone)) !== null;
  if (present && (await cloneStands(context, repo, clone, branch, ours)) === 'dirty')
    return { kind: 'clone_dirty' };
  const head = await commitTree(context, repo, joined.tree, [ours, base], mergeMessage(repo, branch));
  if (present && !(await followClone(context, repo, clone, branch, head, 'try')))
    return { kind: 'clone_dirty' };
  if (!(await moveRef(context, repo.project, `refs/heads/${branch}`, head, ours)))
    return { kind: 'clone_dirty' };
  if (present) await followClone(context, repo, clone, branch, head, 'do');
  return { kind: 'updated', head, previous: ours };
}

/**
 * Brings the base into the clone alone, as far as it goes: what contradicts lies there with git's marks, for
 * somebody to resolve and a take to bring into the branch. `since` is the commit that the round began with: with
 * the one of an earlier call, that one still stands. Call it locked.
 */
export async function joinBase(
  context: Context,
  repo: Repository,
  request: BranchRequest & { readonly since: string | null },
): Promise<BaseJoin> {
  const branch = checkBranch(request.branch);
  const clone = clonePath(context, repo.project, request.key);
  const known = await resolveRef(context, repo.project, joinRef(branch));
  const found = await readHead(clone);
  const at = found.kind === 'branch' ? found.commit : null;
  if (known !== null && (known === request.since || known === at)) {
    const { files, sealed } = await joinFacts(context, repo, { branch, joined: known });
    return { kind: 'joined', commit: sealed ?? known, files };
  }
  const { base, ours } = await bothSides(context, repo, branch);
  if (await isAncestor(context, repo.project, base, ours)) return { kind: 'up_to_date' };
  if ((await cloneStands(context, repo, clone, branch, ours)) === 'dirty') return { kind: 'clone_dirty' };
  const { tree, files } = await mergedTree(context, repo.project, ours, base);
  if (tree === null) return { kind: 'clone_dirty' };
  const commit = await commitTree(context, repo, tree, [ours, base], mergeMessage(repo, branch));
  await setRef(context, repo.project, joinRef(branch), commit);
  return (await followClone(context, repo, clone, branch, commit, 'do'))
    ? { kind: 'joined', commit, files }
    : { kind: 'clone_dirty' };
}

/**
 * Makes one merge commit of a join and of what was done on top of it, so that no commit with git's marks is left
 * in the history; the branch must not be pushed yet. Returns the head: as it was, where others were merged in on
 * top. Call it locked.
 */
export async function sealJoin(
  context: Context,
  repo: Repository,
  request: BranchRequest & { readonly joined: string; readonly message: string },
): Promise<string> {
  const branch = checkBranch(request.branch);
  const joined = checkCommit(request.joined);
  const head = (await resolveRef(context, repo.project, `refs/heads/${branch}`)) ?? joined;
  const parents = await parentsOf(context, repo.project, joined);
  const merges = await inBare(context, repo.project, [
    ...['rev-list', '--merges', '--count', '--end-of-options', `${joined}..${head}`],
  ]);
  const isPlain = (await isAncestor(context, repo.project, joined, head)) && lineOf(merges) === '0';
  const pushed = await resolveRef(context, repo.project, pushedRef(branch));
  const isOut = pushed !== null && (await isAncestor(context, repo.project, joined, pushed));
  if (parents.length !== 2 || !isPlain || isOut) return head;
  const tree = await treeOf(context, repo.project, head);
  const sealed = await commitTree(context, repo, tree, parents, request.message);
  if (!(await moveRef(context, repo.project, `refs/heads/${branch}`, sealed, head))) return head;
  await followClone(context, repo, clonePath(context, repo.project, request.key), branch, sealed, 'do');
  return sealed;
}

/** Where a join left contradictions, and the commit that it was sealed as already. */
export async function joinFacts(
  context: Context,
  repo: Repository,
  request: { readonly branch: string; readonly joined: string },
): Promise<{ readonly files: readonly string[]; readonly sealed: string | null }> {
  const { project } = repo;
  const joined = checkCommit(request.joined);
  const head = await resolveRef(context, project, `refs/heads/${checkBranch(request.branch)}`);
  const parents = await parentsOf(context, project, joined);
  const isSealed =
    head !== null &&
    head !== joined &&
    parents.length === 2 &&
    (await parentsOf(context, project, head)).join(' ') === parents.join(' ');
  return { files: await contradictionsOf(context, project, joined), sealed: isSealed ? head : null };
}

/**
 * Whether `head` is `approved` with nothing but the base merged in, cleanly, and makes of the base the same
 * change as before, by git's patch id: then who said yes to one said it to the other.
 */
export async function isSameChange(
  context: Context,
  repo: Repository,
  approved: string,
  head: string,
): Promise<boolean> {
  const { project } = repo;
  const [ours, theirs, ...more] = await parentsOf(context, project, checkCommit(head));
  if (ours !== checkCommit(approved) || theirs === undefined || more.length > 0) return false;
  if (!(await isAncestor(context, project, theirs, await baseCommit(context, repo)))) return false;
  const joined = await joinTrees(context, project, ours, theirs);
  if (joined.kind === 'conflict' || joined.tree !== (await treeOf(context, project, head))) return false;
  const fork = await forkPoint(context, project, ours, theirs);
  if (fork === null) return false;
  const [before, after] = [
    await patchId(context, project, fork, ours),
    await patchId(context, project, theirs, head),
  ];
  return before !== null && before === after;
}

const MAX_PATCH_BYTES = 64 * 1024 * 1024;

/** Null when the patch is too large to tell. */
async function patchId(context: Context, project: string, from: string, to: string): Promise<string | null> {
  const args = [...PATCH_ARGS, '--binary', '--full-index', '--end-of-options', from, to];
  const patch = await inBare(context, project, args, { cutAtBytes: MAX_PATCH_BYTES });
  if (patch.cut) return null;
  const said = lineOf(await inBare(context, project, ['patch-id', '--stable'], { stdin: patch.stdout }));
  return said.split(' ')[0] ?? '';
}

async function bothSides(context: Context, repo: Repository, branch: string) {
  const base = (await fetchBranch(context, repo, repo.base)) ?? (await baseCommit(context, repo));
  return { base, ours: (await resolveRef(context, repo.project, `refs/heads/${branch}`)) ?? base };
}

/** The tree of both sides, with git's marks where they contradict each other. */
async function mergedTree(
  context: Context,
  project: string,
  ours: string,
  theirs: string,
): Promise<{ tree: string | null; files: readonly string[] }> {
  const joined = await joinTrees(context, project, ours, theirs);
  return { tree: joined.tree, files: joined.kind === 'conflict' ? joined.files : [] };
}

async function contradictionsOf(
  context: Context,
  project: string,
  joined: string,
): Promise<readonly string[]> {
  const [ours, theirs] = await parentsOf(context, project, joined);
  if (ours === undefined || theirs === undefined) return [];
  return (await mergedTree(context, project, ours, theirs)).files;
}

async function parentsOf(context: Context, project: string, commit: string): Promise<string[]> {
  const args = ['rev-list', '--parents', '--max-count=1', '--end-of-options', commit];
  return lineOf(await inBare(context, project, args))
    .split(' ')
    .slice(1)
    .filter(isCommitId);
}

function mergeMessage(repo: Repository, branch: string): string {
  return `Merge ${repo.base} into ${branch}`;
}

/** What a conflict round began with. */
function joinRef(branch: string): string {
  return `refs/orch/joined/${branch}`;
}
