import { describe, expect, it } from 'vitest';
import { type HandIn, judgeEvidence, type Observed, readHandIn, type StageOutcome } from './evidence.ts';

const FINDING = { severity: 'high', file: 'src/a.ts', line: 3, title: 'off by one', detail: '' };

function handIn(outcome: HandIn['outcome'], fields: Partial<HandIn> = {}): HandIn {
  return {
    schema: 'orch.verdict/1',
    run: 'run_1',
    outcome,
    summary: 'what was done',
    findings: [],
    acs: [],
    question: null,
    declined: null,
    ...fields,
  };
}

function observed(role: string, fields: Partial<Observed> = {}): Observed {
  const stage =
    {
      analyst: 'analysis',
      architect: 'architecture',
      developer: 'development',
      reviewer: 'review',
      tester: 'testing',
    }[role] ?? role;
  return {
    stage,
    role,
    handIn: handIn('done'),
    handInProblem: null,
    documents: {},
    criteria: [],
    requirements: [],
    changed: [],
    checks: [],
    tampering: null,
    ...fields,
  };
}

const ADVANCE = { kind: 'advance', noChange: null };
const DEVELOPED = { ...ADVANCE, said: expect.any(String) };
const missing = (what: RegExp) => ({
  kind: 'no_evidence',
  verdict: 'permanent',
  reason: expect.stringMatching(what),
});
const GREEN = { command: 'npm test', exitCode: 0, output: 'ok', state: 'green', news: [] } as const;
const RED = { command: 'npm test', exitCode: 1, output: '1 failed', state: 'red', news: [] } as const;
/** The same, and the files go back to what they were. */
const dropped = (what: RegExp) => ({ ...missing(what), drop: true });
const met = (id: string) => ({ id, met: true, by: 'TC-1' });

type Case = readonly [name: string, role: string, seen: Partial<Observed>, expected: unknown];

const ANALYSIS = { documents: { 'analysis.md': 10 }, criteria: ['AC-1'] };
const cases: readonly Case[] = [
  ['analysis advances with its document and a criterion', 'analyst', ANALYSIS, ADVANCE],
  [
    'analysis advances with a criterion in the verdict alone',
    'analyst',
    { ...ANALYSIS, criteria: [], handIn: handIn('done', { acs: [met('AC-1')] }) },
    ADVANCE,
  ],
  ['analysis needs its document', 'analyst', { ...ANALYSIS, documents: {} }, missing(/analysis\.md/)],
  [
    'an empty document is none',
    'analyst',
    { ...ANALYSIS, documents: { 'analysis.md': 0 } },
    missing(/analysis\.md/),
  ],
  ['analysis needs a criterion', 'analyst', { ...ANALYSIS, criteria: [] }, missing(/criterion/)],
  [
    'analysis may change no file',
    'analyst',
    { ...ANALYSIS, changed: ['src/a.ts'] },
    dropped(/may not change files.*src\/a\.ts/),
  ],
  ['analysis ends with done', 'analyst', { ...ANALYSIS, handIn: handIn('approve') }, missing(/approve/)],

  ['architecture advances with its document', 'architect', { documents: { 'architecture.md': 10 } }, ADVANCE],
  ['architecture needs its own document', 'architect', ANALYSIS, missing(/architecture\.md/)],
  [
    'architecture may change no file',
    'architect',
    { documents: { 'architecture.md': 10 }, changed: ['README.md'] },
    dropped(/may not change files/),
  ],

  [
    'development advances with a change and green checks',
    'developer',
    { changed: ['src/a.ts'], checks: [GREEN] },
    DEVELOPED,
  ],
  [
    'development without a change is no change',
    'developer',
    {},
    { kind: 'no_evidence', verdict: 'no_change', reason: expect.stringContaining('no evidence') },
  ],
  [
    'development needs more than documentation',
    'developer',
    { changed: ['README.md', 'docs/guide.rst'] },
    missing(/documentation/),
  ],
  [
    'development may change documentation too',
    'developer',
    { changed: ['README.md', 'src/a.ts'] },
    DEVELOPED,
  ],
  [
    'development needs green checks, and is told which failed and how',
    'developer',
    { changed: ['src/a.ts'], checks: [GREEN, RED] },
    missing(/npm test \(exit 1\)\n1 failed/),
  ],
  [
    'a check that ran no test is red, however it ended',
    'developer',
    { changed: ['src/a.ts'], checks: [{ ...GREEN, state: 'no_tests', output: 'Ran 0 tests' }] },
    missing(/check ran no tests: npm test\nRan 0 tests/),
  ],
  [
    'a check that is flaky, or red on the base in the same way, does not refuse the work',
    'developer',
    {
      changed: ['src/a.ts'],
      checks: [
        { ...RED, state: 'known_red' },
        { ...GREEN, state: 'flaky' },
      ],
    },
    DEVELOPED,
  ],
  [
    'a change that redefines its checks does not count, green as they are',
    'developer',
    { changed: ['src/a.ts'], checks: [GREEN], tampering: 'check.sh was changed' },
    missing(/check\.sh was changed; if the item needs that, ask/),
  ],
  [
    'a check that was killed is red',
    'developer',
    { changed: ['src/a.ts'], checks: [{ ...RED, exitCode: null }] },
    missing(/exit none/),
  ],
  [
    'development cannot approve itself',
    'developer',
    { changed: ['src/a.ts'], handIn: handIn('approve') },
    missing(/approve/),
  ],
  [
    'no change needed advances with a reason and green checks',
    'developer',
    { handIn: handIn('no_change_needed'), checks: [GREEN] },
    { kind: 'advance', noChange: expect.stringMatching(/./) },
  ],
  [
    'no change needed needs a reason',
    'developer',
    { handIn: handIn('no_change_needed', { summary: '' }) },
    missing(/reason/),
  ],
  [
    'no change needed needs green checks',
    'developer',
    { handIn: handIn('no_change_needed'), checks: [RED] },
    missing(/check failed/),
  ],

  [
    'a review advances by approval, with its words',
    'reviewer',
    { handIn: handIn('approve') },
    { ...ADVANCE, review: { summary: 'what was done', findings: [] } },
  ],
  [
    'a review sends back with its findings',
    'reviewer',
    { handIn: handIn('request_changes', { findings: [FINDING] }) },
    { kind: 'send_back', findings: [FINDING], review: { summary: 'what was done', findings: [FINDING] } },
  ],
  [
    'a review that sends back says what is wrong',
    'reviewer',
    { handIn: handIn('request_changes') },
    missing(/without a finding/),
  ],
  ['a review decides', 'reviewer', { handIn: handIn('done') }, missing(/approves or requests/)],
  [
    'a review may change no file',
    'reviewer',
    { handIn: handIn('approve'), changed: ['src/a.ts'] },
    dropped(/may not change files/),
  ],

  [
    'testing advances when every criterion is met',
    'tester',
    {
      criteria: ['AC-1'],
      changed: ['test/a.test.ts'],
      checks: [GREEN],
      handIn: handIn('done', { acs: [met('AC-1')] }),
    },
    ADVANCE,
  ],
  [
    'testing judges every criterion',
    'tester',
    { criteria: ['AC-1', 'AC-2'], handIn: handIn('done', { acs: [met('AC-1')] }) },
    missing(/not judged: AC-2/),
  ],
  [
    'testing is not done while a criterion is not met',
    'tester',
    { criteria: ['AC-1'], handIn: handIn('done', { acs: [{ id: 'AC-1', met: false, by: '' }] }) },
    missing(/not met: AC-1/),
  ],
  [
    'a criterion without a judgement is not met',
    'tester',
    { criteria: ['AC-1'], handIn: handIn('done', { acs: [{ id: 'AC-1', met: null, by: '' }] }) },
    missing(/AC-1/),
  ],
  [
    'testing sends back with findings',
    'tester',
    { criteria: ['AC-1'], handIn: handIn('request_changes', { findings: [FINDING] }) },
    { kind: 'send_back', findings: [FINDING] },
  ],
  [
    'testing that sends back says what is wrong',
    'tester',
    { handIn: handIn('request_changes') },
    missing(/without a finding/),
  ],
  [
    'testing that judged nothing proves nothing, also where no criterion is written down',
    'tester',
    { checks: [GREEN] },
    missing(/no criterion was judged/),
  ],
  [
    'testing may judge criteria of its own only where none is written down',
    'tester',
    { criteria: ['AC-1'], handIn: handIn('done', { acs: [met('AC-1'), met('AC-9')] }) },
    missing(/criteria were judged that do not exist: AC-9/),
  ],
  [
    'testing may change test files only',
    'tester',
    { changed: ['test/a.test.ts', 'src/a.ts'] },
    dropped(/test files only.*src\/a\.ts/),
  ],
  [
    'testing needs green checks',
    'tester',
    { criteria: ['AC-1'], checks: [RED], handIn: handIn('done', { acs: [met('AC-1')] }) },
    missing(/check failed/),
  ],

  [
    'nothing handed in is no evidence',
    'developer',
    { handIn: null, handInProblem: 'verdict.json is of run_0, not of run_1', changed: ['src/a.ts'] },
    missing(/run_0/),
  ],
  [
    'a question asks a person',
    'developer',
    { handIn: handIn('question', { question: { text: 'Which database?', options: [] } }) },
    { kind: 'ask', code: 'question.pending', detail: 'Which database?' },
  ],
  [
    'a question that asks nothing is no evidence',
    'analyst',
    { handIn: handIn('question') },
    missing(/no question/),
  ],
  [
    'being blocked asks a person',
    'tester',
    { handIn: handIn('blocked') },
    { kind: 'ask', code: 'question.pending', detail: 'blocked: what was done' },
  ],
  [
    'declining asks a person',
    'analyst',
    { handIn: handIn('declined', { declined: { why: 'duplicate', detail: 'see API-3' } }) },
    {
      kind: 'ask',
      code: 'question.pending',
      detail: expect.stringMatching(/^declined \(duplicate\): see API-3\nClose the item/),
    },
  ],
];

describe('the evidence of an agent stage', () => {
  it.each(cases)('%s', (_name, role, seen, expected) => {
    expect(judgeEvidence(observed(role, seen))).toEqual(expected);
  });

  it.each([
    'src/license.ts',
    'src/changelog.ts',
    'src/readme-parser.ts',
    'requirements.txt',
    'CMakeLists.txt',
  ])('a change of %s is not documentation', (file) => {
    expect(judgeEvidence(observed('developer', { changed: [file] }))).toEqual(DEVELOPED);
  });

  it.each([
    'README',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'docs/guide.md',
    'docs/images/flow.svg',
    'packages/a/README.adoc',
    'CONTRIBUTING.rst',
    'notes.mdx',
  ])('a change of %s alone is documentation', (file) => {
    expect(judgeEvidence(observed('developer', { changed: [file] }))).toMatchObject({ kind: 'no_evidence' });
  });

  const tester = (file: string): StageOutcome =>
    judgeEvidence(observed('tester', { changed: [file], handIn: handIn('done', { acs: [met('AC-1')] }) }));
  it.each([
    'test/a.ts',
    'src/a.test.ts',
    'src/a.spec.tsx',
    'pkg/__tests__/a.js',
    'e2e/login.ts',
    'pkg/a_test.go',
    'tests/test_a.py',
    'src/FooTest.java',
    'spec/models/user_spec.rb',
    'test/fixtures/a.json',
  ])('a tester may change %s', (file) => {
    expect(tester(file)).toEqual(ADVANCE);
  });
  it.each([
    'src/a.ts',
    'src/latest.ts',
    'src/contest.py',
    'src/testing.ts',
    'package.json',
    'src/inspect/a.ts',
  ])('a tester may not change %s', (file) => {
    expect(tester(file)).toMatchObject({ kind: 'no_evidence' });
  });
});

describe('what an agent hands in', () => {
  const document = { schema: 'orch.verdict/1', run: 'run_7', outcome: 'done' };

  it('is read with everything it left out filled in', () => {
    expect(readHandIn(document, 'run_7')).toEqual({
      kind: 'handed_in',
      handIn: { ...document, summary: '', findings: [], acs: [], question: null, declined: null },
    });
  });

  it.each([
    ['nothing', undefined, /no \.orch-work\/verdict\.json/],
    ['null', null, /no \.orch-work\/verdict\.json/],
    ['text', 'done', /not valid/],
    ['another schema', { ...document, schema: 'orch.verdict/2' }, /schema/],
    ['an unknown outcome', { ...document, outcome: 'great' }, /outcome/],
    ['a finding without a title', { ...document, findings: [{ detail: 'x' }] }, /findings\.0\.title/],
    ['the verdict of an earlier run', { ...document, run: 'run_6' }, /of run_6, not of run_7/],
    [
      'a flood of findings',
      { ...document, findings: Array.from({ length: 201 }, () => ({ title: 'x' })) },
      /findings/,
    ],
  ])('counts as missing when it is %s', (_name, value, why) => {
    expect(readHandIn(value, 'run_7')).toEqual({ kind: 'missing', why: expect.stringMatching(why) });
  });

  it('an architecture whose requirements name no criterion, or one that does not exist, does not advance', () => {
    const architect = (acs: readonly string[]) =>
      judgeEvidence(
        observed('architect', {
          documents: { 'architecture.md': 10 },
          criteria: ['AC-1'],
          requirements: [{ id: 'TR-1', acs }],
        }),
      ).kind;
    expect([architect(['AC-1']), architect([]), architect(['AC-9'])]).toEqual([
      'advance',
      'no_evidence',
      'no_evidence',
    ]);
  });
});
