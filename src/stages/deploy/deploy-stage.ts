import { notRun } from '../../core/failure.ts';
import { deployKey } from '../../core/model.ts';
import { commandSpec, setUp } from '../../launcher/project-commands.ts';
import { runStep } from '../../launcher/step.ts';
import { copyFiles } from '../../workspace/copied-files.ts';
import type { StageContext, StageKind, StageResult } from '../stage.ts';

/** Merges exactly the approved head, then runs the deploy command on the merge commit. Merging is safe to repeat. */
export const deployStage: StageKind = { kind: 'deploy', start: run, adopt: run };

const NO_END = { exitCode: null, signal: null, stoppedBy: null, vanished: false } as const;

async function run(context: StageContext): Promise<StageResult> {
  const { task, job, stage } = context;
  const head = task?.head ?? null;
  if (task === null || head === null)
    return ended(notRun('permanent', 'there is no commit to merge', 'deploy.no_head'));
  if (stage.approval === 'required' && job.context.approvedHead !== head)
    return ended(
      notRun(
        'permanent',
        `the approval was for ${job.context.approvedHead?.slice(0, 7) ?? 'no commit'}, the head is ${head.slice(0, 7)}`,
        'deploy.approval_void',
      ),
    );
  const merged = await context.forge.merge({
    pr: task.pr,
    branch: task.branch,
    base: context.project.base,
    head,
    message: `${task.key}: ${task.title}\n\nMerged by Orch.`,
  });
  if (merged.kind === 'conflict')
    return {
      ...ended(
        notRun(
          'permanent',
          `conflict with ${context.project.base}: ${merged.files.slice(0, 10).join(', ')}`,
          'deploy.conflict',
        ),
      ),
      finalCode: 'forge.conflict',
    };
  if (merged.kind === 'refused')
    return {
      ...ended(notRun('permanent', merged.detail, 'deploy.refused')),
      finalCode: 'forge.refused',
    };
  if (merged.kind === 'retry') return ended(notRun('transient', merged.detail, 'deploy.retry'));
  const pr = task.pr === null ? null : { ...task.pr, state: 'merged' as const };
  const done: StageResult = {
    judgement: notRun('success', `merged as ${merged.commit.slice(0, 7)}`, 'deploy.merged'),
    end: NO_END,
    outcome: { kind: 'advance', noChange: null },
    head: null,
    pr,
    finalCode: null,
    ran: false,
  };
  if (stage.command === null) return done;
  // Of this run alone; torn down and removed when the run has ended.
  const clone = await context.workspace.prepare(context.repository, {
    key: deployKey(task, context.run),
    branch: null,
    startPoint: merged.commit,
  });
  await copyFiles(context.project.copy, clone.path);
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
  if (exit.stoppedBy === 'cancel')
    return { ...ended(notRun('cancelled', 'stopped', 'orch.stopped')), end: exit, pr };
  return {
    ...ended(
      notRun(
        'permanent',
        `deploy command failed after the merge: exit ${exit.exitCode ?? exit.signal ?? 'none'}\n${outputTail.slice(-4000)}`,
        'deploy.command',
      ),
    ),
    end: exit,
    pr,
    // The merge is done and stays: running the command again is a person's decision.
    finalCode: 'deploy.command_failed',
  };
}

function ended(judgement: StageResult['judgement']): StageResult {
  return { judgement, end: NO_END, outcome: null, head: null, pr: null, finalCode: null, ran: false };
}
