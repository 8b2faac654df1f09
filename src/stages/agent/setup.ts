import type { CheckResult } from '../../core/checks.ts';
import { setUp } from '../../launcher/project-commands.ts';
import type { StageContext } from '../stage.ts';

/**
 * Sets the worktree up again before its checks, when the run changed a lockfile. A setup that fails
 * here did not fail on the base: it is red like a check, and the next attempt is told. Empty when all
 * is well.
 */
export async function setUpAgain(context: StageContext, path: string): Promise<CheckResult[]> {
  const failed = await setUp(context, { path, created: false }, { afterRun: true });
  if (failed === null) return [];
  const command = `setup with the changed lockfile: ${failed.command}`;
  return [{ command, exitCode: failed.exit.exitCode, output: failed.output, state: 'red', news: [] }];
}
