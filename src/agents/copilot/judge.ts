import type { Judgement } from '../../core/failure.ts';
import type { FinishedRun } from '../agent.ts';
import { readStderr } from '../event-log.ts';
import { judgeReport } from '../run-report.ts';
import { FAILURE_RULES } from './failure-rules.ts';
import { readRun } from './read-log.ts';

/** Reads a finished run's logs and judges it. Constant memory; a bad log is a verdict, never an exception. */
export async function judge(run: FinishedRun): Promise<Judgement> {
  const report = await readRun(run.stdoutPath, await readStderr(run));
  return judgeReport(run, report, { kind: 'copilot', rules: FAILURE_RULES });
}
