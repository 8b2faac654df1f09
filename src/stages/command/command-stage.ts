import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { notRun } from '../../core/failure.ts';
import { runName } from '../../core/model.ts';
import { runStep } from '../../launcher/step.ts';
import type { StageContext, StageKind, StageResult } from '../stage.ts';

/** A stage that is one command on the task's branch: exit 0 is its evidence. */
export const commandStage: StageKind = { kind: 'command', start: run, adopt: run };

async function run(context: StageContext): Promise<StageResult> {
  const { command } = context.stage;
  if (command === null)
    throw new AppError(`stage ${context.stage.stage} has no command`, {
      code: 'stage.no_command',
      hint: `set command for ${context.stage.stage} in orch.yaml`,
    });
  const clone = await context.workspace.prepare(context.repository, {
    key: context.task?.key ?? `job-${context.job.id}`,
    branch: context.job.branch,
  });
  const { exit, outputTail } = await runStep({
    command,
    cwd: clone.path,
    env: { ...context.baseEnv, ...context.project.env },
    timeoutMs: context.limits.timeoutMs,
    directory: join(context.run.directory, 'command'),
    runId: runName(context.run.id),
    isolation: 'auto',
    signal: context.signal,
  });
  const base = { end: exit, head: null, pr: null, finalCode: null, ran: true };
  if (exit.stoppedBy === 'cancel')
    return { ...base, judgement: notRun('cancelled', 'stopped', 'orch.stopped'), outcome: null };
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
