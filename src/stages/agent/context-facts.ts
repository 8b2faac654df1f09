import { AppError } from '../../core/errors.ts';
import { worktreeKey } from '../../core/model.ts';
import type { CommandSpec } from '../../launcher/launcher.ts';
import { commandSpec } from '../../launcher/project-commands.ts';
import type { StageContext } from '../stage.ts';

/** A check of an attempt: in the clone, with its variables, under the attempt's run directory and limits. */
export async function stepOf(
  context: StageContext,
  cwd: string,
  name: string,
  command: string,
): Promise<CommandSpec> {
  return commandSpec(context, cwd, name, command);
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
  return worktreeKey(context.task, context.job);
}

/** Files Orch copied into the clone: never taken, never salvaged. */
export function copied(context: StageContext): readonly string[] {
  return context.project.copy.map((each) => each.to);
}
