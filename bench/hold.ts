import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { scripted } from '../src/agents/scripted/scripted.ts';
import { closedGates } from '../src/core/closed-gates.ts';
import { explain } from '../src/core/explain.ts';
import type { AccountHold } from '../src/core/model.ts';
import { createDispatcher } from '../src/engine/dispatcher.ts';
import { thisMachine } from '../src/engine/machine.ts';
import { PACE } from '../src/engine/pace.ts';
import { createPreflight } from '../src/engine/preflight.ts';
import { createLogger } from '../src/lib/logger.ts';
import type { Claimed } from '../src/store/store.ts';
import { type BenchOptions, median, type Report, timings } from './measure.ts';
import { openOwnQueue, type QueueShape } from './own-queue.ts';

const BACKLOGS = { few: 1_000, many: 1_000_000, quick: 100_000 };
const SHAPE: QueueShape = { projects: 200, accounts: 4, projectCap: 2 };
/** Nearly all work waits for this one. */
const HELD = 'a0';
const ELSEWHERE = 100;
const HOUR_MS = 3_600_000;
const EXPLAINED = 20_000;
/** A tick has to look at 200 projects whatever the backlog; more than this much more would be the backlog. */
const MOST_GROWTH = 1.5;

interface Flip {
  readonly close: number;
  readonly wait: number;
  readonly open: number;
  readonly rows: number;
}

interface Flips {
  readonly measured: readonly Flip[];
  /** Milliseconds of each explanation while the account is closed. */
  readonly explained: readonly number[];
}

/**
 * An account that a deep queue waits for goes held and open again: what one tick of the dispatcher costs (look
 * at the gates, note them, try to claim), what it writes, and what an explanation costs, beside a short queue.
 */
export async function hold({ folder, quick }: BenchOptions): Promise<Report> {
  const many = quick ? BACKLOGS.quick : BACKLOGS.many;
  const times = quick ? 5 : 15;
  const short = await openFlips(folder, BACKLOGS.few);
  const deep = await openFlips(folder, many);
  // One after the other in every round, so that a busy moment of the machine hits both.
  for (let i = 0; i <= times; i++) for (const line of [short, deep]) await line.flip(i > 0);
  for (const line of [short, deep]) await line.finish();
  const report: Report = { figures: [], gates: [], skipped: [] };
  const note = (what: string, of: (one: Flips) => readonly number[], unit: string): number => {
    const [one, other] = [median(of(short)), median(of(deep))];
    report.figures.push(
      { part: 'hold', what: `${what}, ${BACKLOGS.few} queued`, value: one, unit },
      { part: 'hold', what: `${what}, ${many} queued`, value: other, unit },
    );
    return other / one;
  };
  const ticks =
    (of: keyof Flip) =>
    ({ measured }: Flips) =>
      measured.map((flip) => flip[of]);
  const growth = {
    close: note('tick that closes the account', ticks('close'), 'ms'),
    wait: note('tick that finds it closed', ticks('wait'), 'ms'),
    open: note('tick that opens it and starts 2 runs', ticks('open'), 'ms'),
  };
  const rows = note('rows that closing writes', ticks('rows'), 'rows');
  note(`explain, at most ${EXPLAINED} jobs`, ({ explained }) => explained, 'ms');
  for (const [name, measured] of Object.entries(growth))
    report.gates.push({
      goal: `hold: tick (${name}) of ${many} <= ${MOST_GROWTH} x that of ${BACKLOGS.few}`,
      measured,
      pass: measured <= MOST_GROWTH,
    });
  report.gates.push({ goal: 'hold: rows written do not grow', measured: rows, pass: rows === 1 });
  return report;
}

async function openFlips(folder: string, count: number) {
  const own = await openOwnQueue(folder, SHAPE);
  // Some work waits elsewhere, so that the queue is not one of a single account.
  await own.fill(count, (i) => (i >= ELSEWHERE ? HELD : `a${1 + (i % 3)}`));
  const { store } = own;
  const writes = countWrites(own.path);
  const line = startDispatcher(own, folder);
  const fingerprint = await line.ready();
  const measured: Flip[] = [];
  const explained: number[] = [];
  const hold = () => store.updateAccount(HELD, (a) => ({ ...a, hold: limit(fingerprint) }));
  const explainNow = async () => {
    const { items } = await store.jobs({ status: ['queued'], limit: EXPLAINED });
    const state = line.dispatcher.state();
    const { reasons } = explain({
      ...{ queued: items, running: 0, gates: state === null ? null : closedGates(state) },
      ...{
        tickAt: state?.tickAt ?? null,
        now: Date.now(),
        keys: new Map(),
        stuck: [],
        surveys: [],
        isWhole: true,
        project: null,
      },
    });
    if (!reasons.some(({ reason }) => reason.code === 'account.limit'))
      throw new Error('nothing waits for it');
  };

  return {
    measured,
    explained,
    /** Held, found held, open again; the first round only warms up. */
    async flip(keep: boolean): Promise<void> {
      const before = writes.total();
      const close = await line.tick(hold);
      const rows = writes.total() - before;
      await line.giveBack(HELD);
      const wait = await line.tick(async () => line.dispatcher.wake());
      const open = await line.tick(() => store.updateAccount(HELD, (a) => ({ ...a, hold: null })));
      if (line.liveOn(HELD) !== 2) throw new Error('nothing has started');
      if (keep) measured.push({ close, wait, open, rows });
    },
    async finish(): Promise<void> {
      await line.tick(hold);
      explained.push(...(await timings(5, explainNow)));
      await line.dispatcher.stop();
      writes.close();
      await own.discard();
    },
  };
}

/** The dispatcher as the engine makes it, over accounts that are always signed in; runs start and never end. */
function startDispatcher(own: Awaited<ReturnType<typeof openOwnQueue>>, folder: string) {
  const agent = scripted.create();
  const accounts = Array.from({ length: SHAPE.accounts }, (_, i) => ({
    agent,
    account: { id: `a${i}`, home: folder, bin: process.execPath, env: {} },
    slots: 2,
    reserve: () => null,
  }));
  const projects = Array.from({ length: SHAPE.projects }, (_, i) => ({
    key: `p${i}`,
    maxConcurrency: SHAPE.projectCap,
    accounts: [HELD],
    failover: 'never' as const,
    openPrs: 3,
    budget: { usdPerTask: null, usdPerDay: null, tokensPerDay: null },
  }));
  const live: Claimed[] = [];
  let ticked = (): void => undefined;
  const preflight = createPreflight(Date.now, () => dispatcher.wake(), thisMachine, '');
  const dispatcher = createDispatcher({
    looks: () => new Map(),
    store: own.store,
    machine: thisMachine,
    pace: PACE,
    preflight,
    clock: Date.now,
    log: createLogger('silent', null),
    start: (claimed) => live.push(claimed),
    // The last thing a tick does.
    deliver: async () => {
      ticked();
    },
    config: () => ({
      accounts,
      projects,
      slots: 100,
      rules: {
        threshold: 5,
        cooldownMs: HOUR_MS,
        probeIntervalMs: HOUR_MS,
        expirySkewMs: 60_000,
        checkAuth: true,
        authStrict: false,
      },
      preflight: { cacheTtlMs: HOUR_MS, expirySkewMs: 60_000 },
      disks: [folder],
      directoryFor: (id) => `/runs/run_${id}`,
    }),
  });
  const liveOn = (account: string) => live.filter(({ job }) => job.account === account).length;
  /** What has started wakes the dispatcher once more: quiet again before anything is measured. */
  const settled = () => sleep(20);

  return {
    dispatcher,
    liveOn,
    /** Waits for the first runs; answers what the sign-in of every account is known by. */
    async ready(): Promise<string | null> {
      dispatcher.start();
      while (liveOn(HELD) < 2) await sleep(5);
      await settled();
      const [first] = accounts;
      if (first === undefined) return null;
      return (await agent.signIn(first.account, { now: Date.now(), expirySkewMs: 0 })).fingerprint;
    },
    /** Milliseconds from a change to the end of the tick that saw it. */
    async tick(change: () => Promise<unknown>): Promise<number> {
      const done = new Promise<void>((resolve) => {
        ticked = resolve;
      });
      const from = performance.now();
      await change();
      await done;
      const spent = performance.now() - from;
      await settled();
      return spent;
    },
    async giveBack(account: string): Promise<void> {
      for (const { job, run } of live.filter((each) => each.job.account === account)) {
        await own.store.settle({ runId: run.id, jobId: job.id, fence: job.fence }, () => ({
          job: { status: 'queued', attempts: 0 },
        }));
        live.splice(
          live.findIndex((each) => each.run.id === run.id),
          1,
        );
      }
      await settled();
    },
  };
}

function limit(fingerprint: string | null): AccountHold {
  return {
    reason: 'limit',
    since: Date.now(),
    until: Date.now() + HOUR_MS,
    guessed: false,
    refusals: 0,
    detail: '',
    fingerprint,
  };
}

/** Counts every row that is inserted or updated, in all tables. */
function countWrites(path: string) {
  const db = new Database(path);
  const tables = db
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .pluck()
    .all() as string[];
  db.exec('CREATE TABLE bench_writes(n INTEGER NOT NULL); INSERT INTO bench_writes VALUES(0)');
  for (const table of tables)
    for (const change of ['INSERT', 'UPDATE', 'DELETE'])
      db.exec(
        `CREATE TRIGGER bench_${table}_${change} AFTER ${change} ON ${table} BEGIN UPDATE bench_writes SET n = n + 1; END`,
      );
  const total = db.prepare('SELECT n FROM bench_writes').pluck();
  return { total: () => Number(total.get()), close: () => db.close() };
}
