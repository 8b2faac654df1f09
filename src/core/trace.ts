import { type JUnitCase, resultOf } from './junit.ts';

/** Traceability of one task: each acceptance criterion, the requirements that serve it, the tests that prove it. */
export interface TraceMatrix {
  /** Head of the branch it was proven at; null before anything was. */
  readonly head: string | null;
  readonly criteria: readonly TraceCriterion[];
}

export interface TraceCriterion {
  readonly id: string;
  readonly text: string;
  /** Ids of the requirements that name it. */
  readonly requirements: readonly string[];
  readonly tests: readonly TraceTest[];
}

export interface TraceTest {
  readonly id: string;
  readonly kind: 'automated' | 'command' | 'manual';
  /** File and name, or the command, or what a person has to look at. */
  readonly what: string;
  readonly state: 'passed' | 'failed' | 'not_proven' | 'missing' | 'ticked' | 'to_tick';
  /** Why it is in that state, in one line; empty when that is plain. */
  readonly detail: string;
}

/** A `trace.json` that was read and is right in itself; texts are one line each. */
export interface Trace {
  readonly acs: readonly { readonly id: string; readonly text: string }[];
  readonly trs: readonly { readonly id: string; readonly text: string; readonly acs: readonly string[] }[];
  readonly tcs: readonly TestCase[];
}

export type TestCase = { readonly id: string; readonly acs: readonly string[] } & (
  | { readonly kind: 'automated'; readonly file: string; readonly name: string }
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'manual'; readonly name: string | null }
);

/** What Orch saw of the tests that a trace names. */
export interface TestsSeen {
  /** Each named file as it will be committed, or why it will not be. */
  readonly files: ReadonlyMap<string, { readonly text: string } | { readonly why: string }>;
  /** What the checks reported; `why` when there are no reports to look into. */
  readonly reports:
    | { readonly cases: readonly JUnitCase[]; readonly problems: readonly string[] }
    | { readonly why: string };
  /** How each command ended, or why it was not run. */
  readonly commands: ReadonlyMap<
    string,
    { readonly exitCode: number | null; readonly lastLine: string } | { readonly why: string }
  >;
}

/** Traceability is on where somebody writes criteria and somebody proves them. */
export function isTraced(
  pipeline: readonly { readonly kind: string; readonly agent: string | null }[],
  trace: 'auto' | 'off',
): boolean {
  const has = (role: string) => pipeline.some((stage) => stage.kind === 'agent' && stage.agent === role);
  return trace === 'auto' && has('analyst') && has('tester');
}

/** The matrix of a trace. `seen` is null before testing: then it has no tests. Nothing is ticked and no head set: see `traceAfter`. */
export function matrixOf(trace: Trace, seen: TestsSeen | null): TraceMatrix {
  const tests = new Map(seen === null ? [] : trace.tcs.map((tc) => [tc, testOf(tc, trace, seen)]));
  return {
    head: null,
    criteria: trace.acs.map(({ id, text }) => ({
      id,
      text,
      requirements: trace.trs.filter((tr) => tr.acs.includes(id)).map((tr) => tr.id),
      tests: [...tests].flatMap(([tc, test]) => (tc.acs.includes(id) ? [test] : [])),
    })),
  };
}

function testOf(tc: TestCase, trace: Trace, seen: TestsSeen): TraceTest {
  switch (tc.kind) {
    case 'automated':
      return { id: tc.id, kind: tc.kind, what: `${tc.file}: ${tc.name}`, ...automated(tc, seen) };
    case 'command':
      return { id: tc.id, kind: tc.kind, what: tc.command, ...commanded(tc, seen) };
    case 'manual':
      return {
        id: tc.id,
        kind: tc.kind,
        what: tc.name ?? trace.acs.find((ac) => ac.id === tc.acs[0])?.text ?? '',
        state: 'to_tick',
        detail: '',
      };
  }
}

function automated(
  tc: { readonly file: string; readonly name: string },
  seen: TestsSeen,
): Pick<TraceTest, 'state' | 'detail'> {
  const file = seen.files.get(tc.file) ?? { why: 'was not looked at' };
  if ('why' in file) return { state: 'missing', detail: `${tc.file} ${file.why}` };
  if (!occurs(tc.name, file.text))
    return { state: 'missing', detail: `"${tc.name}" does not occur in ${tc.file}` };
  if ('why' in seen.reports) return { state: 'not_proven', detail: seen.reports.why };
  const { cases, problems } = seen.reports;
  const result = resultOf(cases, tc);
  switch (result.kind) {
    case 'passed':
      return { state: 'passed', detail: '' };
    case 'failed':
      return { state: 'failed', detail: result.why };
    case 'missing':
      return { state: 'missing', detail: [result.why, ...problems.slice(0, 3)].join('; ') };
  }
}

/**
 * The name as it is, or as a quoted text of the source with its quotes escaped; a name joined of a class and a
 * test (`GreetTest::testName`) occurs when each part of it does.
 */
function occurs(name: string, text: string): boolean {
  const plain = text.replaceAll(/\\(['"`])/g, '$1');
  if (text.includes(name) || plain.includes(name)) return true;
  const parts = name.split(/::| > | › |[#.]/).map((part) => part.trim());
  return parts.length > 1 && parts.every((part) => part !== '' && plain.includes(part));
}

function commanded(tc: { readonly id: string }, seen: TestsSeen): Pick<TraceTest, 'state' | 'detail'> {
  const end = seen.commands.get(tc.id) ?? { why: 'was not run' };
  if ('why' in end) return { state: 'not_proven', detail: end.why };
  if (end.exitCode === 0) return { state: 'passed', detail: '' };
  const said = end.lastLine === '' ? '' : `: ${end.lastLine}`;
  return { state: 'failed', detail: `exit ${end.exitCode ?? 'none'}${said}` };
}

/** The tests that refute the stage's word, each once. */
export function refuted(matrix: TraceMatrix): readonly TraceTest[] {
  return testsOf(matrix).filter((test) => test.state === 'missing' || test.state === 'failed');
}

/** Ids of the tests that a person looks at. */
export function manualTests(matrix: TraceMatrix | null): readonly string[] {
  return testsOf(matrix).flatMap((test) => (test.kind === 'manual' ? [test.id] : []));
}
/** Those of them that nobody has ticked yet. */
export function unticked(matrix: TraceMatrix | null): readonly string[] {
  return testsOf(matrix).flatMap((test) => (test.state === 'to_tick' ? [test.id] : []));
}

/** The matrix with exactly these manual tests ticked. */
export function withTicks(matrix: TraceMatrix, ticked: readonly string[]): TraceMatrix {
  const mark = (test: TraceTest): TraceTest =>
    test.kind === 'manual' ? { ...test, state: ticked.includes(test.id) ? 'ticked' : 'to_tick' } : test;
  return { ...matrix, criteria: matrix.criteria.map((ac) => ({ ...ac, tests: ac.tests.map(mark) })) };
}

/**
 * What a task remembers of a new matrix. A tick is a person's word about one commit and one text: it counts on
 * only while the tests are proven at the same head and the test still says the same.
 */
export function traceAfter(
  before: { readonly trace: TraceMatrix | null; readonly ticked: readonly string[] },
  matrix: TraceMatrix,
  head: string | null,
): { readonly trace: TraceMatrix; readonly ticked: readonly string[] } {
  const tests = testsOf(matrix);
  const provenAt = tests.length === 0 ? null : head;
  const known = testsOf(before.trace);
  const same = (id: string) =>
    known.find((test) => test.id === id)?.what === tests.find((test) => test.id === id)?.what;
  const kept = before.trace?.head === provenAt ? before.ticked.filter(same) : [];
  const ticked = kept.filter((id) => manualTests(matrix).includes(id));
  return { trace: withTicks({ ...matrix, head: provenAt }, ticked), ticked };
}

/** Each test once, whatever number of criteria it serves. */
export function testsOf(matrix: TraceMatrix | null): readonly TraceTest[] {
  const all = (matrix?.criteria ?? []).flatMap((ac) => ac.tests);
  return [...new Map(all.map((test) => [test.id, test])).values()];
}
