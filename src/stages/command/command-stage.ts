import { AppError } from '../../core/errors.ts';
import { notRun } from '../../core/failure.ts';
import { worktreeKey } from '../../core/model.ts';
import { commandSpec, setUp } from '../../launcher/project-commands.ts';
import { runStep } from '../../launcher/step.ts';
import { copyFiles } from '../../workspace/copied-files.ts';
import type { StageContext, StageKind, StageResult } from '../stage.ts';

/** A stage that is one command on the task's branch: exit 0 is its evidence. */
export const commandStage: StageKind = { kind: 'command', start: run, adopt: run };

/** The workspace is a person's to mend. */
const SETUP_FAILED = 'workspace.setup_failed';

async function run(context: StageContext): Promise<StageResult> {
  const { command } = context.stage;
  if (command === null)
    throw new AppError(`stage ${context.stage.stage} has no command`, {
      code: 'stage.no_command',
      hint: `set command for ${context.stage.stage} in orch.yaml`,
    });
  const clone = await context.workspace.prepare(context.repository, {
    key: worktreeKey(context.task, context.job),
    branch: context.job.branch,
  });
  await copyFiles(context.project.copy, clone.path);
  const unready = await setUp(context, clone);
  const { exit, outputTail } =
    unready === null
      ? await runStep(await commandSpec(context, clone.path, 'command', command, context.limits.timeoutMs))
      : { exit: unready.exit, outputTail: unready.output };
  const base = { end: exit, head: null, pr: null, finalCode: null, ran: true };
  if (exit.stoppedBy === 'cancel')
    return { ...base, judgement: notRun('cancelled', 'stopped', 'orch.stopped'), outcome: null };
  if (unready !== null)
    return {
      ...base,
      judgement: notRun('permanent', unready.text, SETUP_FAILED),
      outcome: null,
      finalCode: SETUP_FAILED,
      ran: false,
    };
  if (exit.stoppedBy === 'timeout')
    return {
      ...base,
      judgement: notRun('timeout', `${command} ran into its time limit`, 'command.timeout'),
      outcome: null,
    };
  if (exit.vanished)
    return { ...base, judgement: notRun('lost', `${command} vanished`, 'command.lost'), outcome: null };
  if (exit.exitCode !== 0)
    return {
      ...base,
      judgement: notRun(
        'permanent',
        `${command} failed with exit ${exit.exitCode ?? exit.signal ?? 'none'}\n${outputTail.slice(-4000)}`,
        'command.exit',
      ),
      outcome: null,
    };
  return {
    ...base,
    judgement: notRun('success', `${command} exited 0`, 'command.exit'),
    outcome: { kind: 'advance', noChange: null },
  };
}
