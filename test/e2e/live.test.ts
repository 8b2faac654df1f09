import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Installation,
  install,
  type Service,
  UNTIL_GO,
  VALID_RESULT,
  waitFor,
} from '../support/orch.ts';

const LINES = 1500;
const PASSWORD = 'four small words here';
let here: Installation;
let service: Service;
let port: number;

beforeAll(async () => {
  port = await freePort();
  here = install({ env: { ORCH_PORT: String(port) } });
  service = await here.up();
});
afterAll(() => here.remove());

/** One service for all of it: a sign-in, then a log over a crash. */
describe('a service that people look at', () => {
  let cookie = '';

  it('prints a code that makes the first admin, once; the next start prints none', async () => {
    const code = await waitFor(() => /the code is (\S+?)\)/.exec(service.output())?.[1] ?? null);
    const body = { code, name: 'mara', password: PASSWORD };
    const response = await write('/setup', body);
    expect(response.status).toBe(200);
    cookie = response.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await write('/setup', body)).status).toBe(403);
    const me = await fetch(`${base()}/session`, { headers: { cookie } });
    expect(await me.json()).toMatchObject({ me: { name: 'mara', role: 'admin' } });
  });

  it('gives tokens to programs, and its log has no word of them', async () => {
    const { stdout } = await here.orch('tokens', 'create', 'ci', '--role', 'viewer', '--days', '3');
    const token = stdout.trim();
    expect(token).toMatch(/^orch_pat_/);
    const asked = (path: string) =>
      fetch(`${base()}${path}`, { headers: { authorization: `Bearer ${token}` } });
    expect((await asked('/jobs')).status).toBe(200);
    expect((await asked('/users')).status).toBe(403);
    const refused = await here.orch('users', 'role', 'mara', 'viewer');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('nobody would be left')]);
    expect(service.output()).not.toContain(token);
  });

  it('streams a log over kill -9 and a restart: each line once, in order', async () => {
    here.scene(
      0,
      `${UNTIL_GO}i=0\nwhile [ $i -lt ${LINES} ]; do i=$((i+1)); echo "line $i"; done\nsleep 2\ni=0\nwhile [ $i -lt ${LINES} ]; do i=$((i+1)); echo "more $i"; done\necho '${VALID_RESULT}'\n`,
    );
    const { job } = await here.json<{ job: { id: string } }>(
      'enqueue',
      '--agent',
      'developer',
      '--repo',
      'p',
    );
    await waitFor(async () => (await here.job(job.id)).status === 'running');
    const reader = follow('/runs/run_1/log/stream', cookie);
    // A log that is there already is shown from near its end.
    await waitFor(() => reader.connections() > 0);
    here.go();
    await waitFor(() => reader.lines.length >= 100);
    await service.kill();
    await sleep(300);
    service = await here.up();
    expect(service.output()).not.toContain('the code is');
    await waitFor(() => reader.isOver());
    const expected = ['line', 'more'].flatMap((word) =>
      Array.from({ length: LINES }, (_, i) => `${word} ${i + 1}`),
    );
    expect(reader.lines.slice(0, expected.length)).toEqual(expected);
    expect(reader.connections()).toBeGreaterThan(1);
    expect(statSync(join(here.home, 'cli-token')).mode & 0o077).toBe(0);
    const database = readFileSync(join(here.home, 'orch.db'), 'latin1');
    expect(database).not.toContain(cookie.split('=')[1] ?? '?');
  });

  it('is reached from elsewhere by orch login, whose token is for its owner alone', async () => {
    const login = await orchElsewhere('login', base().replace('/api/v1', ''), '--name', 'mara');
    expect([login.code, login.stdout]).toEqual([0, expect.stringContaining('as mara (admin)')]);
    expect(statSync(join(here.root, 'laptop', 'remote.json')).mode & 0o077).toBe(0);
    const jobs = await orchElsewhere('jobs', '--json');
    expect(JSON.parse(jobs.stdout)).toMatchObject({ schema: 'orch.jobs/1' });
    await orchElsewhere('logout');
    expect(existsSync(join(here.root, 'laptop', 'remote.json'))).toBe(false);
  });
});

const base = () => `http://127.0.0.1:${port}/api/v1`;

function write(path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(`${base()}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** The command line with another ORCH_HOME; the password comes on stdin. */
async function orchElsewhere(...args: string[]) {
  const { spawn } = await import('node:child_process');
  const { projectRoot } = await import('../support/requirements.ts');
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: here.root,
    ORCH_HOME: join(here.root, 'laptop'),
    NO_COLOR: '1',
  };
  const child = spawn(join(projectRoot, 'bin', 'orch'), args, { env, cwd: here.root });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stdin.end(`${PASSWORD}\n`);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, stdout };
}

/** What a browser's EventSource does: reads, and comes back with the last id when the line breaks. */
function follow(path: string, cookie: string) {
  const lines: string[] = [];
  let isOver = false;
  let connections = 0;
  let place: string | null = null;
  const read = async () => {
    const headers = { cookie, ...(place === null ? {} : { 'last-event-id': place }) };
    const response = await fetch(`${base()}${path}`, { headers });
    connections += 1;
    let rest = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        if (block.includes('event: end')) isOver = true;
        if (!block.includes('event: lines')) continue;
        const data = JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '{}') as {
          lines: { parts: { text: string }[] }[];
        };
        lines.push(...data.lines.map(({ parts }) => parts[0]?.text ?? ''));
        place = /^id: (\d+)$/m.exec(block)?.[1] ?? place;
      }
    }
  };
  void (async () => {
    while (!isOver) {
      await read().catch(() => undefined);
      if (!isOver) await sleep(100);
    }
  })();
  return { lines, isOver: () => isOver, connections: () => connections };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: free } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return free;
}
