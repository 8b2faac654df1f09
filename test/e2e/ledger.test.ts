import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Explain, WhyAtWire } from '../../src/http/contract.ts';
import {
  handIn,
  type Installation,
  install,
  LOGIN,
  UNTIL_GO,
  VALID_RESULT,
  waitFor,
} from '../support/orch.ts';

/** Why nothing ran: told now, and told afterwards, also over a crash. */
let here: Installation;
afterEach(() => here.remove());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const at = async (key: string, instant: number) =>
  JSON.parse(
    (await here.orch('why', key, '--at', new Date(instant).toISOString(), '--json')).stdout,
  ) as WhyAtWire;

describe('why --at', () => {
  it('tells of a job what it waited for, when it ran, and the time in which Orch was away', async () => {
    here = install();
    const login = join(here.agentHome, '.claude', '.credentials.json');
    rmSync(login);
    here.scene(0, `${UNTIL_GO}echo '${VALID_RESULT}'`);
    const service = await here.up();
    const before = Date.now() - 60_000;
    const job = await here.enqueue();
    await waitFor(async () => (await here.job(job)).hold?.code === 'account.signed_out');
    await pause(50);
    const signedOut = Date.now();
    // A crash is known to the last look that was written: at least one in five seconds.
    await pause(6000);
    await service.kill();
    await pause(1500);
    const away = Date.now();
    await pause(1500);
    await here.up();
    await waitFor(async () => (await here.job(job)).hold?.code === 'account.signed_out');
    writeFileSync(login, JSON.stringify(LOGIN));
    await waitFor(async () => (await here.job(job)).status === 'running');
    const running = Date.now();
    here.go();
    await waitFor(async () => (await here.job(job)).status === 'done');

    expect((await at(job, before)).job).toBeNull();
    expect((await at(job, signedOut)).job).toMatchObject({
      id: job,
      status: 'queued',
      hold: { code: 'account.signed_out', state: 'needs_you', fix: 'orch accounts login claude-a' },
    });
    expect((await at(job, away)).job).toMatchObject({ status: 'queued', hold: { code: 'scheduler.stale' } });
    expect((await at(job, running)).job).toEqual({ id: job, status: 'running', run: 'run_1', hold: null });
    expect((await at(job, Date.now())).job).toMatchObject({ status: 'done' });

    const text = await here.orch('why', job, '--at', new Date(signedOut).toISOString());
    expect(text.stdout).toContain('Account claude-a is signed out');
    const all = await here.orch('why', '--at', new Date(signedOut).toISOString(), '--json');
    expect(JSON.parse(all.stdout)).toMatchObject({
      schema: 'orch.explain/1',
      at: new Date(signedOut).toISOString(),
      verdict: 'needs_you',
      counts: { running: 0, queued: 0, waiting: 0, needsYou: 1 },
      reasons: [{ code: 'account.signed_out', jobsHeld: 1, sample: [job], evidence: { source: 'ledger' } }],
    });
    expect(await here.orch('why', job, '--at', 'soon')).toMatchObject({ code: 2 });
    expect(await here.orch('why', job, '--at', '2999-01-01')).toMatchObject({ code: 2 });
  });
});

describe('a line at rest', () => {
  const why = async () => JSON.parse((await here.orch('why', '--json')).stdout) as Explain;

  it('shows the rule and the nearest misses, because a wrong rule looks just like an empty backlog', async () => {
    here = install({ pipeline: '      - { stage: development, agent: developer, tools: write }' });
    here.scene(0, handIn({ outcome: 'done' }, 'echo "// $ORCH_RUN_ID" >> src/greet.js'));
    await here.up();
    expect(await why()).toMatchObject({
      verdict: 'idle',
      reasons: [
        { code: 'nothing.queued', jobsHeld: 0, title: expect.stringContaining('0 of 0 items match') },
      ],
    });
    const key = await here.submit('Greet');
    await here.orch('cancel', key);
    await waitFor(async () => (await here.task(key)).status === 'cancelled');
    await waitFor(async () => (await why()).verdict === 'idle');
    const [reason] = (await why()).reasons;
    expect(reason?.detail).toContain('Rule: an item submitted');
    await waitFor(async () => (await why()).reasons[0]?.detail.includes(`Nearest: ${key}: is cancelled`));
    expect((await here.orch('why')).code).toBe(0);
  });

  it('is not called idle while a task waits for a person', async () => {
    here = install();
    here.scene(0, 'exit 0');
    await here.up();
    const key = await here.submit('Fails');
    await waitFor(async () => (await here.task(key)).status === 'needs_you', 30_000);
    expect(await why()).toMatchObject({
      verdict: 'needs_you',
      headline: 'Nothing is running. 1 task needs you.',
      reasons: [
        { scope: { kind: 'task', id: key }, state: 'needs_you', actions: [{ cli: `orch retry ${key}` }] },
        { code: 'nothing.queued' },
      ],
    });
    expect((await here.orch('why')).code).toBe(7);
  });

  it('is asked of one job or one task over HTTP, too', async () => {
    here = install();
    rmSync(join(here.agentHome, '.claude', '.credentials.json'));
    await here.up();
    const key = await here.submit('Waits');
    const job = await here.enqueue();
    await waitFor(async () => (await here.job(job)).hold?.code === 'account.signed_out');
    const counts = { running: 0, queued: 0, waiting: 0, needsYou: 1 };
    expect(await here.get<Explain>(`/explain?task=${key}`)).toMatchObject({
      verdict: 'needs_you',
      counts,
      reasons: [{ code: 'account.signed_out', jobsHeld: 1, byProject: { p: 1 } }],
    });
    expect(await here.get<Explain>(`/explain?job=${job}`)).toMatchObject({
      counts,
      reasons: [{ code: 'account.signed_out', sample: [job] }],
    });
    await expect(here.get('/explain?task=NO-1')).rejects.toThrow('not_found');
    expect(await here.get<Explain>('/explain')).toMatchObject({ counts: { needsYou: 2 } });
  });
});
