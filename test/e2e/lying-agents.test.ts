import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handIn, VALID_RESULT } from '../support/orch.ts';
import { type Stories, tell } from '../support/stories.ts';

/**
 * Agents that end well and hand in a fine verdict for work that is not there. All of them run in one
 * service, each in a project of its own (failures in a row would slow it); the title of its item picks its
 * scene. Each lies twice, which spends the attempts.
 */
interface Lie {
  readonly name: string;
  /** Stage it starts at. Default: development. */
  readonly stage?: 'analysis' | 'development' | 'review' | 'testing';
  /** The check of its project. Default: `sh check.sh`. */
  readonly check?: 'npm test';
  /** Criteria are traced to tests in its project. */
  readonly traced?: true;
  readonly scene: string;
  readonly verdict?: 'no_change';
  /** In the run's reason and in the next prompt. */
  readonly reason: string;
}

const done = (extra: string) => handIn({ outcome: 'done' }, extra);
const CODE = 'echo "export const n = 1;" > src/new.js';
const ACS = (...acs: [string, boolean][]) => ({
  outcome: 'done',
  acs: acs.map(([id, met]) => ({ id, met, by: 'looked' })),
});

const TRACE = JSON.stringify({
  acs: [{ id: 'AC-1', text: 'it greets' }],
  trs: [{ id: 'TR-1', text: 'a function', acs: ['AC-1'] }],
  tcs: [
    { id: 'TC-1', acs: ['AC-1'], kind: 'automated', file: 'test/greet.test.mjs', name: 'greets in space' },
  ],
});

const LIES: readonly Lie[] = [
  { name: 'done-without-change', scene: done(''), verdict: 'no_change', reason: 'nothing was changed' },
  {
    name: 'documentation-only',
    scene: done('echo more >> README.md; mkdir -p docs; echo x > docs/n.md'),
    reason: 'only documentation was changed',
  },
  {
    name: 'tests-deleted',
    scene: done(`${CODE}; git rm -q test/greet.test.mjs; git commit -qm tidy`),
    reason: '2 test cases were taken away: test/greet.test.mjs (2 before, 0 now)',
  },
  {
    name: 'test-skipped',
    scene: done(`${CODE}; sed -i "s/^test('greets by name'/test.skip('greets by name'/" test/greet.test.mjs`),
    reason: '1 test case was taken away: test/greet.test.mjs (2 before, 1 now)',
  },
  {
    name: 'check-edited',
    scene: done(`${CODE}; echo 'exit 0' > check.sh`),
    reason: 'check.sh was changed, which a check runs (`sh check.sh`)',
  },
  {
    name: 'script-edited',
    check: 'npm test',
    scene: done(`${CODE}; sed -i 's/"test": "[^"]*"/"test": "true"/' package.json`),
    reason: 'package.json was changed in its "test" script, which a check may run (`npm test`)',
  },
  {
    name: 'tests-not-found',
    scene: done(`${CODE}; git mv test/greet.test.mjs test/greet.spec.mjs`),
    reason: 'check ran no tests: sh check.sh',
  },
  {
    name: 'check-red',
    scene: done('echo "export const greet = () => 1;" > src/greet.js'),
    reason: 'check failed: sh check.sh (exit 1)',
  },
  {
    name: 'earlier-verdict',
    scene: `${CODE}; mkdir -p .orch-work; echo '{"schema":"orch.verdict/1","run":"run_0","outcome":"done"}' > .orch-work/verdict.json; echo '${VALID_RESULT}'\n`,
    reason: 'verdict.json is of run_0, not of run_',
  },
  { name: 'no-verdict', scene: `${CODE}; echo '${VALID_RESULT}'\n`, reason: 'no .orch-work/verdict.json' },
  {
    name: 'verdict-not-json',
    scene: `${CODE}; mkdir -p .orch-work; echo done > .orch-work/verdict.json; echo '${VALID_RESULT}'\n`,
    reason: 'verdict.json is not valid',
  },
  {
    name: 'verdict-elsewhere',
    scene: `${CODE}; mkdir -p .orch-work; echo "{\\"schema\\":\\"orch.verdict/1\\",\\"run\\":\\"$ORCH_RUN_ID\\",\\"outcome\\":\\"done\\"}" > "$TMPDIR/v"; ln -sf "$TMPDIR/v" .orch-work/verdict.json; echo '${VALID_RESULT}'\n`,
    reason: 'no .orch-work/verdict.json',
  },
  {
    name: 'ignored-files-only',
    scene: done('mkdir -p dist; echo work > dist/new.js'),
    verdict: 'no_change',
    reason: 'nothing was changed',
  },
  {
    name: 'too-large-only',
    scene: done('head -c 2000000 /dev/zero > src/new.bin'),
    verdict: 'no_change',
    reason: 'nothing was changed',
  },
  {
    name: 'empty-commit',
    scene: done('git commit -q --allow-empty -m "Do it all"'),
    verdict: 'no_change',
    reason: 'nothing was changed',
  },
  {
    name: 'taken-back',
    scene: done(`${CODE}; git add -A; git commit -qm work; git rm -q src/new.js`),
    verdict: 'no_change',
    reason: 'nothing was changed',
  },
  {
    name: 'branch-switched',
    scene: done(`git checkout -q -b mine; ${CODE}; git add -A; git commit -qm work`),
    reason: 'the clone is on mine, not on orch/',
  },
  {
    name: 'history-rewritten',
    scene: done(`${CODE}; git add -A; git commit -q --amend -m mine`),
    reason: 'the history of the branch was rewritten',
  },
  {
    name: 'merge-unfinished',
    scene: done(`${CODE}; git rev-parse HEAD > .git/MERGE_HEAD`),
    reason: 'a merge was left unfinished',
  },
  {
    name: 'approves-itself',
    scene: handIn({ outcome: 'approve' }, CODE),
    reason: 'outcome is approve, development ends with done',
  },
  {
    name: 'no-change-with-change',
    scene: handIn({ outcome: 'no_change_needed' }, CODE),
    reason: 'no change is said to be needed, but src/new.js changed',
  },
  { name: 'question-without-one', scene: handIn({ outcome: 'question' }), reason: 'no question is given' },
  {
    name: 'analysis-without-document',
    stage: 'analysis',
    scene: handIn({ outcome: 'done', acs: [{ id: 'AC-1' }] }),
    reason: '.orch-work/analysis.md is missing or empty',
  },
  {
    name: 'analysis-with-code',
    stage: 'analysis',
    scene: handIn({ outcome: 'done', acs: [{ id: 'AC-1' }] }, `echo x > .orch-work/analysis.md; ${CODE}`),
    reason: 'analysis may not change files, but changed src/new.js (dropped, kept as salvage run_',
  },
  {
    name: 'approve-and-change',
    stage: 'review',
    scene: handIn({ outcome: 'approve' }, CODE),
    reason: 'review may not change files, but changed src/new.js (dropped, kept as salvage run_',
  },
  {
    name: 'rejects-without-finding',
    stage: 'review',
    scene: handIn({ outcome: 'request_changes' }),
    reason: 'changes are requested without a finding',
  },
  {
    name: 'tests-by-changing-code',
    stage: 'testing',
    scene: handIn(ACS(['AC-1', true]), `${CODE}; echo "export {}" > test/more.test.mjs`),
    reason: 'testing may change test files only, but changed src/new.js (dropped, kept as salvage run_',
  },
  {
    name: 'done-but-unmet',
    stage: 'testing',
    scene: handIn(ACS(['AC-1', false])),
    reason: 'done although criteria are not met: AC-1',
  },
  {
    name: 'judges-nothing',
    stage: 'testing',
    scene: handIn({ outcome: 'done' }),
    reason: 'no criterion was judged',
  },
  {
    name: 'criteria-invented',
    stage: 'testing',
    scene: handIn(ACS(['AC-1', true], ['AC-2', true]), `echo '${TRACE}' > .orch-work/trace.json`),
    reason: 'criteria were judged that do not exist: AC-2',
  },
  {
    name: 'test-that-does-not-exist',
    stage: 'testing',
    traced: true,
    scene: handIn(ACS(['AC-1', true]), `echo '${TRACE}' > .orch-work/trace.json`),
    reason: 'TC-1',
  },
  {
    name: 'criterion-without-test',
    stage: 'testing',
    traced: true,
    scene: handIn(
      ACS(['AC-1', true]),
      `echo '${TRACE.replace(/"tcs":.*/, '"tcs":[]}')}' > .orch-work/trace.json`,
    ),
    reason: 'AC-1',
  },
];

const FILES = {
  'package.json': '{ "name": "x", "private": true, "scripts": { "test": "node --test test/*.test.mjs" } }\n',
  'check.sh':
    'ls test/*.test.mjs >/dev/null 2>&1 || { echo "Ran 0 tests"; exit 0; }\nexec node --test test/*.test.mjs\n',
  '.gitignore': 'dist/\n',
  'src/greet.js': "export const greet = (name) => 'Hello ' + name;\n",
  'test/greet.test.mjs': `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { greet } from '../src/greet.js';
test('greets by name', () => assert.equal(greet('Ann'), 'Hello Ann'));
test('greets anybody', () => assert.equal(greet(''), 'Hello '));
`,
};

const PIPELINE = [
  '{ stage: analysis, agent: analyst, tools: read }',
  '{ stage: development, agent: developer, tools: write }',
  '{ stage: review, agent: reviewer, tools: read, on_reject: development }',
  '{ stage: testing, agent: tester, tools: write, on_reject: development }',
  '{ stage: deploy, kind: deploy, approval: required, merge: auto }',
];

describe('agents that lie', () => {
  let told: Stories;

  beforeAll(async () => {
    told = await tell(
      LIES.map((lie) => ({
        name: lie.name,
        scenes: [lie.scene],
        pipeline: PIPELINE,
        project: [`checks: ["${lie.check ?? 'sh check.sh'}"]`, ...(lie.traced ? [] : ['trace: off'])],
        stage: lie.stage ?? 'development',
      })),
      { files: FILES, env: { ORCH_MAX_ATTEMPTS: '2' } },
    );
    for (const lie of LIES) await told.begin(lie.name);
  }, 60_000);
  afterAll(() => told.here.remove());

  it.each(LIES.map((lie) => [lie.name, lie] as const))(
    '%s does not advance; the run has its true reason, and the next prompt says it',
    async (name, lie) => {
      const task = await told.until(name, ({ status, jobs }) => status === 'needs_you' || jobs.length > 1);
      expect(task.runs.map((run) => run.verdict)).toEqual(Array(2).fill(lie.verdict ?? 'permanent'));
      for (const run of task.runs)
        expect(run).toMatchObject({ resultOk: true, reason: expect.stringContaining(lie.reason) });
      expect(task.jobs).toMatchObject([{ stage: lie.stage ?? 'development', status: 'failed', attempts: 2 }]);
      expect(task.reason?.detail).toContain('Same error each time');
      const [, second] = told.prompts(name);
      expect(second).toContain('## Last attempt');
      expect(second).toContain(lie.reason);
    },
    100_000,
  );

  it('none of their work reached the repository', () => {
    const heads = told.here.rows<{ head: string | null }>('SELECT head FROM tasks');
    expect(heads).toHaveLength(LIES.length);
    expect(heads.filter(({ head }) => head !== null)).toEqual([]);
    expect(told.here.rows("SELECT 1 FROM outbox WHERE key LIKE 'usage:%'")).toEqual([]);
  });
});
