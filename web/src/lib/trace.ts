import type { TaskWire } from '../../../src/http/contract.ts';

export type TraceWire = NonNullable<TaskWire['trace']>;
export type TestWire = TraceWire['criteria'][number]['tests'][number];

/** The tests that the criteria of a task name, and how many of them are proven. */
export function testsOf(trace: TraceWire | null): { tests: readonly TestWire[]; proven: number } {
  const tests = trace?.criteria.flatMap((criterion) => criterion.tests) ?? [];
  return { tests, proven: tests.filter(({ state }) => state === 'passed' || state === 'ticked').length };
}
