import { notRun } from '../../core/failure.ts';
import { deployKey, type Finding, type Task } from '../../core/model.ts';
import { pullRequestBody } from '../../core/trace-markdown.ts';
import { cloneAt } from '../../launcher/base-checks.ts';
import { runChecks } from '../../launcher/project-checks.ts';
import { commandSpec, setUp } from '../../launcher/project-commands.ts';
import { runStep } from '../../launcher/step.ts';
import { copyFiles } from '../../workspace/copied-files.ts';
import type { StageContext, StageKind, StageResult } from '../stage.ts';

/**
 * Merges exactly the approved head, checked as it will be in the base, then runs the deploy command on
 * the merge commit. Safe to repeat: what is merged already is not merged again.
 */
export const deployStage: StageKind = { kind: 'deploy', start: run, adopt: run };

const NO_END = { exitCode: null, signal: null, stoppedBy: null, vanished: false } as const;
/** The clone in which a merge is checked before it is made; nobody works there. */
const MERGE_CLONE = 'merge-checks';
const SHOWN_OUTPUT = 4000;

async function run(context: StageContext): Promise<StageResult> {
  const { task, job, stage, project, forge } = context;
  if (task === null || task.head === null)
    return ended(notRun('permanent', 'there is no commit to merge', 'deploy.no_head'));
  const at = { pr: task.pr, branch: task.branch, base: project.base, head: task.head };
  const standing = await forge.look(at);
  if (standing.kind === 'merged') return deploy(context, task, standing.commit);
  const current = await headNow(context, task, task.head);
  if (typeof current !== 'string') return current;
  if (standing.kind === 'closed')
    return asks(`the pull request of ${task.key} was closed: reopen it, or orch cancel ${task.key}`, current);
  if (stage.approval === 'required' && job.context.approvedHead !== current)
    return asks(
      `${stage.stage} of ${task.key} waits for approval of ${short(current)}: the head moved from ${short(job.context.approvedHead ?? task.head)}`,
      current,
    );
  if (stage.merge === 'manual')
    return asks(
      `${short(current)} of ${task.branch} is not in ${project.base} yet: merge it, then orch approve ${task.key}`,
      current,
    );
  const red = await checkMerge(context, task, current);
  if (red !== null) return red;
  // Its opening may still be on its way: whoever comes second gets the one that there is.
  const title = `${task.key}: ${task.title}`;
  const by = { key: `pr:${task.key}:open`, again: true, signal: context.signal };
  const pr = task.pr ?? (await forge.open({ ...at, head: current, title, body: pullRequestBody(task) }, by));
  const merged = await forge.merge({ ...at, pr, head: current, message: messageOf(task) });
  switch (merged.kind) {
    case 'merged':
      return deploy(context, { ...task, pr }, merged.commit);
    case 'conflict':
      return conflict(project.base, merged.files);
    case 'refused':
      return { ...ended(notRun('permanent', merged.detail, 'deploy.refused')), finalCode: 'forge.refused' };
    case 'outdated':
    case 'scheduled':
    case 'retry':
      return ended(notRun('transient', merged.detail, 'deploy.retry'));
  }
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
      // Another head: an attempt before this one had brought people's commits in, and did not come to its end.
      return synced.head === null || synced.head === head ? head : pushedHead(context, task, synced.head);
    case 'synced':
      return pushedHead(context, task, synced.head);
    case 'clone_dirty':
      // The worktree is between two runs: what lies in it counts for nothing, and is kept.
      if (isTidy) return conflict(`the commits by people on ${task.branch}`, ['files in the worktree']);
      await workspace.resetTo(repository, {
        key: task.key,
        branch: task.branch,
        run: `run_${context.run.id}`,
        head,
        copied: context.project.copy.map((each) => each.to),
      });
      return headNow(context, task, head, true);
    case 'conflict':
      return conflict(`the commits by people on ${task.branch}`, synced.files);
    case 'branch_moved':
      return moved(task, synced.remote);
  }
}

async function pushedHead(context: StageContext, task: Task, head: string): Promise<string | StageResult> {
  const pushed = await context.workspace.push(context.repository, task.branch);
  return pushed.kind === 'branch_moved' ? moved(task, pushed.remote) : head;
}

/**
 * Checks what the base will be, unless exactly that was checked already: another change may have come
 * in between, and two that are right alone can be wrong together. Red goes back with the output.
 */
async function checkMerge(context: StageContext, task: Task, head: string): Promise<StageResult | null> {
  const { workspace, repository, project } = context;
  if ((context.stage.checks ?? project.checks).length === 0) return null;
  const base = await workspace.baseHead(repository);
  if (task.checkedHead === head && (await workspace.isAncestor(project.key, base, head))) return null;
  const preview = await workspace.previewMerge(repository, {
    branch: task.branch,
    head,
    message: messageOf(task),
  });
  if (preview.kind === 'conflict') return conflict(project.base, preview.files);
  return context.exclusive(`${MERGE_CLONE}:${project.key}`, async () => {
    const ready = await cloneAt(context, MERGE_CLONE, preview.commit);
    if (context.signal.aborted) return stopped();
    if (ready.trouble !== null) return sentBack(head, 'setup failed on the merge', ready.trouble);
    const checks = await runChecks(context, ready.path, base);
    if (context.signal.aborted) return stopped();
    const red = checks.find((check) => check.state === 'red' || check.state === 'no_tests');
    return red === undefined
      ? null
      : sentBack(head, `check failed on the merge with ${project.base}: ${red.command}`, red.output);
  });
}

/** What comes after the merge: the command on its commit. The merge stays, whatever the command does. */
async function deploy(context: StageContext, task: Task, commit: string): Promise<StageResult> {
  const { stage, workspace, repository, project } = context;
  const pr = task.pr === null ? null : { ...task.pr, state: 'merged' as const };
  const done: StageResult = {
    ...ended(notRun('success', `merged as ${short(commit)}`, 'deploy.merged')),
    outcome: { kind: 'advance', noChange: null },
    pr,
  };
  if (stage.command === null) return done;
  // Of this run alone; torn down and removed when the run has ended.
  const clone = await workspace.prepare(repository, {
    key: deployKey(task, context.run),
    branch: null,
    startPoint: commit,
  });
  await copyFiles(project.copy, clone.path);
  const unready = await setUp(context, clone);
  if (unready !== null && !context.signal.aborted)
    return {
      ...ended(notRun('permanent', `after the merge: ${unready.text}`, 'workspace.setup_failed')),
      pr,
      finalCode: 'workspace.setup_failed',
    };
  const { exit, outputTail } =
    unready === null
      ? await runStep(
          await commandSpec(context, clone.path, 'command', stage.command, context.limits.timeoutMs),
        )
      : { exit: unready.exit, outputTail: unready.output };
  if (exit.exitCode === 0) return { ...done, end: exit };
  if (exit.stoppedBy === 'cancel') return { ...stopped(), end: exit, pr };
  return {
    ...ended(
      notRun(
        'permanent',
        `deploy command failed after the merge: exit ${exit.exitCode ?? exit.signal ?? 'none'}\n${outputTail.slice(-SHOWN_OUTPUT)}`,
        'deploy.command',
      ),
    ),
    end: exit,
    pr,
    // The merge is done and stays: running the command again is a person's decision.
    finalCode: 'deploy.command_failed',
  };
}

/** A person has to say yes (again) before it goes on; nothing is spent. */
function asks(detail: string, head: string): StageResult {
  return {
    ...ended(notRun('success', detail, 'deploy.asks')),
    outcome: { kind: 'ask', code: 'approval.pending', detail },
    head,
  };
}

function sentBack(head: string, title: string, output: string): StageResult {
  const finding: Finding = {
    severity: 'high',
    file: null,
    line: null,
    title,
    detail: output.slice(-SHOWN_OUTPUT),
  };
  return {
    ...ended(notRun('success', title, 'deploy.red')),
    outcome: { kind: 'send_back', findings: [finding] },
    head,
  };
}

function conflict(base: string, files: readonly string[]): StageResult {
  const detail = `conflict with ${base}: ${files.slice(0, 10).join(', ')}`;
  return { ...ended(notRun('permanent', detail, 'deploy.conflict')), finalCode: 'forge.conflict' };
}

function moved(task: Task, remote: string): StageResult {
  const detail = `the remote ${task.branch} was moved away from Orch's commits, to ${short(remote)}: nothing is pushed over it`;
  return { ...ended(notRun('permanent', detail, 'deploy.branch_moved')), finalCode: 'branch.moved' };
}

function stopped(): StageResult {
  return ended(notRun('cancelled', 'stopped', 'orch.stopped'));
}

function ended(judgement: StageResult['judgement']): StageResult {
  return { judgement, end: NO_END, outcome: null, head: null, pr: null, finalCode: null, ran: false };
}

function messageOf(task: Task): string {
  return `${task.key}: ${task.title}\n\nMerged by Orch.`;
}

function short(commit: string): string {
  return commit.slice(0, 7);
}
