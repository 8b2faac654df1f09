import { afterEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import { enqueueAtOnce, startInProcess } from '../support/in-process.ts';
import { type Installation, install, UNTIL_GO, VALID_RESULT, waitFor } from '../support/orch.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const INTERVAL = 5 * MINUTE;

let here: Installation;
let app: App;
/** How far the service's clock is ahead of ours. */
let aheadMs = 0;
const clock = () => Date.now() + aheadMs;

afterEach(async () => {
  await app.close();
  await here.remove();
});

async function start(settings: Record<string, string> = {}): Promise<void> {
  aheadMs = 0;
  app = await startInProcess(here, { clock }, settings);
}

function travelTo(at: number): void {
  aheadMs += at - clock();
}

async function gate() {
  const [account] = await app.engine.accounts();
  return account?.gate ?? null;
}

/** Waits until the scheduler has seen the account refuse its n-th start; the gate then. */
async function refusedAfter(calls: number) {
  return waitFor(
    async () => {
      const runs = (await app.engine.store.runs({ limit: 99 })).items;
      const endedAt = Math.max(...runs.map(({ finishedAt }) => finishedAt ?? Number.POSITIVE_INFINITY));
      const tickAt = clock() - (app.engine.tickAge() ?? 0);
      const seen = await gate();
      const isHeld = seen?.kind === 'closed' && seen.code !== 'account.probing';
      return here.calls() === calls && runs.length === calls && tickAt > endedAt && isHeld ? seen : null;
    },
    20_000,
    async () => [here.calls(), await gate()],
  );
}

const done = async () => (await app.engine.store.counts()).jobs.done;
const attemptsSpent = async () =>
  (await app.engine.store.jobs({ limit: 99 })).items.map(({ attempts, transientAttempts }) => [
    attempts,
    transientAttempts,
  ]);

function limitScene(resetAt: number): string {
  return `echo '{"type":"result","subtype":"success","is_error":true,"result":"Claude AI usage limit reached|${Math.floor(resetAt / 1000)}"}'; exit 1`;
}

describe('a usage limit whose stated reset passes late', () => {
  it('is tried with one run a little early, then at growing intervals, and all go on once it answers', async () => {
    here = install();
    const reset = Math.floor(Date.now() / SECOND) * SECOND + 120 * MINUTE;
    for (const n of [1, 2, 3]) here.scene(n, limitScene(reset));
    here.scene(0, `echo '${VALID_RESULT}'`);
    await start({ ORCH_MAX_CONCURRENCY: '1' });
    await enqueueAtOnce(app, 3);
    const first = await refusedAfter(1);
    expect(first).toMatchObject({
      code: 'account.limit',
      state: 'waiting',
      clearsAt: reset,
      guessed: false,
      probeAt: reset - 2 * SECOND,
    });

    travelTo(reset - 2 * SECOND);
    const second = await refusedAfter(2);
    const [probe] = await app.engine.store.accounts();
    expect(second).toMatchObject({ since: first.since, guessed: true });
    expect(second.probeAt).toBe((probe?.lastProbeAt ?? 0) + INTERVAL);

    travelTo(second.probeAt ?? 0);
    const third = await refusedAfter(3);
    const [again] = await app.engine.store.accounts();
    expect(third.probeAt).toBe((again?.lastProbeAt ?? 0) + 2 * INTERVAL);
    expect(await attemptsSpent()).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);

    travelTo(third.probeAt ?? 0);
    await waitFor(async () => (await done()) === 3);
    expect(here.calls()).toBe(6);
    const runs = (await app.engine.store.runs({ limit: 99 })).items;
    expect(runs.map(({ probe: isProbe }) => isProbe)).toEqual([false, true, true, true, false, false]);
  });
});

describe('an account that the vendor refuses although its files look good', () => {
  it('heals by one canary, while nothing else starts and nothing is spent', async () => {
    here = install();
    here.scene(1, `echo 'Not logged in. Please run /login'; exit 1`);
    here.scene(2, `${UNTIL_GO}echo '${VALID_RESULT}'`);
    here.scene(0, `echo '${VALID_RESULT}'`);
    await start();
    await enqueueAtOnce(app, 1);
    const held = await refusedAfter(1);
    expect(held).toMatchObject({ code: 'account.signed_out', state: 'needs_you' });
    await enqueueAtOnce(app, 3);
    travelTo(held.probeAt ?? 0);
    await waitFor(() => here.calls() === 2);
    const busy = await waitFor(async () => {
      const seen = await gate();
      return seen?.kind === 'single' && seen.probing ? seen : null;
    });
    expect(busy).toMatchObject({ code: 'account.probing', running: 1 });
    const [, waiting] = (await app.engine.store.jobs({ limit: 9 })).items;
    expect(waiting === undefined ? null : await app.engine.reason(waiting)).toMatchObject({
      code: 'account.probing',
    });
    expect(here.calls()).toBe(2);
    here.go();
    await waitFor(async () => (await done()) === 4);
    expect((await attemptsSpent())[0]).toEqual([1, 0]);
    expect((await app.engine.store.accounts())[0]?.hold).toBeNull();
  });
});
