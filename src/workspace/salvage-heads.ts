import type { NamedCommits } from './clone-commits.ts';
import { lineOf } from './git.ts';
import { cloneObjects, withIncoming } from './incoming.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { resolveRef } from './refs.ts';
import { type Context, inBare } from './repository.ts';

export const SALVAGE_REFS = 'refs/orch/salvage/';
/** Refs that keep a commit alive for good. */
const KEEPING_REFS = ['refs/heads', 'refs/remotes', SALVAGE_REFS.slice(0, -1)];
const MAX_REASON_CHARS = 300;

export interface KeptHeads {
  /** By the name the clone has for it. */
  readonly kept: ReadonlyMap<string, string>;
  /** Kept, though git calls them malformed. */
  readonly malformed: ReadonlySet<string>;
}

/**
 * Brings all commits a clone names into the bare repository and lends them to `use`: checked if
 * possible, unchecked before they would be lost. What cannot be read is told in `problems`.
 */
export async function withHeads<T>(
  context: Context,
  source: { readonly project: string; readonly clone: string; readonly run: string },
  named: NamedCommits,
  problems: string[],
  use: (heads: KeptHeads) => Promise<T>,
): Promise<T> {
  const { project, clone, run } = source;
  const kept = new Map<string, string>();
  const malformed = new Set<string>();
  async function next(rest: readonly (readonly [string, string])[], end: () => Promise<T>): Promise<T> {
    const [first, ...others] = rest;
    if (first === undefined) return end();
    const [ref, id] = first;
    const commit = await resolveRef(context, project, id);
    if (
      commit !== null &&
      ([...kept.values()].includes(commit) || (await isKnown(context, project, commit)))
    ) {
      kept.set(ref, commit);
      return next(others, end);
    }
    return withIncoming(context, project, clone, { run, commit: id, strict: true }, async (strict) => {
      if (strict.kind === 'fetched') {
        await keep(ref, id);
        return next(others, end);
      }
      return withIncoming(context, project, clone, { run, commit: id, strict: false }, async (loose) => {
        if (loose.kind === 'fetched') {
          malformed.add(ref);
          await keep(ref, id);
        }
        problems.push(
          loose.kind === 'fetched'
            ? `${ref} is malformed but kept: ${strict.reason}`
            : `${ref} could not be kept: ${loose.reason.slice(0, MAX_REASON_CHARS)}`,
        );
        return next(others, end);
      });
    });
  }
  /** A tag stands for its commit: parents of a commit are commits. */
  async function keep(ref: string, id: string): Promise<void> {
    const commit = await resolveRef(context, project, id);
    if (commit === null) problems.push(`${ref} could not be kept: it names no commit`);
    else kept.set(ref, commit);
  }
  const tips = await bareTips(context, project);
  const heads = [...named.heads].filter(([ref, id]) => !ref.startsWith('refs/tags/') || !tips.has(id));
  return next(heads, async () => {
    const needed = await unreached(context, source, named.earlier, [...kept.values(), ...tips]);
    return next(needed, () => use({ kept, malformed }));
  });
}

/** Which of these no kept commit leads to; of a chain of them only the last. All, when that cannot be told. */
async function unreached(
  context: Context,
  { project, clone }: { readonly project: string; readonly clone: string },
  earlier: ReadonlyMap<string, string>,
  known: readonly string[],
): Promise<(readonly [string, string])[]> {
  if (earlier.size === 0) return [];
  const output = await withOwnGitDir(
    context,
    { project, objectDirs: [cloneObjects(clone)], scratch: true },
    (dir) =>
      context.git(['rev-list', '--parents', '--ignore-missing', '--stdin'], {
        gitDir: dir.path,
        stdin: [...earlier.values(), '--not', ...known].map((line) => `${line}\n`).join(''),
        okCodes: [0, 1, 128],
      }),
  );
  if (output.exitCode !== 0) return [...earlier];
  const listed = output.stdout
    .toString('utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const missing = new Set(listed.map(([commit]) => commit));
  const inside = new Set(listed.flatMap(([, ...parents]) => parents));
  return [...earlier].filter(([, commit]) => missing.has(commit) && !inside.has(commit));
}

async function bareTips(context: Context, project: string): Promise<Set<string>> {
  const args = ['for-each-ref', '--format=%(objectname)', ...KEEPING_REFS, 'refs/tags'];
  return new Set(
    lineOf(await inBare(context, project, args))
      .split('\n')
      .filter((line) => line !== ''),
  );
}

export async function allKnown(
  context: Context,
  project: string,
  commits: readonly string[],
): Promise<boolean> {
  for (const commit of commits) if (!(await isKnown(context, project, commit))) return false;
  return true;
}

/** Whether a branch of ours, a remote branch or an earlier salvage already keeps this commit alive. */
async function isKnown(context: Context, project: string, commit: string): Promise<boolean> {
  if ((await resolveRef(context, project, commit)) === null) return false;
  const args = ['for-each-ref', '--count=1', '--format=%(refname)', `--contains=${commit}`, ...KEEPING_REFS];
  return lineOf(await inBare(context, project, args)) !== '';
}
