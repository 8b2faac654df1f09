import { join } from 'node:path';
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
