/**
 * `kill -9` on real processes, round after round: one installation under load, one seeded act a round, a start
 * where the service died, and at the end everything has to come to its end, once.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../sim/random.ts';
import { probeIsolation } from '../../src/launcher/launcher.ts';
import { type Service, waitFor } from '../../test/support/orch.ts';
import { ACTS, type ActName, mountSmallDisk, type SmallDisk } from './acts.ts';
import { acknowledgedCount, doubledOf, lostOf, missingOf, storiesOf } from './audit.ts';
import { drained, openLoad } from './load.ts';
import { commandOf, isLive, orphansOf, runningRows } from './processes.ts';

export interface KillTable {
  /** Rounds by what was done in them. */
  readonly acts: Readonly<Record<string, number>>;
  readonly tasks: number;
  readonly runs: number;
  /** Answers of the API: taken on, approved, ended with a verdict, done. */
  readonly acknowledged: number;
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly orphans: readonly string[];
  /** Jobs that ran without a live run, and tasks that never came to their end. */
  readonly stuck: readonly string[];
  /** From the start's beginning to the moment a live run was taken over, for each that was, in milliseconds. */
  readonly adoptionMs: readonly number[];
  readonly skipped: readonly { readonly what: string; readonly why: string }[];
}

export interface KillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly acts: readonly ActName[];
  readonly projects: number;
  /** Work items under way. */
  readonly open: number;
  readonly say?: (line: string) => void;
}

/** Everything but a full disk, which needs an installation on a disk of its own. */
export const ON_ANY_DISK = (Object.keys(ACTS) as ActName[]).filter((name) => name !== 'the disk is full');
export const ON_SMALL_DISK: readonly ActName[] = ['the disk is full'];

const ORPHAN_PATIENCE_MS = 8_000;
const DRAIN_PATIENCE_MS = 180_000;

export async function killRounds(options: KillOptions): Promise<KillTable> {
  const { rounds, projects, open, say = () => undefined } = options;
  const random = createRandom(options.seed);
  const skipped: { what: string; why: string }[] = [];
  const isolation = await probeIsolation();
  if (isolation.kind !== 'pid-namespace')
    skipped.push({ what: 'children that drop their environment', why: isolation.why });
  const load = await openLoad(projects, isolation.kind === 'pid-namespace');
  let disk: SmallDisk | null = null;
  const outputs: Service[] = [];
  const stuck: string[] = [];
  const orphans: string[] = [];
  const adoptionMs: number[] = [];
  const acts: Record<string, number> = {};

  async function start(): Promise<Service> {
    const left = (outputs.length === 0 ? [] : runningRows(load.here)).map((row) => ({
      id: row.id,
      isAlive: isLive(row),
    }));
    const ahead = Number(readFileSync(load.clock, 'utf8'));
    const from = Date.now();
    const service = await load.here.up(load.env);
    outputs.push(service);
    const taken = new Map(logged(service, 'run adopted').map(({ runId, time }) => [runId, time]));
    for (const { id, isAlive } of left) {
      const time = taken.get(`run_${id}`);
      if (time === undefined)
        stuck.push(`run_${id} was left by the service, and the next did not take it over`);
      else if (isAlive) adoptionMs.push(Date.parse(time) - ahead - from);
    }
    return service;
  }

  async function lookForOrphans(service: number | null): Promise<void> {
    let found = orphansOf(load.here, service);
    await waitFor(() => {
      const now = new Set(orphansOf(load.here, service));
      found = found.filter((pid) => now.has(pid));
      return found.length === 0;
    }, ORPHAN_PATIENCE_MS).catch(() => {
      for (const pid of found) orphans.push(`${pid}: ${commandOf(pid).slice(0, 200)}`);
    });
  }

  try {
    if (options.acts.includes('the disk is full')) {
      const mounted = mountSmallDisk(load.here.home);
      if (typeof mounted === 'string') {
        skipped.push({ what: 'the disk is full', why: mounted });
        return {
          acts,
          tasks: 0,
          runs: 0,
          acknowledged: 0,
          lost: [],
          doubled: [],
          orphans,
          stuck,
          adoptionMs,
          skipped,
        };
      }
      disk = mounted;
    }
    let service = await start();
    let deck: ActName[] = [];
    for (let round = 1; round <= rounds; round++) {
      await load.topUp(open);
      // A deck is gone through before anything comes again, so that few rounds see every act.
      if (deck.length === 0) deck = [...options.acts];
      const name = random.pick(deck);
      deck = deck.filter((each) => each !== name);
      acts[name] = (acts[name] ?? 0) + 1;
      const from = performance.now();
      const lives = await ACTS[name]({ load, random, service, disk });
      if (!lives) {
        await sleep(random.between(0, 400));
        service = await start();
      }
      await lookForOrphans(service.pid);
      const faults = [...lostOf(load), ...stuck, ...orphans];
      say(
        `${round} ${name}: ${Math.round(performance.now() - from)} ms, ${load.acknowledged.done.size} done${faults.length > 0 ? `, FAULTS ${JSON.stringify(faults)}` : ''}`,
      );
    }
    stuck.push(...storiesOf(load, await drained(load, DRAIN_PATIENCE_MS)));
    stuck.push(...runningRows(load.here).map(({ id }) => `run_${id} runs when all is done`));
    await service.down();
    await lookForOrphans(null);
    const settles = outputs.flatMap((each) =>
      logged(each, 'run settled')
        .filter(({ settled }) => settled === 'ok')
        .map(({ runId }) => runId),
    );
    return {
      acts,
      tasks: load.acknowledged.tasks.size,
      runs: load.here.row<{ n: number }>('SELECT count(*) AS n FROM agent_runs')?.n ?? 0,
      acknowledged: acknowledgedCount(load),
      lost: [...lostOf(load), ...missingOf(load)],
      doubled: doubledOf(load, settles),
      ...{ orphans, stuck, adoptionMs, skipped },
    };
  } finally {
    disk?.unmount();
    await load.remove();
  }
}

interface LogLine {
  readonly time: string;
  readonly msg: string;
  readonly runId: string;
  readonly settled?: string;
}

function logged(service: Service, message: string): LogLine[] {
  return service
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes(`"msg":"${message}"`))
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as LogLine];
      } catch {
        return []; // the last one, cut off by a kill
      }
    });
}
