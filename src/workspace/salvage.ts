import { AppError } from '../core/errors.ts';
import { clonePath, repairClone } from './clone.ts';
import { lstatOrNull, readHead, readRefs } from './clone-files.ts';
import { lineOf } from './git.ts';
import { withIncoming } from './incoming.ts';
import type { LeftOut } from './left-out.ts';
import { safeName } from './names.ts';
import { baseCommit, commitTree, resolveRef, setRef } from './refs.ts';
import { type Context, inBare, type Repository } from './repository.ts';
import { captureTree } from './salvage-capture.ts';

/** Written into the salvage commit's message, after its first line. */
export interface SalvageNote {
  readonly schema: 'orch.salvage/1';
  readonly run: string;
  readonly project: string;
  readonly key: string;
  /** The commit the files were based on. */
  readonly head: string;
  /** Branches and stash of the clone whose commits are kept as parents. */
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
}

export interface Salvaged {
  /** `refs/orch/salvage/<run>`, with `.2`, `.3` ... when that run was salvaged before. */
  readonly ref: string;
  readonly commit: string;
  readonly leftOut: readonly LeftOut[];
  readonly problems: readonly string[];
}

export const SALVAGE_REFS = 'refs/orch/salvage/';
const MAX_NAMED_LEFT_OUT = 1000;
const MAX_SAME_RUN = 1000;

/**
 * Keeps everything in a clone that exists nowhere else as one commit: its tree is the working tree,
 * byte for byte (tracked, untracked, `.orch-work`, files of nested repositories); its parents are HEAD,
 * every other branch and the stash. Null when there is nothing to keep. Ignored files, copied files
 * and rebuilt folders (node_modules ...) are not work; the history of nested repositories, and content
 * staged but no longer on disk, are not kept. Works on a tampered clone too. Call it locked.
 */
export async function salvageClone(
  context: Context,
  repo: Repository,
  request: SalvageRequest,
): Promise<Salvaged | null> {
  const clone = clonePath(context, repo.project, request.key);
  if ((await lstatOrNull(clone))?.isDirectory() !== true) return null;
  const state = await readHead(clone);
  const problems: string[] = [];
  const heads = new Map<string, string>();
  if (state.kind === 'broken') problems.push(`commits in the clone could not be read: ${state.reason}`);
  else {
    await repairClone(context, repo.project, clone);
    if (state.kind !== 'unborn') heads.set('HEAD', state.commit);
    for (const [ref, commit] of await readRefs(clone)) heads.set(ref, commit);
  }
  return withHeads(context, repo.project, clone, request.run, heads, problems, async (kept, malformed) => {
    // A malformed commit is kept as a parent, but no index can be made from it.
    const head = (malformed.has('HEAD') ? null : kept.get('HEAD')) ?? (await baseCommit(context, repo));
    const captured = await captureTree(context, {
      project: repo.project,
      key: request.key,
      clone,
      head,
      copied: request.copied ?? [],
    });
    const extra = [...new Set([...kept.values(), ...(request.also ?? [])])].filter(
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
      refs: Object.fromEntries(kept),
      leftOut,
      problems,
    };
    const parents = [head, ...extra];
    const message = `Salvage of ${request.key} before it was reset or removed (run ${request.run})\n\n${JSON.stringify(note)}\n`;
    const place = await findPlace(context, repo.project, request.run, captured.tree, parents);
    if (place.commit !== null)
      return { ref: place.ref, commit: place.commit, leftOut: captured.leftOut, problems };
    const commit = await commitTree(context, repo, captured.tree, parents, message);
    const { ref } = place;
    await setRef(context, repo.project, ref, commit);
    return { ref, commit, leftOut: captured.leftOut, problems };
  });
}

/** Brings all heads into the bare repository, checked if possible, unchecked before they would be lost. */
async function withHeads<T>(
  context: Context,
  project: string,
  clone: string,
  run: string,
  heads: ReadonlyMap<string, string>,
  problems: string[],
  use: (kept: ReadonlyMap<string, string>, malformed: ReadonlySet<string>) => Promise<T>,
): Promise<T> {
  const kept = new Map<string, string>();
  const malformed = new Set<string>();
  async function next(rest: readonly (readonly [string, string])[]): Promise<T> {
    const [first, ...others] = rest;
    if (first === undefined) return use(kept, malformed);
    const [ref, commit] = first;
    if ([...kept.values()].includes(commit) || (await isKnown(context, project, commit))) {
      kept.set(ref, commit);
      return next(others);
    }
    return withIncoming(context, project, clone, { run, commit, strict: true }, async (strict) => {
      if (strict.kind === 'fetched') {
        kept.set(ref, commit);
        return next(others);
      }
      return withIncoming(context, project, clone, { run, commit, strict: false }, async (loose) => {
        if (loose.kind === 'fetched') {
          kept.set(ref, commit);
          malformed.add(ref);
        }
        problems.push(
          loose.kind === 'fetched'
            ? `${ref} is malformed but kept: ${strict.reason}`
            : `${ref} could not be kept: ${loose.reason}`,
        );
        return next(others);
      });
    });
  }
  return next([...heads]);
}

async function allKnown(context: Context, project: string, commits: readonly string[]): Promise<boolean> {
  for (const commit of commits) if (!(await isKnown(context, project, commit))) return false;
  return true;
}

/** Whether a branch of ours, a remote branch or an earlier salvage already keeps this commit alive. */
async function isKnown(context: Context, project: string, commit: string): Promise<boolean> {
  if ((await resolveRef(context, project, commit)) === null) return false;
  const args = [
    'for-each-ref',
    '--count=1',
    '--format=%(refname)',
    `--contains=${commit}`,
    'refs/heads',
    'refs/remotes',
    SALVAGE_REFS.slice(0, -1),
  ];
  return lineOf(await inBare(context, project, args)) !== '';
}

/** The salvage of this run that holds exactly this already, else a ref that is free. */
async function findPlace(
  context: Context,
  project: string,
  run: string,
  tree: string,
  parents: readonly string[],
): Promise<{ ref: string; commit: string | null }> {
  const first = `${SALVAGE_REFS}${safeName(run)}`;
  for (let n = 1; n <= MAX_SAME_RUN; n += 1) {
    const ref = n === 1 ? first : `${first}.${n}`;
    const commit = await resolveRef(context, project, ref);
    if (commit === null) return { ref, commit };
    const holds = await inBare(context, project, ['rev-parse', '--verify', `${commit}^{tree}`]);
    const below = await inBare(context, project, ['rev-parse', `${commit}^@`]);
    if (lineOf(holds) === tree && lineOf(below) === parents.join('\n')) return { ref, commit };
  }
  throw new AppError(`run ${run} was salvaged too often`, {
    code: 'workspace.salvage_full',
    hint: 'orch salvage prune',
  });
}
