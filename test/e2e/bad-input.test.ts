import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { type Installation, install, VALID_RESULT, waitFor } from '../support/orch.ts';

/** Bad input: the field, the fix, and nothing half-done. */
let here: Installation;
afterEach(() => here.remove());

const asRoot = process.getuid?.() === 0;

describe('bad input', () => {
  it('an unknown key and wrong types in orch.yaml are all named at once', async () => {
    here = install();
    here.writeConfig('max_concurency: 3\nport: many\nprojects:\n  p: { repo: 5, colour: red }\n');
    const { code, stderr } = await here.orch('up');
    expect(code).toBe(1);
    for (const part of ['max_concurency', 'max_concurrency', 'port', 'projects.p.repo', 'projects.p.colour'])
      expect(stderr).toContain(part);
    expect(readdirSync(here.home)).toEqual([]);
  });

  it('errors are one JSON object on stderr with --json', async () => {
    here = install();
    here.writeConfig('port: many\n');
    const { code, stdout, stderr } = await here.orch('up', '--json');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    const { error } = JSON.parse(stderr) as { error: { code: string; title: string; hint: string } };
    expect(error).toMatchObject({ code: 'config.invalid' });
    expect(error.title).toContain('port');
  });

  it('a missing repository is named when work is submitted, and no task is made', async () => {
    here = install();
    rmSync(here.repository, { recursive: true });
    await here.up();
    const { code, stderr } = await here.orch('submit', '--project', 'p', '--title', 'Greet');
    expect(code).toBe(1);
    expect(stderr).toContain(here.repository);
    expect(stderr).toContain('hint:');
    expect(here.rows('SELECT 1 FROM tasks')).toEqual([]);
    expect(here.rows('SELECT 1 FROM work_items')).toEqual([]);
    expect((await here.orch('doctor')).stdout).toContain('projects.p.repo');
  });

  it.skipIf(asRoot)(
    `an unreadable agent home is a doctor error with its field${asRoot ? ' [skipped: root may read anything]' : ''}`,
    async () => {
      here = install();
      chmodSync(here.agentHome, 0o000);
      const { code, stdout } = await here.orch('doctor', '--only', 'agents');
      chmodSync(here.agentHome, 0o755);
      expect(code).toBe(1);
      expect(stdout).toContain('accounts.claude-a.home');
    },
  );

  it('a port in use is said, and the home is free again', async () => {
    here = install();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const run = await new Promise<{ code: number; stderr: string }>((resolve) => {
      void here.up({ ORCH_PORT: String(port) }).then(
        () => resolve({ code: 0, stderr: '' }),
        (error: Error) => resolve({ code: 1, stderr: error.message }),
      );
    });
    taken.close();
    expect(run.stderr).toContain(`port ${port} on 127.0.0.1 is in use`);
    expect(run.stderr).toContain('ORCH_PORT');
    expect(existsSync(join(here.home, 'server.lock'))).toBe(false);
    await here.up();
  });

  it('an address that others can reach is refused without an admin', async () => {
    here = install();
    const refused = await here.up({ ORCH_HOST: '0.0.0.0' }).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(refused).toContain('there is no admin');
    expect(refused).toContain('ORCH_API_TOKEN');
    expect(readdirSync(here.home)).toEqual([]);
  });

  it('a second service on the same home is refused', async () => {
    here = install();
    await here.up();
    const { code, stderr } = await here.orch('up');
    expect(code).toBe(1);
    expect(stderr).toContain('already running');
    expect(stderr).toContain('orch down');
  });

  it('a database of a newer build is refused and left as it is', async () => {
    here = install();
    const service = await here.up();
    await service.down();
    const file = join(here.home, 'orch.db');
    const db = new Database(file);
    db.pragma('user_version = 99');
    db.close();
    const { code, stderr } = await here.orch('up');
    expect(code).toBe(1);
    expect(stderr).toContain('newer than this build');
    const after = new Database(file, { readonly: true });
    expect(after.pragma('user_version', { simple: true })).toBe(99);
    after.close();
  });

  it('a file that is no database is refused', async () => {
    here = install();
    writeFileSync(join(here.home, 'orch.db'), 'this is not a database at all, really not one, at all');
    const { code, stderr } = await here.orch('up');
    expect(code).toBe(1);
    expect(stderr).toContain('not a usable database');
  });

  it('a home that cannot be written is said before anything is made', async () => {
    here = install();
    const blocked = join(here.root, 'blocked');
    mkdirSync(blocked);
    // Works as root too: a file where a folder must be.
    writeFileSync(join(blocked, 'state'), '');
    const run = await here.up({ ORCH_HOME: join(blocked, 'state', 'home') }).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(run).toContain('ORCH_HOME');
    expect(readdirSync(blocked)).toEqual(['state']);
  });

  it.each([
    [['enqueue', '--agent', 'plumber', '--repo', 'p'], 2, 'developer'],
    [['enqueue', '--agent', 'developer', '--repo', 'nowhere'], 1, 'one of p'],
    [['submit', '--project', 'p', '--title', 'x', '--stage', 'nope'], 2, 'development'],
    [['submit', '--project', 'p'], 2, '--title'],
    [['nonsense'], 2, 'orch help'],
    [['job', 'show', 'job_999'], 1, 'job_999'],
    [['pause', '--project', 'nowhere'], 1, 'one of p'],
    [['pause', '--for', 'soon'], 2, '30m'],
    [['approve', 'NOPE-1'], 1, 'NOPE-1'],
    [['verdict', '--agent', 'claude-code', '--stdout', 'x', '--started-at', 'yesterday'], 2, '--started-at'],
    [['signin', '--agent', 'claude-code', '--home', '/does/not/exist'], 2, '--home'],
  ])('orch %j exits %i and says how it goes', async (args, code, hint) => {
    here = install();
    here.scene(0, `echo '${VALID_RESULT}'`);
    await here.up();
    const result = await here.orch(...args);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(hint);
  });

  it('a server that is not there is exit 6', async () => {
    here = install();
    const { code, stderr } = await here.orch('status');
    expect(code).toBe(6);
    expect(stderr).toContain('orch up');
  });

  it('a bad orch.yaml keeps the last good one, and a good one applies without a restart', async () => {
    here = install();
    here.scene(0, `echo '${VALID_RESULT}'`);
    const service = await here.up();
    const good = readFileSync(join(here.root, 'orch.yaml'), 'utf8');
    here.writeConfig('accounts: 5\n');
    await waitFor(() => service.output().includes('was not applied'));
    expect((await here.orch('status')).stdout).toContain('orch.yaml is not in force');
    const { job } = await here.json<{ job: { id: string } }>(
      'enqueue',
      '--agent',
      'developer',
      '--repo',
      'p',
    );
    await waitFor(async () => (await here.job(job.id)).status === 'done');
    here.writeConfig(good.replace('\n  p:\n', '\n  renamed:\n'));
    await waitFor(() => service.output().includes('orch.yaml applied'));
    expect((await here.orch('status')).stdout).not.toContain('not in force');
    expect((await here.orch('enqueue', '--agent', 'developer', '--repo', 'renamed')).code).toBe(0);
  });
});

it('the state folder keeps others out', async () => {
  here = install();
  await here.up();
  const modes = execFileSync('stat', ['-c', '%a %n', 'orch.db', 'cli-token', 'server.json'], {
    cwd: here.home,
    encoding: 'utf8',
  });
  expect(modes).toBe('600 orch.db\n600 cli-token\n600 server.json\n');
});
