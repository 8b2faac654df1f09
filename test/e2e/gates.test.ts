import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import { enqueueAtOnce, MARA, startInProcess } from '../support/in-process.ts';
import {
  handIn,
  type Installation,
  type InstallOptions,
  install,
  LOGIN,
  VALID_RESULT,
  waitFor,
} from '../support/orch.ts';

const DAY = 24 * 60 * 60 * 1000;
const DEVELOPED = handIn({ outcome: 'done' }, 'echo "// $ORCH_RUN_ID" >> src/greet.js');

let here: Installation;
let app: App;
let aheadMs = 0;
const clock = () => Date.now() + aheadMs;

afterEach(async () => {
  await app.close();
  await here.remove();
});

async function start(options: InstallOptions = {}): Promise<void> {
  aheadMs = 0;
  here = install(options);
  app = await startInProcess(here, { clock });
}

function travelTo(at: number): void {
  aheadMs += at - clock();
}

const job = async (id: number) => {
  const found = await app.engine.store.job(id);
  if (found === null) throw new Error(`there is no job ${id}`);
  return found;
};
const isDone = (id: number) => waitFor(async () => (await job(id)).status === 'done');
/** Waits until the job is held for this reason; the reason. */
const heldBy = (id: number, code: string) =>
  waitFor(
    async () => {
      const found = await app.engine.store.job(id);
      const reason = found === null ? null : await app.engine.reason(found);
      return reason?.code === code ? reason : null;
    },
    20_000,
    async () => [await job(id), await app.engine.reason(await job(id))],
  );
const submit = async (title: string) => {
  const item = { project: 'p', title, body: '', stage: null, key: null, priority: 0 };
  return (await app.engine.submit({ ...item, labels: [], size: null, pipeline: null }, MARA)).task.key;
};
const noted = (code: string) =>
  here.rows<{ until: number | null }>(
    'SELECT until FROM gate_intervals i JOIN gates g ON g.id = i.gate WHERE g.code = ?',
    code,
  );
const told = (kind: string) =>
  here
    .rows<{ message: string }>('SELECT message FROM outbox')
    .map(({ message }) => JSON.parse(message) as { kind: string; title?: string })
    .filter((message) => message.kind === kind)
    .map(({ title }) => title);

describe('reserve', () => {
  it('keeps agents off an account whose plan is nearly used up, until its window resets', async () => {
    await start({ accountExtra: '    reserve: { five_hour: 40%, seven_day: 10% }' });
    const reset = Math.floor(clock() / 1000) * 1000 + 2 * 60 * 60 * 1000;
    const event = {
      type: 'rate_limit_event',
      rate_limit_info: {
        status: 'allowed_warning',
        unifiedWindows: { five_hour: { utilization: 0.7, resetsAt: reset / 1000 } },
      },
    };
    here.scene(1, `echo '${JSON.stringify(event)}'\necho '${VALID_RESULT}'`);
    here.scene(0, `echo '${VALID_RESULT}'`);
    await enqueueAtOnce(app, 1);
    await isDone(1);
    await enqueueAtOnce(app, 1);
    expect(await heldBy(2, 'account.reserved')).toMatchObject({
      state: 'waiting',
      clearsAt: reset,
      detail: 'five_hour is used to 70 %, and 40 % of it is kept for people',
    });
    expect(noted('account.reserved')).toEqual([{ until: null }]);
    travelTo(reset);
    await isDone(2);
  });
});

describe('a budget', () => {
  it('of a task holds its next agent and asks; a retry lets it spend as much again', async () => {
    await start({
      projectExtra: '    budget: { usd_per_task: 0.1 }',
      pipeline: `      - { stage: development, agent: developer, tools: write }
      - { stage: review, agent: reviewer, tools: read }`,
    });
    here.scene(1, DEVELOPED);
    here.scene(0, handIn({ outcome: 'approve' }));
    const key = await submit('Spend');
    expect(await heldBy(2, 'budget.reached')).toMatchObject({ state: 'needs_you', fix: `orch retry ${key}` });
    expect(await app.engine.store.task(key)).toMatchObject({
      status: 'needs_you',
      reason: { code: 'budget.reached', detail: `$0.12 of $0.10 for ${key}` },
    });
    expect(told('notify.incident')).toContain(`${key} has reached its budget`);
    expect(here.call(1).argv).toContain('--max-budget-usd\n0.1\n');
    expect(here.calls()).toBe(1);

    await app.engine.retry(key, { note: null, fromStage: null, account: null }, MARA);
    await isDone(2);
    expect(here.call(2).argv).toContain('--max-budget-usd\n0.1\n');
  });

  it('of a day stops new agents until the day ends, and never the one that runs', async () => {
    await start({ projectExtra: '    budget: { usd_per_day: 0.2 }' });
    here.scene(0, `echo '${VALID_RESULT}'`);
    travelTo(Math.floor(clock() / DAY) * DAY + DAY / 2);
    await enqueueAtOnce(app, 2);
    await isDone(1);
    await isDone(2);
    await enqueueAtOnce(app, 1);
    const midnight = (Math.floor(clock() / DAY) + 1) * DAY;
    expect(await heldBy(3, 'budget.reached')).toMatchObject({
      state: 'waiting',
      clearsAt: midnight,
      detail: '$0.24 of $0.20 today',
    });
    await waitFor(() => told('notify.incident').includes('p has reached its budget of today'));
    expect(here.calls()).toBe(2);
    travelTo(midnight);
    await isDone(3);
    expect(told('notify.incident').filter((title) => title?.startsWith('p has reached'))).toHaveLength(1);
  });
});

describe('open_prs', () => {
  it('holds new work while that many pull requests are open, and lets the work on them go on', async () => {
    await start({ projectExtra: '    open_prs: 1' });
    here.scene(0, DEVELOPED);
    const first = await submit('First');
    await waitFor(async () => (await app.engine.store.task(first))?.pr?.state === 'open');
    const second = await submit('Second');
    const waits = (await app.engine.store.jobs({ status: ['queued'], limit: 9 })).items.find(
      (each) => each.stage === 'development',
    );
    expect(await heldBy(waits?.id ?? 0, 'cap.review')).toMatchObject({
      state: 'waiting',
      title: 'p has 1 pull requests open, 1 allowed',
    });
    expect(here.calls()).toBe(1);
    await app.engine.approve(first, null, MARA);
    await waitFor(async () => (await app.engine.store.task(first))?.status === 'done');
    await waitFor(async () => (await app.engine.store.task(second))?.pr != null);
    expect(here.calls()).toBe(2);
  });
});

describe('failover', () => {
  async function twoAccounts(failover: string): Promise<void> {
    aheadMs = 0;
    here = install();
    const account = (id: string, home: string) =>
      `  ${id}: { agent: claude-code, home: ${home}, bin: ${here.root}/claude, slots: 1, env: { FAKE_PLAN: "${here.root}/plan", WHO: ${id} } }\n`;
    const other = `${here.root}/other`;
    here.writeConfig(`accounts:
${account('first', here.agentHome)}${account('second', other)}projects:
  p: { repo: ${here.repository}, accounts: [first, second], ${failover} max_concurrency: 2, pipeline: [{ stage: development, agent: developer, tools: write }] }
`);
    mkdirSync(`${other}/.claude`, { recursive: true });
    writeFileSync(`${other}/.claude/.credentials.json`, JSON.stringify(LOGIN));
    here.signIn(null);
    here.scene(0, `echo '${VALID_RESULT}'`);
    app = await startInProcess(here, { clock });
  }

  it('takes over while the first account is held, says so in the job, and returns when it works', async () => {
    await twoAccounts('failover: on_hold,');
    await enqueueAtOnce(app, 2);
    await isDone(1);
    await isDone(2);
    expect(await job(1)).toMatchObject({ account: 'second', movedFrom: 'first' });
    expect(here.call(1).env).toContain('WHO=second\n');
    expect((await app.engine.store.run(1))?.account).toBe('second');
    here.signIn();
    await waitFor(async () => (await app.engine.accounts())[0]?.gate?.kind === 'open');
    await enqueueAtOnce(app, 1);
    await isDone(3);
    expect(await job(3)).toMatchObject({ account: 'first', movedFrom: null });
  });

  it('does not resume a session of one account on another', async () => {
    await twoAccounts('failover: on_hold,');
    // Both homes hold the transcript, as homes that are copies of each other would.
    here.scene(
      1,
      `session=$(grep -A1 -x -e --session-id "$FAKE_PLAN/call-$n/argv" | tail -1)
for home in ${here.agentHome} "$HOME"; do
  mkdir -p "$home/.claude/projects/p"
  echo '{}' >"$home/.claude/projects/p/$session.jsonl"
done
printf '{"type":"result","is_error":true,"result":"overloaded","api_error_status":529,"session_id":"%s"}' "$session"
exit 1`,
    );
    await enqueueAtOnce(app, 1);
    await waitFor(async () => (await job(1)).transientAttempts === 1);
    expect(await job(1)).toMatchObject({
      account: 'first',
      movedFrom: null,
      context: { resume: true, sessionAccount: 'second' },
    });
    here.signIn();
    // A tick that looked before must not be the one that finds the job due.
    await waitFor(async () => (await app.engine.accounts())[0]?.gate?.kind === 'open');
    travelTo(clock() + DAY);
    await isDone(1);
    expect(await job(1)).toMatchObject({ account: 'first' });
    expect(here.call(2).argv).not.toContain('--resume');
  });

  it('is never silent: without it, the jobs of a held account wait for it', async () => {
    await twoAccounts('');
    await enqueueAtOnce(app, 1);
    expect(await heldBy(1, 'account.signed_out')).toMatchObject({ scope: { id: 'first' } });
    expect(here.calls()).toBe(0);
  });
});
