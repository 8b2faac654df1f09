import { type CheckResult, type CheckState, newFailures, reportsNoTests } from '../core/checks.ts';
import { type CheckSurroundings, failureOnBase } from './base-checks.ts';
import { commandSpec } from './project-commands.ts';
import { runStep } from './step.ts';

/**
 * Runs the checks of a stage in the clone, up to the first one that refuses the work. A red check runs
 * once more, since flaky is not failing, and then on the commit the branch started from: what is red
 * there in the same way was not broken by this change.
 */
export async function runChecks(
  at: CheckSurroundings,
  cwd: string,
  roundHead: string,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const [i, command] of (at.stage.checks ?? at.project.checks).entries()) {
    if (at.signal.aborted) break;
    const result = await runCheck(at, cwd, roundHead, { name: `check-${i + 1}`, command });
    results.push(result);
    if (isRefusing(result.state)) break;
  }
  return results;
}

function isRefusing(state: CheckState): boolean {
  return state === 'red' || state === 'no_tests';
}

async function runCheck(
  at: CheckSurroundings,
  cwd: string,
  roundHead: string,
  { name, command }: { name: string; command: string },
): Promise<CheckResult> {
  const once = async () => {
    const { exit, outputTail } = await runStep(await commandSpec(at, cwd, name, command));
    const said = exit.stoppedBy === 'timeout' ? `${outputTail}\n[stopped at its time limit]` : outputTail;
    return { command, exitCode: exit.exitCode, output: said };
  };
  const is = (run: Awaited<ReturnType<typeof once>>, state: CheckState, news: readonly string[] = []) => ({
    ...run,
    state,
    news,
  });
  const first = await once();
  if (first.exitCode === 0) return is(first, reportsNoTests(first.output) ? 'no_tests' : 'green');
  if (at.signal.aborted) return is(first, 'red');
  const second = await once();
  if (second.exitCode === 0) return is(second, reportsNoTests(second.output) ? 'no_tests' : 'flaky');
  if (at.signal.aborted) return is(second, 'red');
  const known = await failureOnBase(at, roundHead, command);
  if (known === null) return is(second, 'red');
  const news = newFailures(second.output, new Set(known.lines));
  return is(second, news.length === 0 && second.exitCode === known.exitCode ? 'known_red' : 'red', news);
}
