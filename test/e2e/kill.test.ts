import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import {
  handIn,
  type Installation,
  install,
  processesMentioning,
  type Service,
  UNTIL_GO,
  waitFor,
} from '../support/orch.ts';

/** `kill -9` at each player of a live run: nothing is lost, doubled or left behind. */
let here: Installation;
afterEach(() => here.remove());

const SLOW = handIn(
  { outcome: 'done' },
  `echo "export const n = 1;" > src/new.js\necho working\n${UNTIL_GO}`,
);
/** A child that forks twice into its own session with an empty environment: the worst escapee. */
const ESCAPEE = `( setsid env -i sh -c 'exec sleep 987654' & ) & sleep 0.2\n`;

async function running(
  env: Record<string, string> = {},
): Promise<{ service: Service; key: string; supervisor: number }> {
  const service = await here.up(env);
  const key = await here.submit('Greet');
  await waitFor(() => here.calls() === 1);
  const supervisor = await waitFor(
    () => here.row<{ pid: number | null }>('SELECT pid FROM agent_runs WHERE pid IS NOT NULL')?.pid,
  );
  return { service, key, supervisor };
}

/** The fake CLI's own process: the one whose argv names the run's prompt-reading shell. */
function agentPid(): number {
  for (const pid of readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (
        argv[1] === join(here.root, 'claude') &&
        argv.includes('-p') &&
        readlinkSync(`/proc/${pid}/cwd`).startsWith(here.home)
      )
        return pid;
    } catch {
      // gone, or not ours to read
    }
  }
  throw new Error('the agent is not running');
}

function escapees(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('987654');
      } catch {
        return false;
      }
    });
}

async function finished(key: string): Promise<void> {
  here.go();
  await waitFor(
    async () => (await here.task(key)).stage !== 'development',
    60_000,
    () => here.rows('SELECT id, status, attempts, lost_attempts, error FROM jobs'),
  );
}

function settledOnce(): void {
  expect(
    here
      .rows('SELECT job_id, fence, count(*) AS n FROM agent_runs GROUP BY 1, 2')
      .every((row) => (row as { n: number }).n === 1),
  ).toBe(true);
  expect(here.rows(`SELECT 1 FROM agent_runs WHERE status = 'running'`)).toEqual([]);
}

describe('kill -9', () => {
  it('of Orch while a run is live: adopted after the restart, settled once, log whole, no second agent', async () => {
    here = install();
    here.scene(0, SLOW);
    const compiled = join(here.root, 'compiled');
    const { service, key } = await running({ NODE_COMPILE_CACHE: compiled });
    await service.kill();
    expect(readdirSync(compiled)).not.toEqual([]); // what the next start is fast by outlives a kill
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(here.up({ ORCH_PORT: String(port) })).rejects.toThrow(`port ${port} on 127.0.0.1 is in use`);
    other.close();
    await here.up();
    await finished(key);
    expect(here.calls()).toBe(1);
    expect(here.row('SELECT count(*) AS n, sum(input_tokens) AS tokens FROM agent_runs')).toEqual({
      n: 1,
      tokens: 120,
    });
    const [run] = await here.runs();
    expect(run).toMatchObject({ verdict: 'success', attempt: 1 });
    expect(readFileSync(run?.logPath ?? '', 'utf8')).toMatch(
      /^working\nStarting\.\n\{"type":"result".*\}\n$/s,
    );
    await waitFor(() => here.rows('SELECT 1 FROM work_item_comments').length === 1);
    settledOnce();
  });

  it('of Orch: a live run is taken over before the projects that have none are read', async () => {
    here = install();
    const other = join(here.root, 'other.git');
    cpSync(here.repository, other, { recursive: true });
    const config = join(here.root, 'orch.yaml');
    appendFileSync(config, `  other: { repo: ${other}, accounts: [claude-a] }\n`);
    here.scene(0, SLOW);
    const { service, key } = await running();
    // Read once, so that there is something to read at the next start.
    await here.submit('Wait', { project: 'other', stage: 'deploy' });
    await service.kill();
    const tools = join(here.root, 'tools');
    const read = join(here.root, 'read');
    mkdirSync(tools);
    writeFileSync(
      join(tools, 'git'),
      `#!/bin/sh\ncase "$GIT_DIR" in */other.git) sleep 1; date +%s%3N >>${read} ;; esac\nPATH='${process.env['PATH']}' exec git "$@"\n`,
      { mode: 0o755 },
    );
    const next = await here.up({ PATH: `${tools}:${process.env['PATH']}` });
    const adopted = next
      .output()
      .split('\n')
      .find((line) => line.includes('"msg":"run adopted"'));
    const { time } = JSON.parse(adopted ?? '{}') as { time?: string };
    const [firstRead] = readFileSync(read, 'utf8').split('\n');
    expect(Date.parse(time ?? '')).toBeLessThan(Number(firstRead));
    await finished(key);
    expect(here.calls()).toBe(1);
  });

  it('of the agent: lost, the attempt is given back, and it runs again', async () => {
    here = install();
    here.scene(1, `echo working; sleep 60`);
    here.scene(0, SLOW);
    const { key } = await running();
    process.kill(agentPid(), 'SIGKILL');
    await finished(key);
    expect((await here.task(key)).jobs[0]).toMatchObject({
      status: 'done',
      attempts: 1,
      lostAttempts: 1,
      transientAttempts: 0,
    });
    expect((await here.runs()).map((run) => run.verdict)).toEqual(['lost', 'success']);
    expect((await here.runs())[0]).toMatchObject({ signal: 'SIGKILL' });
  });

  it('of the supervisor: the agent and even a hidden child die, and the job runs again', async () => {
    here = install();
    here.scene(1, `${ESCAPEE}echo working; sleep 60`);
    here.scene(0, SLOW);
    const { key, supervisor } = await running();
    await waitFor(() => escapees().length > 0);
    process.kill(supervisor, 'SIGKILL');
    await finished(key);
    expect(escapees()).toEqual([]);
    expect((await here.task(key)).jobs[0]).toMatchObject({ status: 'done', attempts: 1, lostAttempts: 1 });
  });

  it('of Orch, supervisor and agent at once: nothing is orphaned, no job stays running', async () => {
    here = install();
    here.scene(1, `${ESCAPEE}echo working; sleep 60`);
    here.scene(0, SLOW);
    const { service, key, supervisor } = await running();
    await waitFor(() => escapees().length > 0);
    process.kill(supervisor, 'SIGKILL');
    try {
      process.kill(agentPid(), 'SIGKILL');
    } catch {
      // died with its supervisor
    }
    await service.kill();
    await waitFor(() => escapees().length === 0);
    await waitFor(() => processesMentioning(here.root).length === 0);
    await here.up();
    await finished(key);
    expect((await here.task(key)).jobs[0]).toMatchObject({ status: 'done', attempts: 1, lostAttempts: 1 });
    settledOnce();
  });

  it('of nothing: a hidden child does not outlive a run that ends well', async () => {
    here = install();
    here.scene(0, `${ESCAPEE}${SLOW}`);
    const { key } = await running();
    await finished(key);
    expect(escapees()).toEqual([]);
  });
});

describe('ending runs on purpose', () => {
  it('down leaves the run alive, the next up takes it over', async () => {
    here = install();
    here.scene(0, SLOW);
    const { key } = await running();
    expect((await here.orch('down')).code).toBe(0);
    expect(agentPid()).toBeGreaterThan(0);
    await here.up();
    await finished(key);
    expect(here.calls()).toBe(1);
  });

  it('cancel ends the run, keeps branch and worktree, and the task is cancelled', async () => {
    here = install();
    here.scene(0, `echo precious > kept.txt; sleep 60`);
    const { key } = await running();
    await here.orch('cancel', key, '--now');
    await waitFor(async () => (await here.task(key)).jobs[0]?.status === 'cancelled');
    expect(await here.task(key)).toMatchObject({ status: 'cancelled' });
    expect(readFileSync(join(here.home, 'worktrees', 'p', key, 'kept.txt'), 'utf8')).toBe('precious\n');
    expect((await here.runs())[0]).toMatchObject({ verdict: 'cancelled' });
  });

  it('stop releases the job, pauses, and works without the server too', async () => {
    here = install();
    here.scene(0, `sleep 60`);
    const { key } = await running();
    await here.orch('down');
    expect((await here.json<{ ended: number }>('stop', '--now')).ended).toBe(1);
    await here.up();
    const job = await waitFor(async () => {
      const [seen] = (await here.task(key)).jobs;
      return seen?.status === 'queued' ? seen : null;
    });
    expect(job).toMatchObject({ attempts: 0, hold: { code: 'dispatch.paused' } });
  });

  it('a stage over its stall limit is stalled, and over its time limit is timed out', async () => {
    here = install({
      pipeline: '      - { stage: development, agent: developer, tools: write, stall: 1s, timeout: 60s }',
    });
    here.scene(0, `echo started; sleep 60`);
    await here.up();
    await here.submit('Greet');
    await waitFor(async () => (await here.runs())[0]?.verdict === 'stalled', 30_000);
    expect((await here.runs())[0]).toMatchObject({ verdict: 'stalled' });
  });

  it('a run that was cancelled just before Orch died is ended by the next start', async () => {
    here = install();
    here.scene(0, 'sleep 60');
    const { service, key } = await running();
    await service.kill();
    const db = new Database(join(here.home, 'orch.db'));
    db.prepare('UPDATE jobs SET cancel_requested = 1').run();
    db.close();
    await here.up();
    await waitFor(async () => (await here.task(key)).jobs[0]?.status === 'cancelled');
    expect((await here.runs())[0]).toMatchObject({ verdict: 'cancelled' });
  });
});
