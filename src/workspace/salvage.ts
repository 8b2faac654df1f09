import { AppError } from '../core/errors.ts';
import { clonePath, openGitDir, repairClone } from './clone.ts';
import { namedCommits } from './clone-commits.ts';
import { type CloneHead, lstatOrNull, readHead } from './clone-files.ts';
import { lineOf } from './git.ts';
import type { LeftOut } from './left-out.ts';
import { safeName } from './names.ts';
import { baseCommit, commitTree, resolveRef, setRef } from './refs.ts';
import { type Context, inBare, type Repository } from './repository.ts';
import { captureTree } from './salvage-capture.ts';
import { allKnown, SALVAGE_REFS, withHeads } from './salvage-heads.ts';
import { keepStaged } from './staged.ts';

/** Written into the salvage commit's message, after its first line. */
export interface SalvageNote {
  readonly schema: 'orch.salvage/1';
  readonly run: string;
  readonly project: string;
  readonly key: string;
  /** The commit the files were based on. */
  readonly head: string;
  /** What the clone called the commits that are kept as parents: branches, stashes, `HEAD@{2}` ... */
  readonly refs: Readonly<Record<string, string>>;
  readonly leftOut: readonly LeftOut[];
  /** What could not be kept, in words. */
  readonly problems: readonly string[];
}

export interface SalvageRequest {
  readonly key: string;
  readonly run: string;
  /** Files Orch copied into the clone: never salvaged. */
  readonly copied?: readonly string[];
  /** Commits to keep besides the clone's own, because a branch is about to leave them behind. */
  readonly also?: readonly string[];
  /** What follows, so that what it destroys is kept besides; absent: nothing, the clone stays as it is. */
  readonly before?: { readonly resetTo: string } | 'removal';
}

export interface Salvaged {
  /** `refs/orch/salvage/<run>`, with `.2`, `.3` ... when that run was salvaged before. */
  readonly ref: string;
  readonly commit: string;
  readonly leftOut: readonly LeftOut[];
  readonly problems: readonly string[];
}

const MAX_NAMED_LEFT_OUT = 1000;
const MAX_NAMED_PROBLEMS = 100;
const MAX_SAME_RUN = 1000;

/**
 * Keeps everything in a clone that exists nowhere else as one commit: its tree is the working tree,
 * byte for byte (tracked, untracked, `.orch-work`, files of nested repositories); its parents are HEAD,
 * every other branch and stash, and what those were before (amended, rewritten, dropped). Null when
 * there is nothing to keep. Ignored files, copied files and rebuilt folders (node_modules ...) are not
 * work; the history of nested repositories, and content staged but no longer on disk, are not kept. Works on a tampered clone too. Call it locked.
 */
export async function salvageClone(
  context: Context,
  repo: Repository,
  request: SalvageRequest,
): Promise<Salvaged | null> {
  const clone = clonePath(context, repo.project, request.key);
  if ((await lstatOrNull(clone))?.isDirectory() !== true) return null;
  await openGitDir(clone);
  const state = await readHead(clone);
  const problems: string[] = [];
  if (state.kind === 'broken') problems.push(`commits in the clone could not be read: ${state.reason}`);
  const named = await namedCommits(clone);
  problems.push(...named.cut);
  if (named.heads.size > 0 || named.earlier.size > 0) await repairClone(context, repo.project, clone);
  const source = { project: repo.project, clone, run: request.run };
  return withHeads(context, source, named, problems, async ({ kept, malformed }) => {
    // A malformed commit is kept as a parent, but no index can be made from it.
    const head = (malformed.has('HEAD') ? null : kept.get('HEAD')) ?? (await baseCommit(context, repo));
    const captured = await captureTree(context, {
      project: repo.project,
      key: request.key,
      clone,
      head,
      copied: request.copied ?? [],
      ...(await destruction(context, repo, state, head, request.before ?? null)),
    });
    const staged = await keepStaged(context, repo, clone);
    problems.push(...staged.problems);
    const refs = new Map([...kept, ...(staged.commit === null ? [] : [['index', staged.commit] as const])]);
    const extra = [...new Set([...refs.values(), ...(request.also ?? [])])].filter(
      (commit) => commit !== head,
    );
    const forced = problems.length > 0 || (request.also ?? []).length > 0;
    if (!captured.changed && !forced && (await allKnown(context, repo.project, [head, ...extra])))
      return null;
    const leftOut = captured.leftOut.slice(0, MAX_NAMED_LEFT_OUT);
    const note: SalvageNote = {
      schema: 'orch.salvage/1',
      run: request.run,
      project: repo.project,
      key: request.key,
      head,
      refs: Object.fromEntries(refs),
      leftOut,
      problems: problems.slice(0, MAX_NAMED_PROBLEMS),
    };
    const message = `Salvage of ${request.key} before it was reset or removed (run ${request.run})\n\n${JSON.stringify(note)}\n`;
    const commit = await commitTree(context, repo, captured.tree, [head, ...extra], message);
    const { free, last } = await freeRef(context, repo.project, request.run);
    if (last !== null && (await holds(context, repo.project, last.commit, commit)))
      return { ...last, leftOut: captured.leftOut, problems };
    await setRef(context, repo.project, free, commit);
    return { ref: free, commit, leftOut: captured.leftOut, problems };
  });
}

/** What follows, and the commit of ours whose rules tell work from what is rebuilt. */
async function destruction(
  context: Context,
  repo: Repository,
  state: CloneHead,
  head: string,
  before: SalvageRequest['before'] | null,
) {
  if (typeof before === 'object' && before !== null)
    return { before: 'reset' as const, trusted: before.resetTo };
  const tip =
    state.kind === 'branch' ? await resolveRef(context, repo.project, `refs/heads/${state.branch}`) : null;
  const base = await resolveRef(context, repo.project, `refs/remotes/origin/${repo.base}`);
  return { before: before ?? null, trusted: tip ?? base ?? head };
}

/** Where the next salvage of a run goes, and the one before it. */
async function freeRef(
  context: Context,
  project: string,
  run: string,
): Promise<{ free: string; last: { ref: string; commit: string } | null }> {
  const first = `${SALVAGE_REFS}${safeName(run)}`;
  let last: { ref: string; commit: string } | null = null;
  for (let n = 1; n <= MAX_SAME_RUN; n += 1) {
    const ref = n === 1 ? first : `${first}.${n}`;
    const commit = await resolveRef(context, project, ref);
    if (commit === null) return { free: ref, last };
    last = { ref, commit };
  }
  throw new AppError(`run ${run} was salvaged too often`, {
    code: 'workspace.salvage_full',
    hint: 'orch salvage prune',
  });
}

/** Whether an earlier salvage has all that this one has: a run is kept when it fails, then reset. */
async function holds(context: Context, project: string, earlier: string, later: string): Promise<boolean> {
  const read = async (commit: string) => {
    const args = ['show', '--no-patch', '--format=%T%x00%P%x00%b', '--end-of-options', commit];
    const [tree = '', parents = '', body = ''] = lineOf(await inBare(context, project, args)).split('\0');
    const { leftOut, problems } = parseNote(project, commit, body);
    return { tree, parents: parents.split(' '), told: JSON.stringify([leftOut, problems]) };
  };
  const [a, b] = await Promise.all([read(earlier), read(later)]);
  return a.tree === b.tree && a.told === b.told && b.parents.every((parent) => a.parents.includes(parent));
}

/** A note that cannot be read (written by hand, by an older version) still lists its commit. */
export function parseNote(project: string, run: string, body: string): SalvageNote {
  const blank: SalvageNote = {
    schema: 'orch.salvage/1',
    run,
    project,
    key: '',
    head: '',
    refs: {},
    leftOut: [],
    problems: ['its note cannot be read'],
  };
  try {
    const note: unknown = JSON.parse(body);
    return typeof note === 'object' && note !== null ? { ...blank, problems: [], ...note } : blank;
  } catch {
    return blank; // told in `problems`
  }
}
