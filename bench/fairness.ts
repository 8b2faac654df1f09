import { join } from 'node:path';
import type { NewJob } from '../src/core/effects.ts';
import { boundWithLane, MAX_BORROWED_TURNS } from '../src/core/fairness.ts';
import { NO_USAGE } from '../src/core/usage.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import type { Claimed, Store } from '../src/store/store.ts';
import { claimRequest, newJob } from '../src/store/store-rows.contract.ts';
import type { BenchOptions, Report } from './measure.ts';

interface Tenant {
  readonly key: string;
  readonly weight: number;
  /** Has work all the time, so that its share can be told. */
  readonly busy: boolean;
  readonly job: Partial<Pick<NewJob, 'urgent' | 'priority' | 'rework'>>;
  readonly fails: boolean;
  /** How many of its jobs arrive before this claim. */
  readonly arrivals: (turn: number) => number;
}

const SLOTS = 8;
const CAP = 2;

/** 50 projects under a load that wants more than its share in every way we could think of, and plain FIFO on the same trace. */
export async function fairness({ folder, quick }: BenchOptions): Promise<Report> {
  const turns = quick ? 1_000 : 5_000;
  const tenants = hostile(turns, quick ? 2_000 : 10_000);
  const ours = await serveOurs(join(folder, 'fair.db'), tenants, turns);
  const fifo = serveFifo(tenants, turns);

  const weights = tenants.map(({ weight }) => weight);
  const honest = tenants.filter((each) => each.job.urgent !== true);
  const borrowers = tenants.filter((each) => each.job.urgent === true);
  const bound = boundWithLane(weights);
  const paidBack = boundWithLane(weights, MAX_BORROWED_TURNS);
  const [longest, longestFifo] = [longestWait(honest, ours), longestWait(honest, fifo)];
  const longestBorrower = longestWait(borrowers, ours);
  const [share, shareFifo] = [jain(tenants, ours), jain(tenants, fifo)];

  const figure = (what: string, value: number, unit: string) => ({ part: 'fairness', what, value, unit });
  return {
    figures: [
      figure(`longest wait of ${honest.length} projects, ${turns} claims, hostile load`, longest, 'claims'),
      figure('the same: proven bound', bound, 'claims'),
      figure('the same: measured / bound', longest / bound, ''),
      figure('the same: plain FIFO', longestFifo, 'claims'),
      figure('longest wait of 2 projects that call everything urgent', longestBorrower, 'claims'),
      figure('the same: proven bound, loans paid back', paidBack, 'claims'),
      figure('Jain index of served / weight, projects that always have work', share, ''),
      figure('the same: plain FIFO', shareFifo, ''),
    ],
    gates: [
      { goal: 'longest wait <= proven bound', measured: longest / bound, pass: longest <= bound },
      {
        goal: 'longest wait of a borrower <= its bound',
        measured: longestBorrower / paidBack,
        pass: longestBorrower <= paidBack,
      },
      { goal: 'Jain index >= 0.95 under the hostile load', measured: share, pass: share >= 0.95 },
    ],
    skipped: [],
  };
}

function hostile(turns: number, flood: number): Tenant[] {
  /** Enough at the start to last to the end, in whatever order it is served. */
  const allAtOnce = (count: number) => (turn: number) => (turn === 0 ? count : 0);
  const plenty = Math.ceil(turns / 10);
  const many = (count: number, name: string, of: Partial<Tenant> = {}): Tenant[] =>
    Array.from({ length: count }, (_, i) => ({
      key: `${name}${i}`,
      weight: 1,
      busy: true,
      job: {},
      fails: false,
      arrivals: allAtOnce(plenty),
      ...of,
    }));
  return [
    ...many(1, 'flooder', { arrivals: allAtOnce(flood), job: { priority: 100 } }),
    ...many(2, 'all-urgent', { job: { urgent: true, priority: 100 } }),
    ...many(2, 'all-rework', { job: { rework: true } }),
    ...many(3, 'failing', { fails: true }),
    ...many(4, 'heavy', { weight: 3, arrivals: allAtOnce(3 * plenty) }),
    // Idle, then three at once: whoever gained credit while idle would be served all three.
    ...many(4, 'toggling', { busy: false, arrivals: (turn) => (turn % 211 === 0 ? 3 : 0) }),
    ...many(9, 'quiet', { busy: false, arrivals: (turn) => (turn % 97 === 13 ? 1 : 0) }),
    ...many(25, 'busy'),
  ];
}

interface Served {
  readonly times: number;
  /** Most claims in a row that it saw go by while it could have started something. */
  readonly longestWait: number;
}

/** Counts who is served, and how long everybody else who could start something has been waiting. */
function createTally(tenants: readonly Tenant[]) {
  const rows = new Map(tenants.map(({ key }) => [key, { times: 0, waits: 0, longestWait: 0 }]));
  return {
    note(served: string, isAble: (key: string) => boolean): void {
      for (const [key, row] of rows) {
        row.waits = isAble(key) ? row.waits + 1 : 0;
        row.longestWait = Math.max(row.longestWait, row.waits);
        if (key !== served) continue;
        row.times += 1;
        row.waits = 0;
      }
    },
    served: (): ReadonlyMap<string, Served> => rows,
  };
}

async function serveOurs(path: string, tenants: readonly Tenant[], turns: number) {
  const store = openSqliteStore(path, Date.now);
  await store.configure(
    tenants.map(({ key, weight }) => ({ key, weight, maxConcurrency: CAP })),
    ['a'],
  );
  const tally = createTally(tenants);
  const queued = new Map<string, number>();
  const running: Claimed[] = [];
  const fails = new Set(tenants.filter((each) => each.fails).map(({ key }) => key));
  const lives = (key: string) => running.filter(({ job }) => job.project === key).length;
  for (let turn = 0; turn < turns; turn++) {
    for (const tenant of tenants)
      for (let i = tenant.arrivals(turn); i > 0; i--) {
        await store.enqueue(jobOf(tenant), (id) => `orch/job-${id}`);
        queued.set(tenant.key, (queued.get(tenant.key) ?? 0) + 1);
      }
    if (running.length === SLOTS) await end(store, running.shift(), 'done');
    const taken = await claim(store);
    if (taken === null) continue;
    const { project } = taken.job;
    // Fewer than five failures in a row never slow a project here: its cap would only take its turns away.
    tally.note(project, (key) => (queued.get(key) ?? 0) > 0 && lives(key) < (fails.has(key) ? 1 : CAP));
    queued.set(project, (queued.get(project) ?? 0) - 1);
    if (fails.has(project)) await end(store, taken, 'failed');
    else running.push(taken);
  }
  await store.close();
  return tally.served();
}

function serveFifo(tenants: readonly Tenant[], turns: number): ReadonlyMap<string, Served> {
  const tally = createTally(tenants);
  const line: string[] = [];
  const queued = new Map<string, number>();
  let head = 0;
  for (let turn = 0; turn < turns; turn++) {
    for (const { key, arrivals } of tenants)
      for (let i = arrivals(turn); i > 0; i--) {
        line.push(key);
        queued.set(key, (queued.get(key) ?? 0) + 1);
      }
    const next = line[head++];
    if (next === undefined) continue;
    tally.note(next, (key) => (queued.get(key) ?? 0) > 0);
    queued.set(next, (queued.get(next) ?? 0) - 1);
  }
  return tally.served();
}

function longestWait(of: readonly Tenant[], served: ReadonlyMap<string, Served>): number {
  return Math.max(...of.map(({ key }) => served.get(key)?.longestWait ?? 0));
}

/** 1 when everybody who always has work got the same for its weight; 1/n when one got all of it. */
function jain(tenants: readonly Tenant[], served: ReadonlyMap<string, Served>): number {
  const shares = tenants
    .filter(({ busy }) => busy)
    .map(({ key, weight }) => (served.get(key)?.times ?? 0) / weight);
  const sum = shares.reduce((total, x) => total + x, 0);
  return sum ** 2 / (shares.length * shares.reduce((total, x) => total + x ** 2, 0));
}

function jobOf({ key, job }: Tenant): Omit<NewJob, 'branch'> {
  return newJob({ project: key, ...job });
}

function claim(store: Store): Promise<Claimed | null> {
  return store.claim(claimRequest({ accounts: [{ id: 'a', slots: SLOTS }], slots: SLOTS, now: Date.now() }));
}

async function end(store: Store, taken: Claimed | undefined, status: 'done' | 'failed'): Promise<void> {
  if (taken === undefined) return;
  await store.settle({ runId: taken.run.id, jobId: taken.job.id, fence: taken.job.fence }, () => ({
    job: { status, finishedAt: Date.now() },
    run: {
      exitCode: status === 'done' ? 0 : 1,
      signal: null,
      resultOk: status === 'done',
      verdict: status === 'done' ? 'success' : 'permanent',
      reason: '',
      rule: 'bench',
      sessionId: null,
      cliVersion: null,
      usage: NO_USAGE,
    },
    project: status === 'done' ? 'succeeded' : 'failed',
  }));
}
