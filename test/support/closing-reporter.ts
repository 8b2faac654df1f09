import { writeFileSync } from 'node:fs';
import type { SerializedError } from 'vitest';
import type { Reporter, TestCase, TestModule, TestRunEndReason } from 'vitest/node';

interface Skip {
  readonly what: string;
  readonly reason: string;
  count: number;
}

/** Counts what ran for `scripts/test.mjs`, which prints it as the very last line. */
export default class ClosingReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const file = process.env['ORCH_TEST_SUMMARY'];
    if (file === undefined) return;
    const counts = { passed: 0, failed: 0, skipped: 0 };
    const skips = new Map<string, Skip>();
    const errors: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'pending') errors.push(`${test.fullName} never finished`);
        else counts[state] += 1;
        if (state === 'skipped') addSkip(skips, test);
      }
      // A file that cannot load, or a suite whose hook breaks, fails without a failing test of its own.
      if (module.errors().length > 0) errors.push(`${module.relativeModuleId} could not run`);
      for (const suite of module.children.allSuites()) {
        if (suite.errors().length > 0) errors.push(`${suite.fullName}: a hook of the suite broke`);
      }
    }
    for (const error of unhandled) errors.push(`unhandled: ${error.message}`);
    if (reason === 'interrupted') errors.push('the run was interrupted');
    writeFileSync(file, JSON.stringify({ ...counts, skips: [...skips.values()], errors }));
  }
}

/** Suites say why in their name, `[skipped: reason]`; a single test may leave a note instead. */
function addSkip(skips: Map<string, Skip>, test: TestCase): void {
  const named = /^(.*?)\s*\[skipped: (.*)\](?: > |$)/.exec(test.fullName);
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  const what = named?.[1] || test.fullName;
  const reason = named?.[2] ?? note ?? 'no reason given';
  const known = skips.get(`${what}\n${reason}`);
  if (known) known.count += 1;
  else skips.set(`${what}\n${reason}`, { what, reason, count: 1 });
}
