import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Installation, install, processesMentioning, waitFor } from '../support/orch.ts';
import { projectRoot } from '../support/requirements.ts';

/** `orch project check`: what a task needs, tried without an agent and without a service. */
let here: Installation;
afterEach(() => here.remove());

interface Step {
  name: string;
  state: string;
  detail: string;
  fix: string | null;
}
interface Report {
  schema: string;
  project: string;
  ok: boolean;
  steps: Step[];
}

const DEV = '      - { stage: development, agent: developer, tools: write }';
/** What commands of a check see lies under `seen/` in the root, named by an absolute path. */
function installWith(extra: (seen: string) => string): Installation {
  const made = install({ pipeline: DEV });
  const seen = join(made.root, 'seen');
  mkdirSync(seen);
  made.writeConfig(
    readFileSync(join(made.root, 'orch.yaml'), 'utf8').replace(
      '    pipeline:',
      `${extra(seen)}\n    pipeline:`,
    ),
  );
  return made;
}

const GOOD = (seen: string) =>
  `    workspace: { setup: ["echo $ORCH_SLOT >> ${seen}/setup"], teardown: ["echo $ORCH_SLOT >> ${seen}/teardown"], copy: [local.env] }\n    checks: ["test -f local.env && grep -q Hello src/greet.js"]`;

function commitToMain(files: Record<string, string>): void {
  const clone = join(here.root, `clone-${Object.keys(files).length}`);
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@localhost', ...args], { stdio: 'ignore' });
  git('clone', '-q', here.repository, clone);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(clone, name), text);
  git('-C', clone, 'add', '-A');
  git('-C', clone, 'commit', '-q', '-m', 'More');
  git('-C', clone, 'push', '-q', 'origin', 'HEAD:main');
}

async function check(): Promise<{ code: number; report: Report; of: (name: string) => Step[] }> {
  const { code, stdout, stderr } = await here.orch('project', 'check', 'p', '--json');
  expect(stderr).toBe('');
  const report = JSON.parse(stdout) as Report;
  return { code, report, of: (name) => report.steps.filter((step) => step.name === name) };
}

function branches(): string {
  return execFileSync('git', ['-C', here.repository, 'for-each-ref', '--format=%(refname)'], {
    encoding: 'utf8',
  }).trim();
}

/** Nothing of a check stays: neither its folders nor its branch nor its slots. */
function expectTraceless(): void {
  expect(branches()).toBe('refs/heads/main');
  expect(readdirSync(join(here.home, 'tmp'))).toEqual([]);
}

describe('orch project check', () => {
  it('passes through every step of a project that is well, beside a service, and leaves nothing behind', async () => {
    here = installWith(GOOD);
    writeFileSync(join(here.root, 'local.env'), 'url\n');
    here.scene(0, 'sleep 60');
    await here.up();
    await here.submit('Greet');
    await waitFor(() => here.calls() === 1);
    const { code, report } = await check();
    expect(report.steps.filter((step) => step.state !== 'ok')).toEqual([]);
    expect(report).toMatchObject({ schema: 'orch.project_check/1', project: 'p', ok: true });
    expect(code).toBe(0);
    expect(report.steps.map((step) => step.name)).toEqual([
      'configuration',
      'clone',
      'base',
      'files',
      'worktrees',
      'setup',
      'checks',
      'teardown',
      'push',
      'accounts',
    ]);
    const slots = (name: string) =>
      new Set(
        readFileSync(join(here.root, 'seen', name), 'utf8')
          .trim()
          .split('\n'),
      );
    // The task holds slot 0; setup ran there too.
    expect(slots('setup')).toEqual(new Set(['0', '1', '2']));
    expect(slots('teardown')).toEqual(new Set(['1', '2']));
    expectTraceless();
    expect(readdirSync(join(here.home, 'worktrees', 'p')).filter((name) => !name.startsWith('.'))).toEqual(
      expect.not.arrayContaining([expect.stringContaining('check')]),
    );
  });

  it('shows a person each step with its mark, and the fix below what is wrong', async () => {
    here = installWith(
      () => '    workspace: { setup: ["echo no database here; exit 3"] }\n    checks: ["true"]',
    );
    const { code, stdout } = await here.orch('project', 'check', 'p');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Clone +✓ /m);
    expect(stdout).toMatch(/^Setup +✗ setup failed: echo no database here; exit 3 \(exit 3\)/m);
    expect(stdout).toMatch(/^ +no database here$/m);
    expect(stdout).toMatch(/^ +fix {2}correct projects\.p\.workspace\.setup/m);
    expect(stdout).toMatch(/^Checks +– not tried, because setup failed$/m);
    expect(stdout).toMatch(/^Push +✓ /m);
    expect(stdout).toContain('1 errors');
    expectTraceless();
  });

  it('stops at an address that cannot be cloned, and skips what needs it', async () => {
    here = installWith(GOOD);
    writeFileSync(join(here.root, 'local.env'), '');
    here.writeConfig(
      readFileSync(join(here.root, 'orch.yaml'), 'utf8').replace(
        here.repository,
        join(here.root, 'gone.git'),
      ),
    );
    const { code, report, of } = await check();
    expect(code).toBe(1);
    expect(report.ok).toBe(false);
    expect(of('clone')).toMatchObject([
      { state: 'error', detail: expect.stringContaining('gone.git'), fix: expect.stringContaining('URL') },
    ]);
    for (const name of ['base', 'worktrees', 'setup', 'checks', 'teardown', 'push'])
      expect(of(name)).toMatchObject([{ state: 'skipped', detail: 'not tried, because clone failed' }]);
    expect(of('accounts')).toMatchObject([{ state: 'ok' }]);
  });

  it('names the branches there are when the base is not one of them', async () => {
    here = installWith(() => '    base: trunk');
    const { code, of } = await check();
    expect(code).toBe(1);
    expect(of('clone')).toMatchObject([{ state: 'ok' }]);
    expect(of('base')).toMatchObject([{ state: 'error', fix: expect.stringContaining('main') }]);
    expect(of('push')).toMatchObject([{ state: 'skipped' }]);
  });

  it('says which checks are red on the base, with their last lines, and which leave changes behind', async () => {
    here = installWith(
      () =>
        '    checks: ["seq 100; echo two tests failed; exit 5", "echo more >> README.md", "echo again >> README.md"]',
    );
    const { code, of } = await check();
    expect(code).toBe(1);
    expect(of('checks')).toMatchObject([
      { state: 'error', detail: expect.stringMatching(/red on main \(exit 5\)\n(.*\n)*two tests failed$/) },
      { state: 'ok' },
      {
        state: 'warning',
        detail: expect.stringContaining('README.md'),
        fix: expect.stringContaining('.gitignore'),
      },
      { state: 'ok' },
    ]);
    expect(of('checks')[0]?.detail).not.toContain('\n50\n');
    expectTraceless();
  });

  it('repeats the words of a remote that refuses the push', async () => {
    here = installWith(() => '    checks: ["true"]');
    writeFileSync(`${here.repository}/hooks/pre-receive`, '#!/bin/sh\necho robots stay out >&2\nexit 1\n', {
      mode: 0o755,
    });
    const { code, of } = await check();
    expect(code).toBe(1);
    expect(of('push')).toMatchObject([
      {
        state: 'error',
        detail: expect.stringContaining('robots stay out'),
        fix: expect.stringContaining('hooks'),
      },
    ]);
    expectTraceless();
  });

  it('names every file to copy and env_file that is not there', async () => {
    here = installWith(
      () => '    workspace: { copy: [one.env, two.env], env_file: three.env }\n    checks: ["true"]',
    );
    const { code, of } = await check();
    expect(code).toBe(1);
    expect(of('files').map((step) => [step.state, /(one|two|three)\.env/.exec(step.detail)?.[0]])).toEqual([
      ['error', 'one.env'],
      ['error', 'two.env'],
      ['error', 'three.env'],
    ]);
    expect(of('worktrees')).toMatchObject([{ state: 'skipped', detail: 'not tried, because files failed' }]);
  });

  it('says what is missing: setup, lockfile, checks, an account that is signed in', async () => {
    here = installWith(() => '');
    commitToMain({ 'package.json': '{}' });
    here.signIn(null);
    const { code, of } = await check();
    expect(code).toBe(1);
    expect(of('setup')).toMatchObject([
      { state: 'warning', fix: expect.stringContaining('npm ci') },
      { state: 'warning', fix: expect.stringContaining('package-lock.json') },
      { state: 'ok' },
    ]);
    expect(of('checks')).toMatchObject([
      { state: 'warning', fix: expect.stringContaining('projects.p.checks') },
    ]);
    expect(of('accounts')).toMatchObject([{ state: 'error', fix: expect.stringContaining('/login') }]);
  });

  it('finds a setup that only one of two worktrees at once survives', async () => {
    here = installWith(
      (seen) => `    workspace: { setup: ["mkdir ${seen}/port-4000"] }\n    checks: ["true"]`,
    );
    const { code, of } = await check();
    expect(code).toBe(1);
    expect(of('setup')).toMatchObject([{ state: 'error', fix: expect.stringContaining('ORCH_PORT_BASE') }]);
  });

  it('tears down what was set up when it is interrupted, and leaves no process', async () => {
    here = installWith(
      (seen) =>
        `    workspace: { setup: ["touch ${seen}/up"], teardown: ["touch ${seen}/down"] }\n    checks: ["touch ${seen}/checking; sleep 600"]`,
    );
    const env = {
      PATH: process.env['PATH'],
      HOME: here.root,
      ORCH_HOME: here.home,
      ORCH_CONFIG: join(here.root, 'orch.yaml'),
    };
    const child = spawn(join(projectRoot, 'bin', 'orch'), ['project', 'check', 'p'], {
      env,
      stdio: 'ignore',
    });
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await waitFor(() => existsSync(join(here.root, 'seen', 'checking')));
    child.kill('SIGINT');
    expect(await exited).toBe(130);
    expect(existsSync(join(here.root, 'seen', 'down'))).toBe(true);
    expectTraceless();
    expect(processesMentioning(join(here.home, 'tmp'))).toEqual([]);
  });

  it('refuses a project that is not there, and tells of a broken orch.yaml as its first step', async () => {
    here = installWith(() => '');
    const unknown = await here.orch('project', 'check', 'nope');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('one of p') });
    expect((await here.orch('project', 'check')).code).toBe(2);
    expect((await here.orch('project', 'polish', 'p')).code).toBe(2);
    here.writeConfig('projects: { p: { repo: 4 } }');
    const { code, report } = await check();
    expect(code).toBe(1);
    expect(report.steps).toMatchObject([{ name: 'configuration', state: 'error' }]);
  });
});
