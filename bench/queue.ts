import {
  type BenchOptions,
  type Figure,
  fdatasyncRate,
  median,
  percentile,
  perSecond,
  type Report,
  timings,
} from './measure.ts';
import { type OwnQueue, openOwnQueue, USUAL } from './own-queue.ts';
import { startPeers } from './peers.ts';

const SYNCS = 300;
const WARM_UP = 500;
const BACKLOGS = [1_000, 100_000, 1_000_000];
const MANY_PROJECTS = { projects: 200, accounts: 4, projectCap: 1_000_000 };
const AT_CAP = { projects: 1_000, accounts: 4, projectCap: 1 };
const CAPPED_STARTS = 3_000;

/** The durable queue: how fast, how deep, how exact, beside its peers and the disk in the same run. */
export async function queue(options: BenchOptions): Promise<Report> {
  const { folder, quick } = options;
  const report: Report = { figures: [], gates: [], skipped: [] };
  const note = (what: string, value: number, unit: string): number => {
    report.figures.push({ part: 'queue', what, value, unit } satisfies Figure);
    return value;
  };
  const longest: number[] = [];

  const rounds = await interleaved(options, report, longest);
  const disk = note('disk: overwrite a page + fdatasync', median(rounds.disk), '/s');
  const enqueued = note('orch: enqueue, durable', median(rounds.enqueue), '/s');
  const drained = note('orch: claim + settle, durable', median(rounds.drain), 'jobs/s');
  const peers = new Map(
    rounds.peers.map(({ name, enqueue, drain }) => {
      note(`${name}: enqueue`, median(enqueue), '/s');
      return [name, note(`${name}: claim + complete`, median(drain), 'jobs/s')] as const;
    }),
  );

  const p50 = new Map<number, number>();
  for (const count of quick ? BACKLOGS.slice(0, 2) : BACKLOGS) {
    const own = await openOwnQueue(folder, MANY_PROJECTS);
    await own.fill(count);
    const claims = await timings(quick ? 300 : 1_000, () => own.claim());
    await timings(20, () => own.look());
    p50.set(
      count,
      note(`orch: claim of ${count} queued, 200 projects x 4 accounts, p50`, median(claims), 'ms'),
    );
    note(`orch: claim of ${count} queued, p99`, percentile(claims, 0.99), 'ms');
    longest.push(own.longestMs());
    await own.discard();
  }

  const capped = await openOwnQueue(folder, AT_CAP);
  await capped.fill(quick ? 20_000 : 100_000);
  while ((await capped.claim()) !== null);
  const nothing = note(
    'orch: claim that finds nothing, 1,000 projects at their cap, p50',
    median(await timings(200, () => capped.claim())),
    'ms',
  );
  longest.push(capped.longestMs());
  await capped.discard();

  const over = note(`orch: starts over a cap of ${CAPPED_STARTS}`, await startsOverCap(folder), 'starts');
  const longestMs = note('orch: longest store call', Math.max(...longest), 'ms');

  const least = (goal: string, measured: number | null, limit: number) =>
    report.gates.push({ goal, measured, pass: measured === null ? null : measured >= limit });
  const most = (goal: string, measured: number | null, limit: number) =>
    report.gates.push({ goal, measured, pass: measured === null ? null : measured <= limit });
  const ratio = (name: string) => (peers.has(name) ? drained / (peers.get(name) ?? 1) : null);
  const deep = p50.get(1_000_000);
  least('claim + settle >= 1.2 x BullMQ (AOF always)', ratio('BullMQ'), 1.2);
  least('claim + settle >= 3 x pg-boss', ratio('pg-boss'), 3);
  least('claim + settle >= 0.5 x fdatasync rate / 2', drained / (disk / 2), 0.5);
  least('enqueue >= 0.5 x fdatasync rate', enqueued / disk, 0.5);
  most(
    'claim p50 of 1M <= 1.5 x that of 100k',
    deep === undefined ? null : deep / (p50.get(100_000) ?? 1),
    1.5,
  );
  most('claim that finds nothing <= 1 ms', nothing, 1);
  most('longest store call <= 50 ms', longestMs, 50);
  most('starts over a cap = 0', over, 0);
  return report;
}

interface Rounds {
  readonly disk: number[];
  readonly enqueue: number[];
  readonly drain: number[];
  readonly peers: readonly { readonly name: string; readonly enqueue: number[]; readonly drain: number[] }[];
}

/**
 * One after the other in every round, so that a busy moment of the machine hits all of them. The first
 * round only warms up: compiled code, and log files that have reached their size.
 */
async function interleaved(options: BenchOptions, report: Report, longest: number[]): Promise<Rounds> {
  const { quick, folder } = options;
  const { peers, skipped, stop } = await startPeers(options);
  report.skipped.push(...skipped);
  const own = await openOwnQueue(folder, USUAL);
  try {
    const rounds: Rounds = {
      disk: [],
      enqueue: [],
      drain: [],
      peers: peers.map(({ name }) => ({ name, enqueue: [], drain: [] })),
    };
    for (let round = 0; round <= (quick ? 1 : 3); round++) {
      const jobs = round === 0 ? WARM_UP : quick ? 400 : 1_500;
      const keep = (into: number[] | undefined, value: number) =>
        round === 0 ? undefined : into?.push(value);
      keep(rounds.disk, fdatasyncRate(folder, SYNCS));
      keep(rounds.enqueue, await rate(jobs, (i) => own.enqueue(i)));
      keep(rounds.drain, await rate(jobs, () => workOff(own)));
      for (const [i, peer] of peers.entries()) {
        keep(rounds.peers[i]?.enqueue, await rate(jobs, (n) => peer.enqueue(n)));
        const from = performance.now();
        await peer.drain(jobs);
        keep(rounds.peers[i]?.drain, perSecond(jobs, performance.now() - from));
      }
    }
    longest.push(own.longestMs());
    return rounds;
  } finally {
    await own.discard();
    await stop();
  }
}

async function workOff(own: OwnQueue): Promise<void> {
  const claimed = await own.claim();
  if (claimed === null || (await own.finish(claimed)) !== 'ok') throw new Error('the queue lost a job');
}

async function rate(times: number, work: (i: number) => Promise<unknown>): Promise<number> {
  const from = performance.now();
  for (let i = 0; i < times; i++) await work(i);
  return perSecond(times, performance.now() - from);
}

/** 16 slots, four projects with a cap of 2, accounts with 3 slots each: counts what should never start. */
async function startsOverCap(folder: string): Promise<number> {
  const own = await openOwnQueue(folder, { projects: 4, accounts: 2, projectCap: 2 });
  await own.fill(CAPPED_STARTS + 100);
  const accounts = [
    { id: 'a0', slots: 3 },
    { id: 'a1', slots: 3 },
  ];
  const running: Awaited<ReturnType<typeof own.claim>>[] = [];
  const lives = (key: 'project' | 'account', value: string | null | undefined) =>
    running.filter((r) => r?.job[key] === value).length;
  let over = 0;
  for (let started = 0; started < CAPPED_STARTS; ) {
    const claimed = await own.claim({ accounts, slots: 16 });
    if (claimed !== null) {
      started++;
      running.push(claimed);
      if (
        lives('project', claimed.job.project) > 2 ||
        lives('account', claimed.job.account) > 3 ||
        running.length > 16
      )
        over++;
      continue;
    }
    const [ended] = running.splice(started % running.length, 1);
    if (ended != null) await own.finish(ended);
  }
  await own.discard();
  return over;
}
