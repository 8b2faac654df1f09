import { join } from 'node:path';
import { AppError } from '../../core/errors.ts';
import { runName } from '../../core/model.ts';
import type { CommandSpec } from '../../launcher/launcher.ts';
import type { StageContext } from '../stage.ts';

const STEP_TIMEOUT_MS = 30 * 60 * 1000;

/** A setup or check command of an attempt: in the clone, under the attempt's run directory and limits. */
export function stepOf(context: StageContext, cwd: string, name: string, command: string): CommandSpec {
  return {
    command,
    cwd,
    env: { ...context.baseEnv, ...context.project.env },
    timeoutMs: STEP_TIMEOUT_MS,
    directory: join(context.run.directory, name),
    runId: runName(context.run.id),
    isolation: 'auto',
    signal: context.signal,
  };
}

/** The account of the run. Throws `account.unknown` when the configuration has lost it. */
export function accountOf(context: StageContext) {
  if (context.account !== null) return context.account;
  throw new AppError(`account ${context.run.account ?? ''} is not in the configuration`, {
    code: 'account.unknown',
    hint: 'add it to orch.yaml',
  });
}

/** Names the clone: the task's key, or the job's number. */
export function keyOf(context: StageContext): string {
  return context.task?.key ?? `job-${context.job.id}`;
}

/** Files Orch copied into the clone: never taken, never salvaged. */
export function copied(context: StageContext): readonly string[] {
  return context.project.copy.map((each) => each.to);
}
