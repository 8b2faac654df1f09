import { clonePath, commitOf, repairClone } from './clone.ts';
import { type CloneHead, readHead } from './clone-files.ts';
import { type Diff, PATCH_ARGS, statOf } from './diff.ts';
import { type GitCall, lineOf } from './git.ts';
import { cloneObjects } from './incoming.ts';
import type { LeftOut } from './left-out.ts';
import { checkCommit } from './names.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { shownPath, splitRaw } from './paths.ts';
import type { Context, Repository } from './repository.ts';
import { scanTree, selectUntracked, withoutCopied, writeSnapshot } from './scan.ts';

export interface CloneStatus {
  readonly path: string;
  readonly head: string;
  /** Null when HEAD is detached. */
  readonly branch: string | null;
  /** Commits since `since`. */
  readonly commitsAdded: number;
  /** `since` is no longer part of the history. */
  readonly rewritten: boolean;
  /** Changes that are not committed. */
  readonly dirty: boolean;
  /** Files that differ from `since` in the end, as a take would record them; sorted. */
  readonly changedPaths: readonly string[];
  /** Those of them that are gone. */
  readonly deletedPaths: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * Measures what an agent did since a commit, without taking anything: nothing is written to the
 * clone's work or to the bare repository. Throws `workspace.clone_broken`.
 */
export async function cloneStatus(
  context: Context,
  repo: Repository,
  key: string,
  since: string,
  copied: readonly string[] = [],
): Promise<CloneStatus> {
  checkCommit(since);
  const path = clonePath(context, repo.project, key);
  const found = await readHead(path);
  const head = commitOf(found, path);
  await repairClone(context, repo.project, path);
  return withOwnGitDir(
    context,
    { project: repo.project, objectDirs: [cloneObjects(path)], scratch: true },
    async (dir) => {
      const call = { ...dir.call(path), workTree: path };
      const seen = await snapshot(context, call, head, copied);
      const range = ['--end-of-options', since, seen.tree];
      const listed = splitRaw(
        (await context.git(['diff-tree', '-r', '-z', '--name-status', '--no-renames', ...range], call))
          .stdout,
      );
      const changes = listed.flatMap((path, i) =>
        i % 2 === 1 ? [{ path: shownPath(path), isGone: listed[i - 1] === 'D' }] : [],
      );
      const { commitsAdded, rewritten } = await historySince(context, call, since, head);
      const sorted = (of: typeof changes) => of.map((change) => change.path).sort();
      return {
        path,
        head,
        branch: branchOf(found),
        commitsAdded,
        rewritten,
        dirty: seen.dirty,
        changedPaths: sorted(changes),
        deletedPaths: sorted(changes.filter((change) => change.isGone)),
        leftOut: seen.leftOut,
      };
    },
  );
}

async function historySince(
  context: Context,
  call: GitCall,
  since: string,
  head: string,
): Promise<{ commitsAdded: number; rewritten: boolean }> {
  if (head === since) return { commitsAdded: 0, rewritten: false };
  const count = await context.git(['rev-list', '--count', '--end-of-options', `${since}..${head}`], call);
  const inHistory = await context.git(['merge-base', '--is-ancestor', '--end-of-options', since, head], {
    ...call,
    okCodes: [0, 1],
  });
  return { commitsAdded: Number(lineOf(count)), rewritten: inHistory.exitCode !== 0 };
}

const MAX_PATCH_BYTES = 256 * 1024;

/** What an agent has changed since a commit, committed or not, as a patch; for one that goes on without its memory. */
export async function clonePatch(
  context: Context,
  repo: Repository,
  key: string,
  since: string,
  options: { readonly copied?: readonly string[]; readonly maxBytes?: number } = {},
): Promise<{ text: string; cut: boolean }> {
  return inSnapshot(context, repo, { key, since, copied: options.copied ?? [] }, async ({ call, tree }) => {
    const output = await context.git([...PATCH_ARGS, '--end-of-options', since, tree], {
      ...call,
      cutAtBytes: options.maxBytes ?? MAX_PATCH_BYTES,
    });
    return { text: output.stdout.toString('utf8'), cut: output.cut };
  });
}

export interface CloneProgress {
  /** On HEAD since the commit, not of it. */
  readonly commits: number;
  /** Against the commit, committed or not, as a take would record it. */
  readonly stat: Diff['stat'];
}

/** How far an agent is since a commit, in numbers; changes nothing and repairs nothing, for it may be at work. */
export async function cloneProgress(
  context: Context,
  repo: Repository,
  key: string,
  since: string,
  copied: readonly string[] = [],
): Promise<CloneProgress> {
  return inSnapshot(context, repo, { key, since, copied }, async ({ call, head, tree }) => {
    const counts = await context.git(
      ['diff-tree', '-r', '-z', '--numstat', '--no-renames', '--end-of-options', since, tree],
      call,
    );
    const { commitsAdded } = await historySince(context, call, since, head);
    return { commits: commitsAdded, stat: statOf(counts.stdout) };
  });
}

type Located = GitCall & { readonly workTree: string };

/** With the clone as it lies there as a tree, in a git directory of our own. */
async function inSnapshot<T>(
  context: Context,
  { project }: Repository,
  {
    key,
    since,
    copied,
  }: { readonly key: string; readonly since: string; readonly copied: readonly string[] },
  work: (of: { call: Located; head: string; tree: string }) => Promise<T>,
): Promise<T> {
  checkCommit(since);
  const path = clonePath(context, project, key);
  const head = commitOf(await readHead(path), path);
  return withOwnGitDir(context, { project, objectDirs: [cloneObjects(path)], scratch: true }, async (dir) => {
    const call = { ...dir.call(path), workTree: path };
    const { tree } = await snapshot(context, call, head, copied);
    return work({ call, head, tree });
  });
}

/** The tree a take would record now. */
async function snapshot(
  context: Context,
  call: Located,
  head: string,
  copied: readonly string[],
): Promise<{ tree: string; dirty: boolean; leftOut: readonly LeftOut[] }> {
  const scan = withoutCopied(await scanTree(context, call, head), copied);
  const { taken, leftOut } = await selectUntracked(context, call, scan, copied);
  const dirty = scan.deleted.length + scan.modified.length + taken.length > 0;
  return { tree: await writeSnapshot(context, call, scan, taken), dirty, leftOut };
}

function branchOf(head: CloneHead): string | null {
  return head.kind === 'branch' ? head.branch : null;
}
