import { describe, expect, it } from 'vitest';
import {
  isTraced,
  manualTests,
  matrixOf,
  refuted,
  type TestsSeen,
  type Trace,
  type TraceMatrix,
  traceAfter,
  unticked,
  withTicks,
} from './trace.ts';

const TRACE: Trace = {
  acs: [
    { id: 'AC-1', text: 'greets by name' },
    { id: 'AC-2', text: 'looks good' },
  ],
  trs: [{ id: 'TR-1', text: 'one function', acs: ['AC-1'] }],
  tcs: [
    { id: 'TC-1', acs: ['AC-1'], kind: 'automated', file: 'test/a.test.js', name: 'greets' },
    { id: 'TC-2', acs: ['AC-1', 'AC-2'], kind: 'command', command: 'sh check.sh' },
    { id: 'TC-3', acs: ['AC-2'], kind: 'manual', name: 'open the page' },
  ],
};
const CASE = { name: 'greets', classname: '', file: null, state: 'passed', message: '' } as const;
const SEEN: TestsSeen = {
  files: new Map([['test/a.test.js', { text: `it('greets', () => {})` }]]),
  reports: { cases: [CASE], problems: [] },
  commands: new Map([['TC-2', { exitCode: 0, lastLine: '' }]]),
};
const of = (matrix: TraceMatrix, id: string) =>
  matrix.criteria.flatMap((ac) => ac.tests).find((test) => test.id === id);

describe('the matrix', () => {
  it('joins each criterion with its requirements and its tests, proven', () => {
    expect(matrixOf(TRACE, SEEN)).toEqual({
      head: null,
      criteria: [
        {
          id: 'AC-1',
          text: 'greets by name',
          requirements: ['TR-1'],
          tests: [
            { id: 'TC-1', kind: 'automated', what: 'test/a.test.js: greets', state: 'passed', detail: '' },
            { id: 'TC-2', kind: 'command', what: 'sh check.sh', state: 'passed', detail: '' },
          ],
        },
        {
          id: 'AC-2',
          text: 'looks good',
          requirements: [],
          tests: [
            { id: 'TC-2', kind: 'command', what: 'sh check.sh', state: 'passed', detail: '' },
            { id: 'TC-3', kind: 'manual', what: 'open the page', state: 'to_tick', detail: '' },
          ],
        },
      ],
    });
  });

  it('has no tests before testing', () => {
    expect(matrixOf(TRACE, null).criteria.map((ac) => ac.tests)).toEqual([[], []]);
  });

  it.each<[string, Partial<TestsSeen>, string, RegExp]>([
    [
      'of a file that is not there',
      { files: new Map([['test/a.test.js', { why: 'is not there' }]]) },
      'missing',
      /test\/a\.test\.js is not there/,
    ],
    [
      'whose name is not in the file',
      { files: new Map([['test/a.test.js', { text: 'nothing' }]]) },
      'missing',
      /"greets" does not occur in test\/a\.test\.js/,
    ],
    [
      'without reports',
      { reports: { why: 'the project names no reports' } },
      'not_proven',
      /names no reports/,
    ],
    [
      'that the reports do not have',
      { reports: { cases: [], problems: ['x.xml is too large'] } },
      'missing',
      /no test called "greets".*x\.xml is too large/,
    ],
    [
      'that failed',
      { reports: { cases: [{ ...CASE, state: 'failed', message: 'boom' }], problems: [] } },
      'failed',
      /boom/,
    ],
    [
      'that was skipped',
      { reports: { cases: [{ ...CASE, state: 'skipped' }], problems: [] } },
      'failed',
      /skipped/,
    ],
  ])('tells an automated test %s', (_name, seen, state, detail) => {
    expect(of(matrixOf(TRACE, { ...SEEN, ...seen }), 'TC-1')).toMatchObject({
      state,
      detail: expect.stringMatching(detail),
    });
  });

  it.each<[string, TestsSeen['commands'], string, string]>([
    ['failed', new Map([['TC-2', { exitCode: 3, lastLine: 'no name' }]]), 'failed', 'exit 3: no name'],
    ['was killed', new Map([['TC-2', { exitCode: null, lastLine: '' }]]), 'failed', 'exit none'],
    ['was not run', new Map(), 'not_proven', 'was not run'],
  ])('tells a command that %s', (_name, commands, state, detail) => {
    expect(of(matrixOf(TRACE, { ...SEEN, commands }), 'TC-2')).toMatchObject({ state, detail });
  });

  it.each([
    ['quoted', `it("it's \\"fine\\"")`, `it's "fine"`],
    ['escaped', `it('it\\'s fine')`, `it's fine`],
    ['joined of class and test', 'class GreetTest { function testIt() {} }', 'GreetTest::testIt'],
    ['joined of suites', `describe('sum', () => it('adds'))`, 'sum > adds'],
  ])('finds a name that is %s', (_name, text, name) => {
    const trace = {
      ...TRACE,
      tcs: [{ id: 'TC-1', acs: ['AC-1'], kind: 'automated', file: 'a', name } as const],
    };
    const seen = { ...SEEN, files: new Map([['a', { text }]]), reports: { why: 'none' } };
    expect(of(matrixOf(trace, seen), 'TC-1')?.state).toBe('not_proven');
  });

  it('names what refutes the stage once, whatever it serves: not what is unproven or to be ticked', () => {
    const commands = new Map([['TC-2', { exitCode: 1, lastLine: '' }]]);
    expect(
      refuted(matrixOf(TRACE, { ...SEEN, reports: { why: 'none' }, commands })).map((t) => t.id),
    ).toEqual(['TC-2']);
  });
});

describe('ticks', () => {
  const matrix = matrixOf(TRACE, SEEN);
  const before = traceAfter({ trace: null, ticked: [] }, matrix, 'h1');
  const ticked = { trace: withTicks(before.trace, ['TC-3']), ticked: ['TC-3'] };

  it('are what a person owes', () => {
    expect([manualTests(matrix), unticked(matrix), unticked(ticked.trace)]).toEqual([['TC-3'], ['TC-3'], []]);
  });
  it('mark manual tests alone', () => {
    expect(of(withTicks(matrix, ['TC-1', 'TC-3']), 'TC-1')?.state).toBe('passed');
    expect(of(ticked.trace, 'TC-3')?.state).toBe('ticked');
  });
  it('count on when the same is proven again at the same head', () => {
    expect(traceAfter(ticked, matrix, 'h1')).toEqual({ ...ticked, trace: { ...ticked.trace, head: 'h1' } });
  });
  it('are void at another head: nobody has looked at that one', () => {
    const after = traceAfter(ticked, matrix, 'h2');
    expect([after.ticked, unticked(after.trace), after.trace.head]).toEqual([[], ['TC-3'], 'h2']);
  });
  it('are void when the test says something else under its old id', () => {
    const tcs = [{ id: 'TC-3', acs: ['AC-2'], kind: 'manual', name: 'nothing to see' } as const];
    expect(traceAfter(ticked, matrixOf({ ...TRACE, tcs }, SEEN), 'h1').ticked).toEqual([]);
  });
  it('and heads are of testing alone', () => {
    expect(traceAfter({ trace: null, ticked: [] }, matrixOf(TRACE, null), 'h1').trace.head).toBeNull();
  });
});

describe('traceability', () => {
  const [analysis, testing] = [
    { kind: 'agent', agent: 'analyst' },
    { kind: 'agent', agent: 'tester' },
  ];
  it('is on where criteria are written and proven, unless it is switched off', () => {
    expect(isTraced([analysis, testing], 'auto')).toBe(true);
    expect(isTraced([analysis, testing], 'off')).toBe(false);
    expect(isTraced([analysis], 'auto')).toBe(false);
    expect(isTraced([testing], 'auto')).toBe(false);
  });
});
