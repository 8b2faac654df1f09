import { readFile } from 'node:fs/promises';
import { clonePath, repairClone, settleClone } from './clone.ts';
import { brokenClone, lstatOrNull, readHead, readRef, unfinishedOperation } from './clone-files.ts';
import { type Commit, commitsBetween, diffCommits, type FileChange } from './diff.ts';
import { withIncoming } from './incoming.ts';
import type { LeftOut } from './left-out.ts';
import { checkBranch, checkCommit } from './names.ts';
import { withOwnGitDir } from './own-git-dir.ts';
import { commitTree, isAncestor, moveRef, resolveRef, treeOf } from './refs.ts';
import { type Context, type Repository } from './repository.ts';
import { scanTree, selectUntracked, withoutCopied, writeSnapshot } from './scan.ts';

export interface TakeRequest {
  readonly key: string;
  readonly branch: string;
  readonly run: string;
  /** The head when the round began: it must still be part of the history. */
  readonly since: string;
  /** Message of the commit Orch makes for what the agent left uncommitted. */
  readonly message: string;
  /** Files Orch copied into the clone (`workspace.copy`): never committed. */
  readonly copied?: readonly string[];
  /** Accept an agent that worked on another branch or a detached HEAD, as long as nothing of the task branch is missing from it. */
  readonly adoptHead?: boolean;
}

export type TakeResult =
  | {
      readonly kind: 'taken';
      readonly head: string;
      readonly commits: readonly Commit[];
      /** The commit Orch made itself, if anything was left uncommitted. */
      readonly committed: string | null;
      /** Changes since `since`, committed by whomever. */
      readonly files: readonly FileChange[];
      readonly leftOut: readonly LeftOut[];
    }
  /** Nothing new since `since`; no commit was made. */
  | { readonly kind: 'unchanged'; readonly head: string; readonly leftOut: readonly LeftOut[] }
  /** The clone is on another branch (`found`), or detached (null). Nothing was taken. */
  | { readonly kind: 'branch_switched'; readonly found: string | null; readonly head: string }
  /** The history no longer holds `missing` (rewritten, or the clone lags behind). Nothing was taken. */
  | { readonly kind: 'diverged'; readonly head: string; readonly missing: string }
  /** A merge or rebase waits for its end. Nothing was taken. */
  | { readonly kind: 'unfinished'; readonly operation: string }
  /** Git found the commits malformed or incomplete. Nothing was taken. */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Takes an agent's work into the bare repository: its commits, checked, and one commit of what it
 * left uncommitted. The branch moves last and only forward, so a crash anywhere changes nothing or is
 * completed by the same call again. Call it locked.
 */
export async function takeWork(
  context: Context,
  repo: Repository,
  request: TakeRequest,
): Promise<TakeResult> {
  const branch = checkBranch(request.branch);
  const since = checkCommit(request.since);
  const clone = clonePath(context, repo.project, request.key);
  if ((await lstatOrNull(clone)) === null) throw brokenClone(clone, 'the clone is gone');
  const found = await readHead(clone);
  if (found.kind === 'broken') return { kind: 'refused', reason: found.reason };
  if (found.kind === 'unborn') return { kind: 'branch_switched', found: found.branch, head: since };
  const operation = await unfinishedOperation(clone);
  if (operation !== null) return { kind: 'unfinished', operation };
  const onBranch = found.kind === 'branch' && found.branch === branch;
  if (!onBranch && request.adoptHead !== true)
    return {
      kind: 'branch_switched',
      found: found.kind === 'branch' ? found.branch : null,
      head: found.commit,
    };
  // What HEAD's history must hold: on another branch also all that was done on the task branch.
  const left = await readRef(clone, `refs/heads/${branch}`);
  const needed = left.kind === 'at' && left.commit !== found.commit ? [since, left.commit] : [since];
  await repairClone(context, repo.project, clone);
  return withIncoming(
    context,
    repo.project,
    clone,
    { run: request.run, commit: found.commit, strict: true },
    async (incoming) => {
      if (incoming.kind === 'refused') return incoming;
      for (const commit of needed) {
        if (!(await isAncestor(context, repo.project, commit, found.commit)))
          return { kind: 'diverged', head: found.commit, missing: commit };
      }
      return snapshotAndMove(context, repo, { ...request, branch, since }, clone, found.commit);
    },
  );
}

async function snapshotAndMove(
  context: Context,
  repo: Repository,
  request: TakeRequest,
  clone: string,
  incoming: string,
): Promise<TakeResult> {
  const { branch, since } = request;
  const tip = await resolveRef(context, repo.project, `refs/heads/${branch}`);
  return withOwnGitDir(context, { project: repo.project }, async (dir): Promise<TakeResult> => {
    const call = { ...dir.call(clone), workTree: clone };
    const scan = withoutCopied(await scanTree(context, call, incoming), request.copied ?? []);
    const { taken, leftOut } = await selectUntracked(context, call, scan, request.copied ?? []);
    const tree = await writeSnapshot(context, call, scan, taken);
    const ahead =
      tip !== null && tip !== incoming && !(await isAncestor(context, repo.project, tip, incoming));
    // A crash after the branch moved: it already holds exactly this working tree.
    const done =
      ahead &&
      (await isAncestor(context, repo.project, incoming, tip)) &&
      (await treeOf(context, repo.project, tip)) === tree;
    if (ahead && !done) return { kind: 'diverged', head: incoming, missing: tip };
    const dirty = tree !== (await treeOf(context, repo.project, incoming));
    const committed = !dirty
      ? null
      : done
        ? tip
        : await commitTree(context, repo, tree, [incoming], request.message);
    const head = committed ?? (done ? tip : incoming);
    if (head !== tip && !(await moveRef(context, repo.project, `refs/heads/${branch}`, head, tip)))
      return { kind: 'diverged', head, missing: tip ?? since };
    await settleClone(clone, branch, head, await readFile(call.indexFile));
    if (head === since) return { kind: 'unchanged', head, leftOut };
    const [commits, { files }] = await Promise.all([
      commitsBetween(context, repo.project, since, head),
      diffCommits(context, repo.project, since, head),
    ]);
    return { kind: 'taken', head, commits, committed, files, leftOut };
  });
}
