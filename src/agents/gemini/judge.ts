import type { Judgement } from '../../core/failure.ts';
import type { FinishedRun } from '../agent.ts';
import { readStderr } from '../event-log.ts';
import { judgeReport } from '../run-report.ts';
import { isOwnExitCode } from './errors.ts';
import { FAILURE_RULES } from './failure-rules.ts';
import { readRun } from './read-log.ts';

/** The trace before the final JSON is long, and names the error where its message does not. */
const STDERR_BYTES = 64 * 1024;

/** Reads a finished run's logs and judges it. Constant memory; a bad log is a verdict, never an exception. */
export async function judge(run: FinishedRun): Promise<Judgement> {
  const report = await readRun(run, await readStderr(run, STDERR_BYTES));
  return judgeReport(run, report, { kind: 'gemini', rules: FAILURE_RULES, isOwnExitCode });
}
