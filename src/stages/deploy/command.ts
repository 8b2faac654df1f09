import { notRun } from '../../core/failure.ts';
import { deployKey, type Task } from '../../core/model.ts';
import { commandSpec, setUp } from '../../launcher/project-commands.ts';
import { runStep } from '../../launcher/step.ts';
import { copyFiles } from '../../workspace/copied-files.ts';
import type { StageContext, StageResult } from '../stage.ts';
import { ended, short, stopped } from './results.ts';

const SHOWN_OUTPUT = 4000;

/** What comes after the merge: the command on its commit. The merge stays, whatever the command does. */
export async function afterMerge(context: StageContext, task: Task, commit: string): Promise<StageResult> {
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
