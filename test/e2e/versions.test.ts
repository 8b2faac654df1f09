import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { handIn, type Installation, install, UNTIL_GO, waitFor } from '../support/orch.ts';
import { projectRoot } from '../support/requirements.ts';

/** `orch upgrade`: versions come from a repository; each of them hands over to this build and leaves a mark. */
let here: Installation;
afterEach(async () => {
  await here.orch('down');
  await here.remove();
});

const source = () => join(here.root, 'source');
const current = () => readlinkSync(join(here.home, 'current'));
const used = (version: string) => existsSync(join(here.root, `used-${version}`));

function release(version: string, before = ''): void {
  const env = { PATH: process.env['PATH'] ?? '', HOME: here.root };
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@localhost', ...args], {
      cwd: source(),
      env,
    });
  mkdirSync(join(source(), 'bin'), { recursive: true });
  if (!existsSync(join(source(), '.git'))) git('init', '-q', '-b', 'main');
  const program = join(source(), 'bin', 'orch');
  writeFileSync(
    program,
    `#!/bin/sh\ntouch "${here.root}/used-${version}"\n${before}\nexec "${projectRoot}/bin/orch" "$@"\n`,
  );
  chmodSync(program, 0o755);
  const manifest = { name: 'orch', version, lockfileVersion: 3 };
  writeFileSync(join(source(), 'package.json'), JSON.stringify({ name: 'orch', version }));
  writeFileSync(
    join(source(), 'package-lock.json'),
    JSON.stringify({ ...manifest, packages: { '': { name: 'orch', version } } }),
  );
  git('add', '-A');
  git('commit', '-qm', version);
  git('tag', `v${version}`);
}

describe('orch upgrade', () => {
  it('builds the version beside, backs up, restarts the service on it, and the live run goes on', async () => {
    here = install();
    here.scene(0, handIn({ outcome: 'done' }, `echo "// $ORCH_RUN_ID" > src/new.js\n${UNTIL_GO}`));
    release('1.0.0');
    release('2.0.0');
    const service = await here.up();
    const key = await here.submit('Greet');
    await waitFor(() => here.calls() === 1);

    const plan = await here.orch('upgrade', 'v1.0.0', '--from', source(), '--dry-run');
    expect(plan.stdout.split('\n').filter((line) => /^\d\. /.test(line))).toHaveLength(5);
    expect([existsSync(join(here.home, 'current')), used('1.0.0')]).toEqual([false, false]);

    const done = await here.orch('upgrade', 'v1.0.0', '--from', source());
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(current()).toBe(join(here.home, 'versions', 'v1.0.0'));
    expect([used('1.0.0'), used('2.0.0')]).toEqual([true, false]);
    const { pid } = JSON.parse(readFileSync(join(here.home, 'server.json'), 'utf8')) as { pid: number };
    expect(pid).not.toBe(service.pid);
    const { backup } = JSON.parse(readFileSync(join(here.home, 'versions', 'history.json'), 'utf8'))[0];
    const copy = new Database(backup, { readonly: true });
    expect(copy.prepare('SELECT key FROM tasks').pluck().all()).toEqual([key]);
    copy.close();
    here.go();
    await waitFor(async () => (await here.task(key)).status === 'needs_you');
    expect([here.calls(), (await here.runs())[0]?.verdict]).toEqual([1, 'success']);

    // The schema has not moved: back is a switch, and nothing is forgotten.
    const returned = await here.orch('upgrade', '--back');
    expect([returned.code, returned.stderr, current()]).toEqual([0, '', projectRoot]);
    expect((await here.task(key)).status).toBe('needs_you');
    expect((await here.orch('upgrade', '--back')).stderr).toContain('there is no version to return to');
  });

  it('returns past a migration with the database from then, and only when that is meant', async () => {
    here = install();
    release('1.0.0');
    const service = await here.up();
    await here.orch('pause', '-m', 'before');
    await service.down();
    expect((await here.orch('upgrade', '--from', source())).code).toBe(0);
    const db = new Database(join(here.home, 'orch.db'));
    db.exec(`DELETE FROM pauses; PRAGMA user_version = 99`);
    db.close();
    const refused = await here.orch('upgrade', '--back');
    expect([refused.code, current()]).toEqual([1, join(here.home, 'versions', 'v1.0.0')]);
    expect(refused.stderr).toContain('orch upgrade --back --yes');
    expect((await here.orch('upgrade', '--back', '--yes')).code).toBe(0);
    expect(current()).toBe(projectRoot);
    expect(here.rows('SELECT note FROM pauses')).toEqual([{ note: 'before' }]);
  });

  it.each([
    ['cannot be started', 'exit 3', 'v1.0.0', /bin\/orch version failed \(exit 3\)/],
    [
      'refuses the configuration',
      `case "$*" in *configuration*) echo '{"findings":[{"state":"error","text":"no such key","fix":"remove it"}]}'; exit 1;; esac`,
      'v1.0.0',
      /does not accept the configuration: no such key/,
    ],
    ['is not there', '', 'v7', /there is no version v7/],
  ])('switches nothing when the new version %s', async (_what, before, version, words) => {
    here = install();
    release('1.0.0', before);
    const { code, stderr } = await here.orch('upgrade', version, '--from', source());
    expect([code, existsSync(join(here.home, 'current'))]).toEqual([1, false]);
    expect(stderr).toMatch(words);
  });
});

it('orch install says why it cannot, and shows the unit all the same', async () => {
  here = install();
  const shown = await here.orch('install', '--user', '--print');
  expect(shown.stdout).toContain(`ExecStart="${here.home}/current/bin/orch" up`);
  expect((await here.orch('install', '--user', '--run-as', 'mara')).code).toBe(2);
  if (existsSync('/run/systemd/system')) return;
  const { code, stderr } = await here.orch('install', '--user');
  expect([code, stderr]).toEqual([1, expect.stringContaining('this machine is not run by systemd')]);
});
