import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import type { TaskDetailWire } from '../../src/http/contract.ts';
import { handIn, type Installation, install, waitFor } from '../support/orch.ts';

/** From criterion to requirement to proof: what an agent says it tested is not believed, what Orch saw is. */
let here: Installation;
afterEach(() => here.remove());

const PIPELINE = `      - { stage: analysis, agent: analyst, tools: read }
      - { stage: architecture, agent: architect, tools: read }
      - { stage: development, agent: developer, tools: write }
      - { stage: testing, agent: tester, tools: write }`;
const REQUIRED = `${PIPELINE}
      - { stage: deploy, kind: deploy, approval: required, merge: auto }`;

const AC = { id: 'AC-1', text: 'greets by name' };
const LOOK = { id: 'AC-2', text: 'looks | <b>good</b>' };
const TR = { id: 'TR-1', text: 'one function', acs: ['AC-1', 'AC-2'] };
const AUTOMATED = {
  id: 'TC-1',
  acs: ['AC-1'],
  kind: 'automated',
  file: 'test/greet.test.js',
  name: 'greets by name',
};
const COMMAND = { id: 'TC-2', acs: ['AC-1'], kind: 'command', command: 'grep -q greet src/new.js' };
const MANUAL = { id: 'TC-3', acs: ['AC-2'], kind: 'manual', name: 'open the page' };

const file = (name: string, content: object | string) =>
  `mkdir -p "$(dirname ${name})"\ncat > ${name} <<'END'\n${typeof content === 'string' ? content : JSON.stringify(content)}\nEND`;
const trace = (content: object | string) => file('.orch-work/trace.json', content);
const analysis = (content: object | string) =>
  handIn({ outcome: 'done' }, `${file('.orch-work/analysis.md', '# Analysis')}\n${trace(content)}`);
const architecture = (content: object | string) =>
  handIn({ outcome: 'done' }, `${file('.orch-work/architecture.md', '# Design')}\n${trace(content)}`);
const development = handIn({ outcome: 'done' }, file('src/new.js', 'export const greet = 1;'));
const MET = [
  { id: 'AC-1', met: true, by: 'TC-1' },
  { id: 'AC-2', met: true, by: 'TC-3' },
];
const testing = (content: object | string, extra = '', acs: object[] = MET) =>
  handIn({ outcome: 'done', acs }, `${trace(content)}\n${extra}`);
const HIDDEN = `${file('hidden/.gitignore', '*')}\n${file('hidden/a.test.js', "it('greets by name', () => {});")}`;
const TEST_FILE = file('test/greet.test.js', "it('greets by name', () => {});");

/** The check writes the report that the scene put aside for it, if any. */
const CHECK = `    checks: ["mkdir -p test/reports && cp ../../../said.xml test/reports/junit.xml || true"]
    reports: ["test/reports/*.xml"]`;
const report = (inner: string) =>
  `<testsuites><testsuite name="greet"><testcase classname="greet" name="greets by name">${inner}</testcase></testsuite></testsuites>`;
const reported = (inner: string) => file('../../../said.xml', report(inner));

const FULL = { acs: [AC, LOOK], trs: [TR], tcs: [AUTOMATED, COMMAND, MANUAL] };
const EARLY = { acs: [AC, LOOK], trs: [TR] };

function play(...scenes: string[]): void {
  for (const [at, scene] of scenes.entries()) here.scene(at + 1, scene);
}

const submit = () => here.submit('Greet', { body: 'Please greet.' });

async function reaches(key: string, holds: (task: TaskDetailWire) => boolean): Promise<TaskDetailWire> {
  return waitFor(
    async () => {
      const task = await here.task(key);
      return holds(task) ? task : null;
    },
    60_000,
    async () => (await here.task(key)).jobs.map((job) => [job.stage, job.status, job.error]),
  );
}

describe('traceability', () => {
  it('refuses each stage that leaves a gap, and tells the next prompt which', async () => {
    here = install({ pipeline: REQUIRED, projectExtra: CHECK });
    play(
      analysis('{ not json'),
      analysis({ acs: [AC, LOOK] }),
      architecture({ ...EARLY, trs: [{ ...TR, acs: ['AC-9'] }] }),
      architecture(EARLY),
      development,
      testing({ ...FULL, tcs: [AUTOMATED] }, TEST_FILE),
      testing({ ...FULL, acs: [{ ...AC, text: 'greets' }, LOOK] }, TEST_FILE),
      testing(FULL, `${TEST_FILE}\n${reported('')}`),
    );
    await here.up({ ORCH_MAX_ATTEMPTS: '9' });
    const key = await submit();
    const criteria = (await reaches(key, (t) => t.trace !== null)).trace;
    expect(criteria).toMatchObject({
      head: null,
      criteria: [
        { ...AC, tests: [] },
        { ...LOOK, tests: [] },
      ],
    });
    const task = await reaches(key, (t) => t.stage === 'deploy');
    const refused = (await here.runs()).filter((run) => run.verdict !== 'success').map((run) => run.reason);
    expect(refused).toEqual([
      'no evidence: trace.json is not JSON',
      'no evidence: trace.json: TR-1 names AC-9, which is not in acs',
      'no evidence: criteria without a test case in the tcs of trace.json: AC-2',
      'no evidence: AC-1 in trace.json was reworded; it was "greets by name"',
    ]);
    expect(here.call(2).prompt).toContain('trace.json is not JSON');
    expect(here.call(4).prompt).toContain('TR-1 names AC-9');
    expect(here.call(7).prompt).toContain('without a test case');
    expect(task.trace?.head).toBe(task.head);
  });

  it('believes no test that its file, the checks or its command do not bear out, and no deploy before people have looked', async () => {
    here = install({ pipeline: REQUIRED, projectExtra: CHECK });
    const planted = file('test/reports/junit.xml', report(''));
    play(
      analysis({ acs: [AC, LOOK] }),
      architecture(EARLY),
      development,
      testing(FULL, file('test/greet.test.js', "it('does something', () => {});")),
      testing({ ...FULL, tcs: [{ ...AUTOMATED, file: 'hidden/a.test.js' }, COMMAND, MANUAL] }, HIDDEN),
      testing(FULL, `${TEST_FILE}\n${planted}`),
      testing(FULL, reported('<failure message="expected Hello"/>')),
      testing(
        { ...FULL, tcs: [AUTOMATED, { ...COMMAND, command: 'echo not yet; exit 4' }, MANUAL] },
        reported(''),
      ),
      testing(FULL, 'rm -r test/reports'),
    );
    await here.up({ ORCH_MAX_ATTEMPTS: '9' });
    const key = await submit();
    const task = await reaches(key, (t) => t.stage === 'deploy');
    const refused = (await here.runs()).filter((run) => run.verdict !== 'success').map((run) => run.reason);
    expect(refused).toEqual([
      'no evidence: TC-1 (test/greet.test.js: greets by name) is missing: "greets by name" does not occur in test/greet.test.js',
      expect.stringContaining('hidden/a.test.js is ignored by git'),
      expect.stringMatching(/TC-1 .* is missing: .*the checks wrote no test\/reports\/\*\.xml/),
      'no evidence: TC-1 (test/greet.test.js: greets by name) failed: "greets by name" failed: expected Hello',
      expect.stringMatching(/TC-2 \(echo not yet; exit 4\) failed: exit 4: not yet\nnot yet/),
    ]);
    expect(here.call(5).prompt).toContain('"greets by name" does not occur in test/greet.test.js');
    expect(here.call(9).prompt).toContain('exit 4: not yet');
    expect(task).toMatchObject({
      reason: { code: 'approval.pending', detail: expect.stringContaining(`orch tick ${key} TC-3`) },
      trace: {
        head: task.head,
        criteria: [
          {
            ...AC,
            requirements: ['TR-1'],
            tests: [
              { id: 'TC-1', state: 'passed' },
              { id: 'TC-2', state: 'passed' },
            ],
          },
          { ...LOOK, tests: [{ id: 'TC-3', kind: 'manual', what: 'open the page', state: 'to_tick' }] },
        ],
      },
    });
    // The report of the checks is never committed, and neither is the planted one that the agent took away.
    expect(branchFiles(task.branch)).toEqual([
      'README.md',
      'src/greet.js',
      'src/new.js',
      'test/greet.test.js',
    ]);

    const early = await here.orch('approve', key);
    expect(early.code).toBe(1);
    expect(early.stderr).toContain(`orch tick ${key} TC-3`);
    const wrong = await here.orch('tick', key, 'TC-1');
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('its manual tests are TC-3')]);
    expect((await here.orch('task', 'show', key)).stdout).toMatch(
      /AC-2 +looks \| <b>good<\/b> +TR-1 +▲ to tick TC-3\n {2}▲ to tick TC-3 {2}open the page\n {2}fix {2}orch tick \S+ TC-3\n/,
    );
    for (let again = 0; again < 2; again++) expect((await here.orch('tick', key, 'TC-3')).code).toBe(0);
    expect(here.rows('SELECT action, target FROM audit')).toContainEqual({
      action: 'tick',
      target: `${key} TC-3`,
    });
    await waitFor(() => pullRequest().includes('✓ ticked **TC-3** open the page'));
    expect(pullRequest()).toContain('| **AC-2** looks \\| &lt;b&gt;good&lt;/b&gt; | TR-1 |');
    expect((await here.orch('approve', key)).code).toBe(0);
    await reaches(key, (t) => t.status === 'done');
    const shown = (await here.orch('task', 'show', key)).stdout;
    expect(shown).toMatch(/AC-1 +greets by name +TR-1 +✓ passed TC-1, ✓ passed TC-2\n/);
    expect(shown).toMatch(/AC-2 .* ✓ ticked TC-3\n/);
  });

  it('lets a deploy without approval go as soon as the last manual test is ticked', async () => {
    here = install({
      pipeline: `${PIPELINE}\n      - { stage: deploy, kind: deploy, approval: none, merge: auto }`,
    });
    play(
      analysis({ acs: [LOOK] }),
      architecture({ acs: [LOOK], trs: [{ ...TR, acs: ['AC-2'] }] }),
      development,
      testing(
        { acs: [LOOK], tcs: [MANUAL, { ...AUTOMATED, id: 'TC-4', acs: ['AC-2'] }] },
        TEST_FILE,
        MET.slice(1),
      ),
    );
    await here.up();
    const key = await submit();
    const held = await reaches(key, (t) => t.stage === 'deploy');
    expect(held).toMatchObject({
      status: 'needs_you',
      reason: { detail: `deploy of ${key} waits for TC-3 to be ticked: orch tick ${key} TC-3` },
      trace: { criteria: [{ tests: [{ state: 'to_tick' }, { id: 'TC-4', state: 'not_proven' }] }] },
    });
    expect((await here.orch('tick', key, 'TC-3')).code).toBe(0);
    await reaches(key, (t) => t.status === 'done');
  });

  it('asks for nothing when it is switched off', async () => {
    here = install({ pipeline: REQUIRED, projectExtra: '    trace: off' });
    const bare = `${file('.orch-work/analysis.md', '# A')}\n${file('.orch-work/architecture.md', '# B')}`;
    play(
      handIn({ outcome: 'done', acs: [{ id: 'AC-1' }] }, bare),
      handIn({ outcome: 'done' }, bare),
      development,
      handIn({ outcome: 'done', acs: [{ id: 'AC-7', met: true }] }),
    );
    await here.up();
    const task = await reaches(await submit(), (t) => t.stage === 'deploy');
    expect([task.trace, task.runs.length]).toEqual([null, 4]);
  });
});

function pullRequest(): string {
  return here.row<{ body: string }>('SELECT body FROM pull_requests')?.body ?? '';
}

function branchFiles(branch: string): string[] {
  const listed = execFileSync('git', ['-C', here.repository, 'ls-tree', '-r', '--name-only', branch], {
    encoding: 'utf8',
  });
  return listed.trim().split('\n');
}
