import { notRun } from '../../core/failure.ts';
import { deciding, pendingLine, redFindings } from '../../core/forge-news.ts';
import type { Task } from '../../core/model.ts';
import type { PullFacts } from '../../forges/forge.ts';
import type { StageContext, StageKind, StageResult } from '../stage.ts';
import { checkMerge } from './check-merge.ts';
import { afterMerge } from './command.ts';
import { messageOf, openedPullRequest } from './pull-request.ts';
import {
  asks,
  branchMoved,
  conflictRound,
  ended,
  peopleConflict,
  refused,
  sentBack,
  short,
  stopped,
  transient,
  waits,
} from './results.ts';
import { bringUpToDate } from './up-to-date.ts';

/**
 * Merges exactly the approved head, checked as it will be in the base, then runs the deploy command on
 * the merge commit. Safe to repeat: what is merged already is not merged again.
 */
export const deployStage: StageKind = { kind: 'deploy', start: run, adopt: run };

/** Pauses between tries of a merge that the forge cannot do just now. */
const PAUSES_MS: readonly number[] = [500, 2000, 5000];

async function run(context: StageContext): Promise<StageResult> {
  const { task, job, stage, project, forge } = context;
  if (task === null || task.head === null)
    return ended(notRun('permanent', 'there is no commit to merge', 'deploy.no_head'));
  const standing = await forge.look({
    ...{ pr: task.pr, branch: task.branch, base: project.base, head: task.head },
  });
  if (standing.kind === 'merged') return afterMerge(context, task, standing.commit);
  const current = await headNow(context, task, task.head);
  if (typeof current !== 'string') return current;
  if (standing.kind === 'closed')
    return asks(`the pull request of ${task.key} was closed: reopen it, or orch cancel ${task.key}`, current);
  const approved = job.context.approvedHead;
  if (stage.approval === 'required' && !(await isApproved(context, approved, current)))
    return asks(
      `${stage.stage} of ${task.key} waits for approval of ${short(current)}: the head moved from ${short(approved ?? task.head)}`,
      current,
    );
  if (stage.merge === 'manual')
    return asks(
      `${short(current)} of ${task.branch} is not in ${project.base} yet: merge it, then orch approve ${task.key}`,
      current,
    );
  // One after the other: what is merged was checked on the base that it is merged into.
  const merged = await context.exclusive(`merge:${project.key}:${project.base}`, () =>
    mergeInTurn(context, task, current),
  );
  return merged.kind === 'merged' ? afterMerge(context, merged.task, merged.commit) : merged.result;
}

/** A yes to exactly this head, or to the one that it is with nothing but the base merged in. */
async function isApproved(
  { workspace, repository }: StageContext,
  approved: string | null,
  head: string,
): Promise<boolean> {
  if (approved === null || approved === head) return approved === head;
  return workspace.isSameChange(repository, approved, head);
}

type InTurn =
  | { readonly kind: 'merged'; readonly task: Task; readonly commit: string }
  | { readonly kind: 'not'; readonly result: StageResult };

async function mergeInTurn(context: StageContext, opening: Task, head: string): Promise<InTurn> {
  if (context.signal.aborted) return { kind: 'not', result: stopped() };
  // Only of a pull request that is there the forge tells what others say.
  const pr = await openedPullRequest(context, opening, head);
  const task = { ...opening, pr };
  const tried = await tryMerges(context, task, head);
  return tried.kind === 'not' && opening.pr === null
    ? { kind: 'not', result: { ...tried.result, pr } }
    : tried;
}

async function tryMerges(context: StageContext, task: Task, head: string): Promise<InTurn> {
  let why = 'the base moved each time';
  for (const pauseMs of [...PAUSES_MS, null]) {
    if (context.signal.aborted) return { kind: 'not', result: stopped() };
    const tried = await tryMerge(context, task, head);
    if (tried.kind !== 'again') return tried;
    why = tried.why;
    if (pauseMs !== null) await pause(context, pauseMs);
  }
  return { kind: 'not', result: transient(why) };
}

async function tryMerge(
  context: StageContext,
  task: Task,
  head: string,
): Promise<InTurn | { readonly kind: 'again'; readonly why: string }> {
  const { forge, project, workspace, repository } = context;
  const not = (result: StageResult): InTurn => ({ kind: 'not', result });
  const again = (why: string) => ({ kind: 'again', why }) as const;
  const at = { pr: task.pr, branch: task.branch, base: project.base, head };
  const standing = await forge.look(at);
  if (standing.kind === 'merged') return { kind: 'merged', task, commit: standing.commit };
  if (standing.kind === 'closed')
    return not(
      asks(`the pull request of ${task.key} was closed: reopen it, or orch cancel ${task.key}`, head),
    );
  const { pull } = standing;
  if (pull !== null && pull.head !== head) {
    if (pull.head === null) await workspace.push(repository, task.branch);
    return again(`the forge has ${task.branch} at ${short(pull.head ?? 'nothing')}, not at ${short(head)}`);
  }
  const held = pull === null ? null : heldBack(context, pull, head);
  if (held !== null) return not(held);
  const checked = await checkMerge(context, task, head);
  if (checked.kind === 'not') return checked;
  if (pull !== null && (await isUnproven(context, pull, checked.base, head)))
    return not(await bringUpToDate(context, task, head, pull));
  if ((await workspace.remoteHead(repository, project.base)) !== checked.base)
    return again(`${project.base} moved while the merge was checked`);
  const merged = await forge.merge({ ...at, message: messageOf(task), onto: checked.base });
  switch (merged.kind) {
    case 'merged':
      return { kind: 'merged', task, commit: merged.commit };
    case 'conflict':
      return not(conflictRound(project.base, merged.files, head));
    case 'refused':
      return not(refused(merged.detail, head, context.job.context));
    case 'outdated':
      return not(await bringUpToDate(context, task, head, pull));
    case 'scheduled':
      return not(waits({ detail: merged.detail, merges: true }, head));
    case 'retry':
      return again(merged.detail);
  }
}

/** What others say of this head: red goes back with what they said, and what still runs is waited for. */
function heldBack({ project }: StageContext, pull: PullFacts, head: string): StageResult | null {
  const { red } = deciding(pull.checks);
  if (red.length > 0)
    return sentBack(head, redFindings(red), { facts: { head, touched: null, changedSince: null } });
  const pending = pendingLine(head, pull.checks);
  if (pending !== null) return waits({ detail: pending, merges: false }, head);
  return pull.conflict === true ? conflictRound(project.base, [], head) : null;
}

/** Where only others check the work, what they checked has to hold the base. */
async function isUnproven(
  { stage, project, workspace }: StageContext,
  pull: PullFacts,
  base: string,
  head: string,
): Promise<boolean> {
  if ((stage.checks ?? project.checks).length > 0 || pull.checks.length === 0) return false;
  return !(await workspace.isAncestor(project.key, base, head));
}

async function pause({ signal }: StageContext, ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** The branch with what people pushed to it meanwhile: part of it, and approved by nobody yet. */
async function headNow(
  context: StageContext,
  task: Task,
  head: string,
  isTidy = false,
): Promise<string | StageResult> {
  const { workspace, repository } = context;
  const synced = await workspace.syncBranch(repository, { key: task.key, branch: task.branch });
  switch (synced.kind) {
    case 'up_to_date':
      // Another head: an attempt before this one had brought commits in, and did not come to its end.
      return synced.head === null || synced.head === head ? head : pushedHead(context, task, synced.head);
    case 'synced':
      return pushedHead(context, task, synced.head);
    case 'clone_dirty':
      // The worktree is between two runs: what lies in it counts for nothing, and is kept.
      if (isTidy) return peopleConflict(task.branch, ['files in the worktree']);
      await workspace.resetTo(repository, {
        key: task.key,
        branch: task.branch,
        run: `run_${context.run.id}`,
        head,
        copied: context.project.copy.map((each) => each.to),
      });
      return headNow(context, task, head, true);
    case 'conflict':
      return peopleConflict(task.branch, synced.files);
    case 'branch_moved':
      return branchMoved(task, synced.remote);
  }
}

async function pushedHead(context: StageContext, task: Task, head: string): Promise<string | StageResult> {
  const pushed = await context.workspace.push(context.repository, task.branch);
  return pushed.kind === 'branch_moved' ? branchMoved(task, pushed.remote) : head;
}
