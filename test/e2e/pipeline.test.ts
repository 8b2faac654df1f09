import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { handIn, type Installation, install, waitFor } from '../support/orch.ts';

/** The first form of the pipeline: advance, send back, approve, reject, commands, checks. */
let here: Installation;
afterEach(() => here.remove());

const develop = (n: number) => handIn({ outcome: 'done' }, `echo "export const n = ${n};" > src/new.js`);
const request = (title: string) =>
  handIn({
    outcome: 'request_changes',
    findings: [{ severity: 'high', file: 'src/new.js', line: 1, title, detail: 'because' }],
  });
const approve = handIn({ outcome: 'approve' });
const DEV = '      - { stage: development, agent: developer, tools: write }';
const REVIEW =
  '      - { stage: review, agent: reviewer, tools: read, on_reject: development, max_rounds: 1 }';

const submit = () => here.submit('Greet the world');

async function reaches(key: string, status: string): Promise<void> {
  await waitFor(
    async () => (await here.task(key)).status === status,
    60_000,
    async () => (await here.task(key)).jobs.map((job) => [job.stage, job.status, job.error]),
  );
}

describe('the pipeline', () => {
  it('sends findings back to development, and asks a person when the rounds are spent', async () => {
    here = install({ pipeline: `${DEV}\n${REVIEW}` });
    here.scene(1, develop(1));
    here.scene(2, request('n must be 2'));
    here.scene(3, develop(2));
    here.scene(4, request('n must be 3'));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    const task = await here.task(key);
    expect(task).toMatchObject({ stage: 'review', rounds: { review: 2 }, reason: { code: 'rounds.spent' } });
    expect(task.jobs.map((job) => [job.stage, job.status])).toEqual([
      ['development', 'done'],
      ['review', 'done'],
      ['development', 'done'],
      ['review', 'done'],
    ]);
    expect(here.call(3).prompt).toContain('n must be 2 (src/new.js:1): because');
  });

  it('binds an approval to the head, sends a rejection back with its reason, and merges exactly what was approved', async () => {
    here = install({
      pipeline: `${DEV}\n      - { stage: deploy, kind: deploy, approval: required, merge: auto, command: "cp src/new.js ../../../deployed.js" }`,
    });
    here.scene(1, develop(1));
    here.scene(0, develop(2));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    expect(await here.task(key)).toMatchObject({ stage: 'deploy', reason: { code: 'approval.pending' } });
    expect((await here.orch('approve', key, '--commit', 'deadbeef')).stderr).toContain('moved');
    expect((await here.orch('reject', key)).code).toBe(2);
    expect((await here.orch('reject', key, '--reason', 'n must be 2')).code).toBe(0);
    await waitFor(() => here.calls() === 2);
    expect(here.call(2).prompt).toContain('n must be 2');
    await reaches(key, 'needs_you');
    const head = (await here.task(key)).head ?? '';
    expect((await here.orch('approve', key, '--commit', head.slice(0, 8))).code).toBe(0);
    await reaches(key, 'done');
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', here.repository, ...args], { encoding: 'utf8' }).trim();
    expect(git('show', 'main:src/new.js')).toBe('export const n = 2;');
    expect(git('merge-base', '--is-ancestor', head, 'main')).toBe('');
    expect(execFileSync('cat', [`${here.home}/deployed.js`], { encoding: 'utf8' })).toBe(
      'export const n = 2;\n',
    );
    expect((await here.task(key)).pr).toMatchObject({ state: 'merged' });
  });

  it('runs command and human stages, and a failing command is a failed attempt with its output', async () => {
    here = install({
      pipeline: `${DEV}\n      - { stage: build, kind: command, command: "test -f src/new.js && cat src/new.js && exit 4" }`,
      projectExtra: '',
    });
    here.scene(0, develop(1));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    const [, build] = (await here.task(key)).jobs;
    expect(build).toMatchObject({ stage: 'build', status: 'failed', attempts: 3 });
    expect(build?.error).toContain('exit 4');
    expect(build?.error).toContain('export const n = 1;');
    expect((await here.orch('retry', key, '--note', 'again')).code).toBe(0);
    await waitFor(async () => (await here.task(key)).jobs[1]?.status === 'failed');
  });

  it('lets no red check and no lying agent advance, and tells the next attempt why', async () => {
    here = install({ pipeline: DEV, projectExtra: '    checks: ["grep -q 2 src/new.js"]' });
    here.scene(1, handIn({ outcome: 'done' }));
    here.scene(2, develop(1));
    here.scene(3, develop(2));
    await here.up();
    const key = await submit();
    await waitFor(async () => (await here.task(key)).stage === 'merge', 60_000);
    expect((await here.runs()).map((run) => [run.verdict, (run.reason ?? '').split('\n')[0]])).toEqual([
      ['no_change', 'no evidence: nothing was changed since the start of the round'],
      ['permanent', 'check failed: grep -q 2 src/new.js (exit 1)'],
      ['success', expect.anything()],
    ]);
    expect(here.call(2).prompt).toContain('nothing was changed since the start of the round');
    expect(here.call(3).prompt).toContain('check failed: grep -q 2');
  });

  it('drops what a reviewer changed, keeps it as salvage, and does not advance', async () => {
    here = install({ pipeline: `${DEV}\n${REVIEW}` });
    here.scene(1, develop(1));
    here.scene(2, `echo sneaky >> src/new.js\n${approve}`);
    here.scene(3, approve);
    await here.up();
    const key = await submit();
    await waitFor(async () => (await here.task(key)).stage === 'merge', 60_000);
    const reviews = (await here.runs()).filter((run) => run.agent === 'reviewer');
    expect(reviews.map((run) => run.verdict)).toEqual(['permanent', 'success']);
    expect(reviews[0]?.reason).toContain('review may not change files, but changed src/new.js');
    expect(
      execFileSync(
        'git',
        ['-C', `${here.home}/repos/p.git`, 'show', `refs/orch/salvage/${reviews[0]?.id}:src/new.js`],
        { encoding: 'utf8' },
      ),
    ).toContain('sneaky');
  });

  it('asks a question without spending anything, and goes on with the answer', async () => {
    here = install({ pipeline: DEV });
    here.scene(
      1,
      handIn({ outcome: 'question', question: { text: 'MIT or Apache?', options: ['MIT', 'Apache'] } }),
    );
    here.scene(2, develop(1));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    expect(await here.task(key)).toMatchObject({
      reason: { code: 'question.pending', detail: 'MIT or Apache?\n- MIT\n- Apache' },
      jobs: [{ status: 'queued', attempts: 0, hold: { code: 'question.pending' } }],
    });
    expect((await here.orch('answer', key, 'MIT')).code).toBe(0);
    await waitFor(() => here.calls() === 2);
    expect(here.call(2).prompt).toContain('MIT');
  });

  it('tells the next attempt what a person said while one was under way', async () => {
    here = install({ pipeline: DEV });
    here.scene(1, 'while [ ! -f "$FAKE_PLAN/go" ]; do sleep 0.1; done\nexit 1\n');
    here.scene(2, develop(1));
    await here.up();
    const key = await submit();
    await waitFor(() => here.calls() === 1);
    expect((await here.orch('comment', key, 'Mind the clock.')).code).toBe(0);
    // Sent twice by a shaky hand: it counts once.
    expect((await here.orch('comment', key, 'Mind the clock.')).code).toBe(0);
    here.go();
    await waitFor(() => here.calls() === 2);
    // In the thread of the item, and once more among what was said since.
    expect(here.call(2).prompt.split('Mind the clock.')).toHaveLength(3);
    await here.orch('cancel', key);
    await reaches(key, 'cancelled');
    expect(await here.orch('comment', key, 'Too late.')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nobody would read it'),
    });
  });
});

describe('what only a person can mend', () => {
  it('a failing setup asks at once with its output, spends no token, and runs again on a retry', async () => {
    here = install({
      pipeline: DEV,
      projectExtra: '    workspace: { setup: ["test -f ../../../ready || { echo no database; exit 3; }"] }',
    });
    here.scene(0, develop(1));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    expect(await here.task(key)).toMatchObject({
      reason: { code: 'workspace.setup_failed', detail: expect.stringContaining('no database') },
    });
    expect(here.calls()).toBe(0);
    execFileSync('touch', [`${here.home}/ready`]);
    await here.orch('retry', key);
    await waitFor(async () => (await here.task(key)).stage === 'merge', 60_000);
  });

  it('a base branch that is checked out at the repository is said with the command that helps', async () => {
    here = install({ pipeline: DEV });
    const clone = `${here.root}/checkout`;
    execFileSync('git', ['clone', '-q', here.repository, clone]);
    here.writeConfig(
      execFileSync('sed', [`s#${here.repository}#${clone}#`, `${here.root}/orch.yaml`], { encoding: 'utf8' }),
    );
    here.scene(0, develop(1));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    await here.orch('approve', key);
    await waitFor(async () => (await here.task(key)).reason?.code === 'forge.refused');
    expect((await here.task(key)).reason?.detail).toContain('receive.denyCurrentBranch updateInstead');
    execFileSync('git', ['-C', clone, 'config', 'receive.denyCurrentBranch', 'updateInstead']);
    await here.orch('retry', key);
    await reaches(key, 'done');
    expect(execFileSync('cat', [`${clone}/src/new.js`], { encoding: 'utf8' })).toBe('export const n = 1;\n');
  });

  it('a deploy command that fails after the merge runs once and asks', async () => {
    here = install({
      pipeline: `${DEV}\n      - { stage: deploy, kind: deploy, approval: required, merge: auto, command: "echo deployed >> ../../../log; exit 1" }`,
    });
    here.scene(0, develop(1));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    await here.orch('approve', key);
    await waitFor(async () => (await here.task(key)).reason?.code === 'deploy.command_failed');
    expect(execFileSync('cat', [`${here.home}/log`], { encoding: 'utf8' })).toBe('deployed\n');
    expect((await here.task(key)).pr).toMatchObject({ state: 'merged' });
  });

  it('a repository that refuses the push asks at once, and the figures of the run are kept', async () => {
    here = install({ pipeline: DEV });
    writeFileSync(`${here.repository}/hooks/pre-receive`, '#!/bin/sh\necho no pushes today >&2\nexit 1\n', {
      mode: 0o755,
    });
    here.scene(0, develop(1));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    const [run] = await here.runs();
    expect(run).toMatchObject({
      verdict: 'permanent',
      resultOk: true,
      usage: { inputTokens: 120, outputTokens: 45 },
    });
    expect(run?.reason).toContain('no pushes today');
    expect(here.calls()).toBe(1);
    expect((await here.task(key)).reason?.code).toBe('forge.refused');
  });
});

describe('the workspace', () => {
  it('gets the copied files and the variables of env_file, which are never committed', async () => {
    here = install({
      pipeline: DEV,
      projectExtra:
        '    workspace: { copy: [".env.test"], env: { COLOUR: red }, env_file: api.env }\n    checks: ["test $COLOUR-$SECRET = red-blue && grep -q url .env.test"]',
    });
    writeFileSync(`${here.root}/.env.test`, 'url=postgres://localhost\n');
    writeFileSync(`${here.root}/api.env`, '# of the test server\nSECRET="blue"\n');
    here.scene(
      0,
      handIn({ outcome: 'done' }, 'cp .env.test src/seen.js; echo "$COLOUR $SECRET" >> src/seen.js'),
    );
    await here.up();
    const key = await submit();
    await waitFor(async () => (await here.task(key)).stage === 'merge', 60_000);
    const branch = (await here.task(key)).branch;
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', here.repository, ...args], { encoding: 'utf8' });
    expect(git('show', `${branch}:src/seen.js`)).toBe('url=postgres://localhost\nred blue\n');
    expect(git('ls-tree', '-r', '--name-only', branch)).not.toContain('.env.test');
  });

  it('asks at once when a file to copy is not there', async () => {
    here = install({ pipeline: DEV, projectExtra: '    workspace: { copy: ["missing.env"] }' });
    here.scene(0, develop(1));
    await here.up();
    const key = await submit();
    await reaches(key, 'needs_you');
    expect((await here.task(key)).reason).toMatchObject({
      code: 'workspace.setup_failed',
      detail: expect.stringContaining('missing.env'),
    });
    expect(here.calls()).toBe(0);
  });

  it('broken by its agent is a failed attempt that keeps its figures, and is rebuilt for the next', async () => {
    here = install({ pipeline: DEV });
    here.scene(1, handIn({ outcome: 'done' }, 'rm -rf .git; echo gone > .git'));
    here.scene(0, develop(1));
    await here.up();
    const key = await submit();
    await waitFor(async () => (await here.runs())[0]?.status === 'ended');
    expect((await here.runs())[0]).toMatchObject({
      verdict: 'permanent',
      resultOk: true,
      usage: { inputTokens: 120 },
    });
    await waitFor(
      async () => (await here.task(key)).stage === 'merge',
      60_000,
      () => here.runs(),
    );
  });
});
