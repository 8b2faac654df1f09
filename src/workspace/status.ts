import { clonePath, commitOf, repairClone } from './clone.ts';
import { type CloneHead, readHead } from './clone-files.ts';
import { lineOf } from './git.ts';
import { cloneObjects } from './incoming.ts';
import type { LeftOut } from './left-out.ts';
import { checkCommit } from './names.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { shownPath, splitRaw } from './paths.ts';
import type { Context, Repository } from './repository.ts';
import { scanTree, selectUntracked, withoutCopied } from './scan.ts';

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
  /** Files that differ from `since`, committed or not, as a take would record them; sorted. */
  readonly changedPaths: readonly string[];
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
      const scan = withoutCopied(await scanTree(context, call, head), copied);
      const { taken, leftOut } = await selectUntracked(context, call, scan, copied);
      const committed = await context.git(
        [
          'diff-tree',
          '-r',
          '-z',
          '--name-only',
          '--no-renames',
          '--no-commit-id',
          '--end-of-options',
          since,
          head,
        ],
        call,
      );
      const count = await context.git(['rev-list', '--count', '--end-of-options', `${since}..${head}`], call);
      const inHistory = await context.git(['merge-base', '--is-ancestor', '--end-of-options', since, head], {
        ...call,
        okCodes: [0, 1],
      });
      const open = [...scan.deleted, ...scan.modified, ...taken];
      const changed = new Set([...splitRaw(committed.stdout), ...open].map(shownPath));
      return {
        path,
        head,
        branch: branchOf(found),
        commitsAdded: Number(lineOf(count)),
        rewritten: inHistory.exitCode !== 0,
        dirty: open.length > 0,
        changedPaths: [...changed].sort(),
        leftOut,
      };
    },
  );
}

function branchOf(head: CloneHead): string | null {
  return head.kind === 'branch' ? head.branch : null;
}
