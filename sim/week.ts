/**
 * A week of five projects on three accounts, each of which is in turn logged out, refused, limited (five hours
 * and a week, with resets that come up to four hours late), overloaded. Work never runs out. It answers what an
 * outage costs: starts that came to nothing, time in which an account that worked stood still, time until the
 * line had noticed that an account works again; and whether each queued minute has one reason, told then and
 * afterwards.
 */
import { join } from 'node:path';
import { jobAt } from '../src/core/ledger.ts';
import { createClaimChecks } from './claims.ts';
import { createClock } from './clock.ts';
import { createDoors, type Delays } from './doors.ts';
import { openEye } from './eye.ts';
import { createInstallation } from './installation.ts';
import { createOutside } from './outside.ts';
import { createRandom, type Random } from './random.ts';
import { createRepositories } from './repositories.ts';
import { createRuns } from './runs.ts';
import { type ProjectSetup, type Setup, stage } from './setup.ts';
import { createTrace, type Violation } from './trace.ts';
import { createVendor, type Vendor } from './vendor.ts';
import { createWatch } from './watch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Monday, 2026-03-02, 00:00 UTC. */
const START = Date.UTC(2026, 2, 2);
export const PROBE_INTERVAL_MS = 300_000;
const PACE = {
  slowTickMs: MINUTE,
  filePollMs: 10_000,
  staleAfterMs: 5 * MINUTE,
  forgeLookMs: HOUR,
  trackerLookMs: 900_000,
  logLookMs: null,
  proofLookMs: null,
  upkeepMs: null,
};
/** Jobs that each project has waiting at least, as often as it is looked at. */
const BACKLOG = 12;
const NO_TIME: Delays = { before: () => 0, after: () => 0 };

type Kind =
  | 'logged out'
  | 'refused'
  | '5-hour limit'
  | 'limit without a time'
  | 'weekly limit'
  | 'overloaded';

/** One time in which an account did not work at its vendor. */
export interface Outage {
  readonly account: string;
  readonly kind: Kind;
  readonly from: number;
  /** When the account works again. */
  readonly until: number;
  /** Starts on the account while it did not work. */
  starts: number;
  /** Until the first start that got an answer, after `until`. */
  recoveryMs: number | null;
}

export interface WeekResult {
  readonly violation: Violation | null;
  readonly story: readonly string[];
  readonly outages: readonly Outage[];
  readonly jobs: { readonly done: number; readonly failed: number; readonly attemptsTooMany: number };
  /** Minutes in which an account worked and was open, had a slot and work that fits, and stood still. */
  readonly idleMinutes: number;
  readonly busyMinutes: number;
  /** Minutes of queued jobs by reason. */
  readonly queuedMinutes: ReadonlyMap<string, number>;
  /** Minutes told afterwards otherwise than then, with an example. */
  readonly toldOtherwise: { readonly count: number; readonly example: string | null };
  readonly restarts: number;
}

const PROJECTS: readonly Pick<ProjectSetup, 'key' | 'weight' | 'accounts' | 'failover' | 'maxConcurrency'>[] =
  [
    { key: 'p1', weight: 1, maxConcurrency: 2, accounts: ['account-a'], failover: 'never' },
    { key: 'p2', weight: 2, maxConcurrency: 2, accounts: ['account-a', 'account-c'], failover: 'on_hold' },
    { key: 'p3', weight: 1, maxConcurrency: 2, accounts: ['account-b'], failover: 'never' },
    { key: 'p4', weight: 3, maxConcurrency: 1, accounts: ['account-b'], failover: 'never' },
    { key: 'p5', weight: 1, maxConcurrency: 3, accounts: ['account-c'], failover: 'never' },
  ];

const SETUP: Setup = {
  projects: PROJECTS.map((project) => ({
    ...project,
    openPrs: 3,
    budget: { usdPerTask: null, usdPerDay: null, tokensPerDay: null },
    usageComments: 'off',
    isFed: false,
    stages: [stage('development', { agent: 'developer', tools: 'write' })],
  })),
  accounts: ['account-a', 'account-b', 'account-c'].map((id) => ({ id, slots: 2, source: 'stored' })),
  slots: 6,
  maxAttempts: 3,
  maxTransientAttempts: 8,
  maxLostAttempts: 3,
  breaker: { threshold: 5, cooldownMs: 120_000 },
  probeIntervalMs: PROBE_INTERVAL_MS,
};

export async function runWeek(options: {
  seed: number;
  template: string;
  folder: string;
  /** Every so many minutes what was told is compared with the ledger; 1 = each of them. */
  compareEvery: number;
}): Promise<WeekResult> {
  const random = createRandom(options.seed);
  const clock = createClock(START);
  const trace = createTrace(clock.elapsed);
  let steps = 0;
  let restarts = 0;
  const doors = createDoors({ clock, random, trace, step: () => steps, died });
  const keys = SETUP.projects.map(({ key }) => key);
  const repositories = createRepositories(keys);
  const vendor = createVendor({ accounts: SETUP.accounts, wall: clock.wall, trace });
  const outside = createOutside({ projects: keys, fed: [], clock, random, doors, trace, repositories });
  outside.kind = true;
  const runs = createRuns({ clock, random, doors, trace, worked: () => {} });
  const path = join(options.folder, `week-${options.seed}.db`);
  const stages = { random, doors, runs, vendor, wall: clock.wall, isKind: () => true, sessions: new Map() };
  const installation = createInstallation({
    ...{ template: options.template, path, clock, random, doors, trace, outside, vendor, repositories },
    ...{ runs, stages, storeDelays: NO_TIME, busy: () => 0, host: () => null, pace: PACE },
    before: (store) => watch.watched(store),
  });
  const eye = openEye(path);
  const claims = createClaimChecks({
    ...{ eye, trace, wall: clock.wall, probeIntervalMs: () => PROBE_INTERVAL_MS },
    slotsOf: (account) =>
      account === null ? SETUP.slots : (SETUP.accounts.find(({ id }) => id === account)?.slots ?? 0),
  });
  const watch = createWatch({
    eye,
    trace,
    vendor,
    runs,
    claims,
    wall: clock.wall,
    limits: () => SETUP,
    isOut: () => false,
  });

  const outages = planOutages(random, clock, vendor);
  const inTrouble = (account: string, at: number) =>
    outages.find((outage) => outage.account === account && outage.from <= at && at < outage.until);

  /** What each queued job waited for, as told in that minute. */
  const told: { readonly at: number; readonly reasons: ReadonlyMap<number, string> }[] = [];
  const queuedMinutes = new Map<string, number>();
  const downtimes: { from: number; until: number }[] = [];
  let idleMinutes = 0;
  let busyMinutes = 0;

  function died(): void {
    restarts++;
    installation.bury();
    const downtime = { from: clock.wall(), until: Number.POSITIVE_INFINITY };
    downtimes.push(downtime);
    clock.after(random.between(2, 25) * MINUTE, () => {
      downtime.until = clock.wall();
      installation.start(SETUP, Number.POSITIVE_INFINITY);
    });
  }
  for (const day of [1, 3, 5])
    clock.after(day * DAY + random.between(0, 24 * 60) * MINUTE, () => {
      const life = installation.life();
      if (life !== null) life.callsLeft = 1;
    });

  function work(): void {
    const engine = installation.engine();
    if (engine !== null)
      for (const project of keys) {
        const waiting = eye
          .openJobs()
          .filter((job) => job.project === project && job.status === 'queued').length;
        for (let i = waiting; i < BACKLOG; i++)
          void engine.enqueue({
            agent: 'developer',
            repo: project,
            maxAttempts: null,
            priority: 0,
            note: null,
          });
      }
    clock.after(10 * MINUTE, work);
  }

  async function look(): Promise<void> {
    const at = clock.wall();
    const answer = await installation.explain();
    if (answer === null) return;
    const { explanation, state } = answer;
    const reasons = new Map<number, string>();
    for (const { reason, jobs } of explanation.reasons)
      for (const { id } of jobs) {
        if (reasons.has(id)) trace.broken('reason.one', `job_${id} has two reasons`);
        reasons.set(id, `${reason.code} ${reason.scope.kind}:${reason.scope.id}`);
      }
    const open = eye.openJobs();
    for (const job of open)
      if (job.status === 'queued' && !reasons.has(job.id))
        reasons.set(job.id, `queue.position job:${job.id}`);
    told.push({ at, reasons });
    for (const reason of reasons.values()) {
      const code = reason.split(' ')[0] ?? '';
      queuedMinutes.set(code, (queuedMinutes.get(code) ?? 0) + 1);
    }
    for (const { id, slots } of SETUP.accounts) {
      const running = open.filter((job) => job.account === id && job.status === 'running').length;
      busyMinutes += running;
      const isOpen = state?.accounts.get(id)?.kind === 'open' && inTrouble(id, at) === undefined;
      const fits = open.some(
        (job) => job.account === id && reasons.get(job.id)?.startsWith('queue.position') === true,
      );
      if (isOpen && running < slots && fits) idleMinutes += slots - running;
    }
  }

  clock.after(1, work);
  clock.install();
  try {
    installation.start(SETUP, Number.POSITIVE_INFINITY);
    await clock.settle();
    let minute = 1;
    while (trace.violation() === null && clock.next()) {
      steps++;
      await clock.settle();
      if (clock.elapsed() < minute * MINUTE) continue;
      minute = Math.floor(clock.elapsed() / MINUTE) + 1;
      await look();
      if (clock.elapsed() >= 7 * DAY) break;
    }
    for (const outage of outages) judgeOutage(outage);
    judgeOrder();
    const toldOtherwise = await compare();
    const jobs = eye.jobs().filter(({ status }) => status === 'done' || status === 'failed');
    return {
      violation: trace.violation(),
      story: trace.story(),
      outages,
      jobs: {
        done: jobs.filter(({ status }) => status === 'done').length,
        failed: jobs.filter(({ status }) => status === 'failed').length,
        attemptsTooMany: jobs.filter(({ attempts }) => attempts > 1).length,
      },
      ...{ idleMinutes, busyMinutes, queuedMinutes, toldOtherwise, restarts },
    };
  } finally {
    clock.uninstall();
    const life = installation.life();
    if (life !== null) life.alive = false;
    eye.close();
    await installation.close();
  }

  function judgeOutage(outage: Outage): void {
    for (const run of eye.runs()) {
      if (run.account !== outage.account) continue;
      if (run.started_at >= outage.from && run.started_at < outage.until) {
        if (run.verdict !== 'success') outage.starts++;
      } else if (run.started_at >= outage.until && run.verdict === 'success')
        outage.recoveryMs ??= run.started_at - outage.until;
    }
  }

  /** First starts inside a project come in the order in which the jobs were queued. */
  function judgeOrder(): void {
    const last = new Map<string, number>();
    const seen = new Set<number>();
    const projects = new Map(eye.jobs().map(({ id, project }) => [id, project]));
    for (const run of eye.runs()) {
      if (seen.has(run.job_id)) continue;
      seen.add(run.job_id);
      const project = projects.get(run.job_id) ?? '';
      if ((last.get(project) ?? 0) > run.job_id)
        trace.broken('order', `job_${run.job_id} of ${project} starts after job_${last.get(project)}`);
      last.set(project, run.job_id);
    }
  }

  /** What was told then, and what the ledger tells now. */
  async function compare(): Promise<WeekResult['toldOtherwise']> {
    let count = 0;
    let example: string | null = null;
    const differ = (what: string) => {
      count++;
      example ??= what;
    };
    const store = installation.store();
    for (const { at, reasons } of told.filter((_, minute) => minute % options.compareEvery === 0)) {
      // The last look before a crash may not have been written: up to one slow tick of it counts as away.
      const crash = downtimes.some(({ from }) => at <= from && from - at <= PACE.slowTickMs);
      const { rows, jobs } = await store.history(at, { project: null }, 10_000);
      const left = new Map(reasons);
      for (const history of jobs) {
        const was = jobAt(history, rows, at);
        if (was.kind !== 'queued') continue;
        const then = left.get(history.job.id);
        left.delete(history.job.id);
        const now = `${was.reason.code} ${was.reason.scope.kind}:${was.reason.scope.id}`;
        if (then !== now && !(crash && was.reason.code === 'scheduler.stale'))
          differ(`job_${history.job.id} at ${new Date(at).toISOString()}: ${then} then, ${now} afterwards`);
      }
      for (const [id, reason] of left)
        differ(`job_${id} at ${new Date(at).toISOString()}: ${reason} then, not queued afterwards`);
    }
    for (const { from, until } of downtimes)
      for (let at = from + 1; at < until; at += MINUTE) {
        const { rows, jobs } = await store.history(at, { project: null }, 10_000);
        for (const history of jobs) {
          const was = jobAt(history, rows, at);
          if (was.kind === 'queued' && was.reason.code !== 'scheduler.stale')
            differ(`job_${history.job.id} while Orch was down: ${was.reason.code}`);
        }
      }
    return { count, example };
  }
}

/** Books every trouble that each account has in the week. */
function planOutages(random: Random, clock: ReturnType<typeof createClock>, vendor: Vendor): Outage[] {
  const outages: Outage[] = [];
  SETUP.accounts.forEach(({ id }, nth) => {
    const book = (
      hours: number,
      kind: Kind,
      lastsMs: number,
      begin: (until: number) => void,
      end?: () => void,
    ) => {
      const from = START + hours * HOUR + nth * 5 * HOUR + random.between(0, 120) * MINUTE;
      const outage = { account: id, kind, from, until: from + lastsMs, starts: 0, recoveryMs: null };
      outages.push(outage);
      clock.after(from - START, () => begin(outage.until));
      if (end !== undefined) clock.after(outage.until - START, end);
    };
    const someHours = (from: number, to: number) => random.between(from * 60, to * 60) * MINUTE;
    const late = [0, 2 * HOUR, 4 * HOUR][nth] ?? 0;
    const signIn = () => vendor.login(id);
    book(6, 'logged out', someHours(1, 6), () => vendor.logout(id), signIn);
    book(30, 'refused', someHours(1, 5), () => vendor.revoke(id), signIn);
    book(54, '5-hour limit', someHours(1, 3) + late, (until) =>
      vendor.limit(id, { until, stated: until - late, window: '5-hour' }),
    );
    book(78, 'overloaded', someHours(0.5, 2), (until) => vendor.overload(id, until - clock.wall()));
    book(90, 'limit without a time', someHours(2, 5), (until) =>
      vendor.limit(id, { until, stated: null, window: '5-hour' }),
    );
    book(110, 'weekly limit', someHours(15, 24) + late, (until) =>
      vendor.limit(id, { until, stated: until - late, window: 'weekly' }),
    );
    book(150, 'overloaded', someHours(0.5, 1.5), (until) => vendor.overload(id, until - clock.wall()));
  });
  return outages;
}

/** The figures in words. */
export function tellWeek(week: WeekResult): string[] {
  const kinds = [...Map.groupBy(week.outages, ({ kind }) => kind)];
  const minutes = (ms: number) => `${(ms / MINUTE).toFixed(1)} min`;
  const table = kinds.map(([kind, outages]) => {
    const recoveries = outages.map(({ recoveryMs }) => recoveryMs ?? Number.POSITIVE_INFINITY);
    const hours = outages.reduce((sum, { from, until }) => sum + (until - from), 0) / HOUR;
    const starts = outages.reduce((sum, each) => sum + each.starts, 0);
    const allowed = outages.reduce(
      (sum, { from, until }) => sum + Math.ceil((until - from) / PROBE_INTERVAL_MS),
      0,
    );
    return `${kind.padEnd(22)} ${String(outages.length).padStart(2)} outages, ${hours.toFixed(1).padStart(5)} h: ${String(starts).padStart(3)} starts in vain (one per probe interval would be ${allowed}); works again after at most ${minutes(Math.max(...recoveries))}`;
  });
  const queued = [...week.queuedMinutes].toSorted((a, b) => b[1] - a[1]);
  const all = queued.reduce((sum, [, n]) => sum + n, 0);
  return [
    ...table,
    `jobs: ${week.jobs.done} done, ${week.jobs.failed} failed, ${week.jobs.attemptsTooMany} with more than one attempt spent`,
    `accounts: ${week.busyMinutes} run-minutes, ${week.idleMinutes} slot-minutes idle with work that fits`,
    `queued minutes: ${all}, each with one reason: ${queued.map(([code, n]) => `${code} ${((100 * n) / all).toFixed(1)} %`).join(', ')}`,
    `told afterwards otherwise than then: ${week.toldOtherwise.count}${week.toldOtherwise.example === null ? '' : ` (${week.toldOtherwise.example})`}; ${week.restarts} crashes of Orch`,
  ];
}
