import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { JobWire, OneRunWire } from '../../src/http/contract.ts';
import { handIn, type Installation, install, UNTIL_GO, VALID_RESULT, waitFor } from '../support/orch.ts';

/** The command line as a person uses it, against the running service. */
let here: Installation;
afterEach(() => here.remove());

const submit = (title: string) => here.submit(title);

describe('the command line', () => {
  it('completes commands, options and live keys', async () => {
    here = install();
    here.scene(0, 'sleep 60');
    await here.up();
    const key = await submit('Greet the world');
    expect((await here.orch('complete', '--', 're')).stdout).toMatch(/^retry\t/m);
    expect((await here.orch('complete', '--', 'retry', '--fr')).stdout).toContain('--from-stage');
    expect((await here.orch('complete', '--', 'why', '')).stdout).toContain(`${key}\tGreet the world`);
    for (const shell of ['bash', 'zsh', 'fish', 'powershell'])
      expect((await here.orch('completion', shell)).stdout).toContain('orch');
    expect((await here.orch('completion', 'tcsh')).code).toBe(2);
  });

  it('completes without a service, too', async () => {
    here = install();
    expect(await here.orch('complete', '--', 'why', '')).toMatchObject({ code: 0, stderr: '' });
  });

  it('retries everything that has failed, and only that', async () => {
    here = install();
    here.scene(0, 'exit 0');
    await here.up();
    const keys = [await submit('One'), await submit('Two')];
    for (const key of keys) await waitFor(async () => (await here.task(key)).status === 'needs_you', 30_000);
    here.scene(0, handIn({ outcome: 'done' }, `echo "export const n = '$ORCH_RUN_ID';" > src/new.js`));
    const { jobs } = await here.json<{ jobs: JobWire[] }>('retry', '--all-failed', '--note', 'again');
    expect(jobs.map((job) => [job.task, job.attempts])).toEqual(keys.map((key) => [key, 0]));
    for (const key of keys) await waitFor(async () => (await here.task(key)).stage === 'merge', 60_000);
    expect((await here.json<{ jobs: JobWire[] }>('retry', '--all-failed')).jobs).toEqual([]);
  });

  it('calls work urgent and back, shows it, and carries it to the next stage', async () => {
    here = install();
    here.scene(0, handIn({ outcome: 'done' }, 'echo "export const n = 1;" > src/new.js'));
    await here.up();
    await here.orch('pause');
    const plain = await submit('One');
    const late = await submit('Two');
    const urgent = () => here.json<{ jobs: JobWire[] }>('jobs');
    const marks = async () => (await urgent()).jobs.map((job) => [job.task, job.urgent]);
    expect((await here.orch('urgent', late)).stdout).toContain(`${late} is urgent`);
    expect(await marks()).toEqual([
      [plain, false],
      [late, true],
    ]);
    expect((await here.orch('jobs')).stdout).toMatch(/waiting, urgent|needs you, urgent/);
    expect((await here.orch('tasks')).stdout).toContain('active, urgent');
    expect((await here.orch('urgent', plain)).code).toBe(0);
    expect((await here.orch('urgent', plain, '--off')).stdout).toContain(`${plain} is no longer urgent`);
    expect((await marks())[0]).toEqual([plain, false]);
    await here.orch('resume');
    await waitFor(async () => (await here.task(late)).stage === 'merge', 60_000);
    const first = here.rows<{ task_id: number }>('SELECT task_id FROM agent_runs ORDER BY id LIMIT 1');
    expect(first).toEqual([{ task_id: 2 }]);
    const stages = (await urgent()).jobs.filter((job) => job.task === late);
    expect(stages.length).toBeGreaterThan(1);
    expect(stages.every((job) => job.urgent)).toBe(true);
    const { job } = await here.json<{ job: JobWire }>(
      'enqueue',
      '--agent',
      'developer',
      '--repo',
      'p',
      '--urgent',
    );
    expect(job.urgent).toBe(true);
    expect((await here.orch('urgent', 'API-99')).code).toBe(1);
  });

  it('changes a setting of the running service from both ends, and keeps what people wrote in the file', async () => {
    here = install();
    const before = readFileSync(join(here.root, 'orch.yaml'), 'utf8');
    const service = await here.up();
    const limit = async () =>
      (await here.json<{ values: { key: string; value: unknown }[] }>('config')).values.find(
        ({ key }) => key === 'max_attempts',
      )?.value;
    expect((await here.orch('config', 'set', 'max_attempts', '7', '--test')).stdout).toContain('not written');
    expect(await limit()).toBe(3);
    expect((await here.orch('config', 'set', 'max_attempts', '7')).stdout).toContain(
      'max_attempts: not set -> 7',
    );
    expect(await limit()).toBe(7);
    await waitFor(() => service.output().includes('orch.yaml applied'));
    expect(await here.post('/config', { values: [{ path: ['max_attempts'], text: '8' }] })).toMatchObject({
      written: true,
      changes: [{ key: 'max_attempts', before: '7', after: '8' }],
    });
    expect(await limit()).toBe(8);
    const refused = await here.orch('config', 'set', 'projects.p.accounts', '[nobody]');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('projects.p.accounts')]);
    expect(await here.post('/config', { values: [{ path: ['host'], text: '0.0.0.0' }] })).toMatchObject({
      code: 'config.machine_only',
    });
    expect((await here.orch('config', 'set', 'api_token')).stderr).toContain('terminal');
    expect((await here.orch('config', 'unset', 'max_attempts')).stdout).toContain('8 -> not set');
    expect(readFileSync(join(here.root, 'orch.yaml'), 'utf8')).toBe(before);
  });

  it('drains an account and takes it back', async () => {
    here = install();
    here.scene(0, `echo '${VALID_RESULT}'`);
    await here.up();
    expect((await here.orch('accounts', 'drain', 'claude-a')).code).toBe(0);
    const { job } = await here.json<{ job: { id: string } }>(
      'enqueue',
      '--agent',
      'developer',
      '--repo',
      'p',
    );
    await waitFor(async () => (await here.job(job.id)).hold?.code === 'dispatch.paused');
    expect((await here.orch('resume', '--account', 'claude-a')).code).toBe(0);
    await waitFor(async () => (await here.job(job.id)).status === 'done');
    expect((await here.orch('wait', job.id)).code).toBe(0);
  });

  it('follows a log to its end', async () => {
    here = install();
    here.scene(
      0,
      `for i in 1 2 3; do echo "line $i"; sleep 0.3; done; printf 'bell \\007 and \\033]0;title\\007\\n'; echo '${VALID_RESULT}'`,
    );
    await here.up();
    const { job } = await here.json<{ job: { id: string } }>(
      'enqueue',
      '--agent',
      'developer',
      '--repo',
      'p',
    );
    await waitFor(() => here.calls() === 1);
    const { stdout } = await here.orch('logs', job.id, '-f');
    expect(stdout).toContain('line 1\nline 2\nline 3\n');
    expect(stdout).toContain('"type":"result"');
    expect(stdout).not.toMatch(/[\x07\x1b]/);

    const timed = await here.orch('logs', job.id, '--times', '--since', '1h');
    expect(timed.stdout).toMatch(/^\d\d:\d\d:\d\d {2}line 1\n\d\d:\d\d:\d\d {2}line 2$/m);
    const lines = (await here.orch('logs', job.id, '--json')).stdout.trim().split('\n');
    const at = lines.map((line) => Date.parse((JSON.parse(line) as { at: string }).at));
    // Half a second between two looks, and 300 ms between two lines.
    expect((at[2] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(50);
    expect(at).toEqual([...at].sort((a, b) => a - b));
    expect(await here.orch('logs', job.id, '--since', 'soon')).toMatchObject({ code: 2 });
  });

  it('shows of a live run what proves that it works', async () => {
    here = install();
    const busy = 'i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done\n';
    const work =
      'echo "export const n = 1;" > src/new.js; git add -A; git commit -qm one; echo more >> src/new.js\n';
    here.scene(0, handIn({ outcome: 'done' }, `${work}${busy}touch .orch-work/ready\n${UNTIL_GO}`));
    await here.up();
    const key = await submit('Greet the world');
    const proof = await waitFor(async () => {
      const { run, proof } = await here.json<OneRunWire>('run', 'show', key);
      return run.pid !== null && (proof?.commits ?? 0) > 0 && (proof?.cpuSeconds ?? 0) > 0.1 ? proof : null;
    }, 30_000);
    expect(proof).toMatchObject({ commits: 1, change: { files: 1, deleted: 0 } });
    const { stdout } = await here.orch('status');
    expect(stdout).toMatch(/last output .*, (\d+ s|\d+ %) CPU, 1 commit, \+\d −0 in 1 file/);
    expect((await here.orch('run', 'show', key)).stdout).toMatch(/gates passed .*Signed in to claude-a/);
    here.go();
    await waitFor(async () => (await here.json<OneRunWire>('run', 'show', key)).proof === null, 30_000);

    const out = join(here.root, 'run.tar.gz');
    const { stdout: written } = await here.orch('bundle', key, '--out', out);
    expect(written).toContain(out);
    const names = execFileSync('tar', ['-tzf', out], { encoding: 'utf8' });
    expect(names).toContain('run_1-bundle/bundle.json\n');
    expect(names).toContain('run_1-bundle/run.log\n');
    expect(await here.orch('bundle', key, '--out', out)).toMatchObject({ code: 2 });
  });

  it('brings salvaged work back, byte for byte', async () => {
    here = install();
    here.scene(
      0,
      `echo aside > README.md; git stash -q; printf 'pre\\0cious\\n' > 'kept file.txt'; touch "$(printf 'esc\\033[2J')"; exit 0`,
    );
    await here.up();
    const { job } = await here.json<{ job: { id: string } }>(
      'enqueue',
      '--agent',
      'developer',
      '--repo',
      'p',
      '--max-attempts',
      '1',
    );
    await waitFor(async () => (await here.job(job.id)).status === 'failed');
    const { salvage } = await here.json<{ salvage: { name: string }[] }>('salvage');
    expect(salvage.map((each) => each.name)).toEqual(['run_1']);
    const shown = (await here.orch('salvage', 'show', 'run_1')).stdout;
    expect(shown).toContain('added     kept file.txt');
    expect(shown).toContain('esc\\x1b[2J');
    expect(shown).toMatch(/^ {2}commit {4}refs\/stash {2}[0-9a-f]{7}$/m);
    expect((await here.orch('salvage', 'restore', 'run_1')).code).toBe(2);
    const target = join(here.root, 'restored');
    expect((await here.orch('salvage', 'restore', 'run_1', '--to', target)).code).toBe(0);
    expect(readFileSync(join(target, 'kept file.txt'), 'latin1')).toBe('pre\0cious\n');
    const aside = join(here.root, 'aside');
    const restored = await here.orch('salvage', 'restore', 'run_1', '--ref', 'refs/stash', '--to', aside);
    expect(restored.code).toBe(0);
    expect(readFileSync(join(aside, 'README.md'), 'utf8')).toBe('aside\n');
    expect((await here.json<{ pruned: string[] }>('salvage', 'prune', '--older-than', '1d')).pruned).toEqual(
      [],
    );
    expect((await here.orch('salvage', 'show', 'run_9')).stderr).toContain('there is no salvage run_9');
  });
});
