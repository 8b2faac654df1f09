/**
 * One seed: a hostile day or two, then a kind world until all is done. Everything that happens is booked on
 * one clock and drawn from one source, so a seed is a story that can be told again.
 */
import { join } from 'node:path';
import { worktreeKey } from '../src/core/model.ts';
import type { HostTrouble } from '../src/engine/host.ts';
import { createClaimChecks } from './claims.ts';
import { createClock } from './clock.ts';
import { createDoors, type Delays } from './doors.ts';
import { openEye } from './eye.ts';
import { judgeEnd } from './finals.ts';
import { createInstallation } from './installation.ts';
import { createLookout } from './lookout.ts';
import { type Mutation, mutated } from './mutations.ts';
import { createOutside } from './outside.ts';
import { createPeople } from './people.ts';
import { createRandom } from './random.ts';
import { createRepositories } from './repositories.ts';
import { createRuns } from './runs.ts';
import { drawSetup, editSetup, type Setup } from './setup.ts';
import { createTrace, type Violation } from './trace.ts';
import { troubles } from './troubles.ts';
import { createVendor } from './vendor.ts';
import { createWatch } from './watch.ts';

export interface SeedResult {
  readonly seed: number;
  /** Events and calls through a door. */
  readonly steps: number;
  readonly crashes: number;
  readonly days: number;
  readonly tasks: number;
  readonly claims: number;
  readonly effects: number;
  readonly stale: number;
  readonly violation: Violation | null;
  readonly story: readonly string[];
  /** Equal for the same seed, whatever the machine. */
  readonly hash: string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Monday, 2026-03-02, 06:00 UTC. */
const START = Date.UTC(2026, 2, 2, 6);
/** A kind world has so long to bring everything to an end; a day's budget may let no more than a dozen runs start. */
const PATIENCE_MS = 14 * 24 * HOUR;

/** Others last hours and have a handful of tasks: as many dangers in each hour, and four seeds in the time of one. */
const LONG_WORLDS = 0.1;

export async function runSeed(options: {
  seed: number;
  mutation: Mutation | null;
  template: string;
  folder: string;
  /** Hears the whole story, line by line. */
  tell?: (line: string) => void;
}): Promise<SeedResult> {
  const random = createRandom(options.seed);
  const clock = createClock(START);
  const trace = createTrace(clock.elapsed, options.tell);
  const full = drawSetup(random);
  const isLong = random.chance(LONG_WORLDS);
  const hostileMs = (isLong ? random.between(14, 36) : random.between(4, 10)) * HOUR;
  const isRemote = random.chance(0.5);
  let steps = 0;
  let kind = false;
  let host: HostTrouble | null = null;
  /** Configurations that a tick under way may still act on. */
  const setups: { readonly setup: Setup; until: number }[] = [
    { setup: full, until: Number.POSITIVE_INFINITY },
  ];

  const doors = createDoors({ clock, random, trace, step: () => steps, died });
  const accounts = full.accounts.map(({ id }) => id);
  const projects = full.projects.map(({ key }) => key);
  const repositories = createRepositories(projects);
  const vendor = createVendor({ accounts: full.accounts, wall: clock.wall, trace });
  const fed = full.projects.filter(({ isFed }) => isFed).map(({ key }) => key);
  const outside = createOutside({ projects, fed, clock, random, doors, trace, repositories });
  const runs = createRuns({
    ...{ clock, random, doors, trace },
    worked: ({ job, task, script }) =>
      repositories.change(job.project, worktreeKey(task, job), script.changes),
  });
  const path = join(options.folder, `seed-${options.seed}.db`);
  const stages = { random, doors, runs, vendor, wall: clock.wall, isKind: () => kind, sessions: new Map() };
  const installation = createInstallation({
    ...{
      template: options.template,
      path,
      clock,
      random,
      doors,
      trace,
      outside,
      vendor,
      repositories,
      runs,
      stages,
    },
    storeDelays: isRemote ? REMOTE : LOCAL,
    busy: () => (kind ? 0 : 0.002),
    before: (store) => mutated(watch.watched(store), options.mutation, eye),
    host: () => host,
  });
  const eye = openEye(path);
  const claims = createClaimChecks({
    ...{ eye, trace, wall: clock.wall },
    slotsOf: (account) =>
      Math.max(
        ...setups
          .filter(({ until }) => until > clock.elapsed())
          .map(({ setup }) =>
            account === null ? setup.slots : (setup.accounts.find(({ id }) => id === account)?.slots ?? 0),
          ),
      ),
    probeIntervalMs: () => full.probeIntervalMs,
  });
  const watch = createWatch({
    ...{ eye, trace, vendor, runs, claims, wall: clock.wall, limits: () => full },
    isOut: (project) =>
      setups.some(
        ({ setup, until }) => until > clock.elapsed() && !setup.projects.some(({ key }) => key === project),
      ),
  });
  const people = createPeople({ random, eye, trace, outside, repositories, accounts });
  const lookout = createLookout({ eye, trace, clock, installation });

  function callsLeft(): number {
    if (kind) return Number.POSITIVE_INFINITY;
    return random.weighted([
      [2, random.between(1, 80)],
      [5, random.between(500, 6000)],
      [3, Number.POSITIVE_INFINITY],
    ]);
  }

  function died(): void {
    if (random.chance(0.15)) runs.killAll();
    installation.bury();
    const downMs = kind
      ? 1000
      : random.weighted([
          [6, random.between(200, MINUTE)],
          [2, random.between(1, 60) * MINUTE],
        ]);
    clock.after(downMs, () => installation.start(installation.setup(), callsLeft()));
  }

  /** Books a thing that happens again and again, at random, about every so often; `until` the world is kind. */
  function now_and_then(everyMs: number, happen: () => void): void {
    const wait = () => Math.round(-Math.log(1 - random.next()) * everyMs) + 1;
    const again = () => {
      if (kind) return;
      happen();
      clock.after(wait(), again);
    };
    clock.after(wait(), again);
  }

  const withEngine = (act: (engine: NonNullable<ReturnType<typeof installation.engine>>) => void) => {
    const engine = installation.engine();
    if (engine !== null) act(engine);
  };

  // Work comes in: each item is asked for until it is accepted.
  const wanted = isLong ? random.between(6, 24) : random.between(2, 6);
  const accepted = new Set<string>();
  for (let i = 1; i <= wanted; i++) {
    const project = random.pick(projects);
    const key = `${project.toUpperCase()}-${i}`;
    const board = outside.seen.get(project)?.board ?? null;
    const hand_in = () => {
      board?.add(key);
      if (random.chance(0.2)) board?.add(`${key}-noise`, false);
      wait_for();
    };
    const wait_for = () => {
      if (eye.taskByKey(key) !== undefined) accepted.add(key);
      else clock.after(5 * MINUTE, wait_for);
    };
    const ask = () => {
      if (accepted.has(key)) return;
      withEngine((engine) => {
        if (installation.setup().projects.some((each) => each.key === project))
          people.submit(engine, project, key, () => accepted.add(key));
      });
      clock.after(random.between(1, 10) * MINUTE, ask);
    };
    clock.after(random.between(0, Math.floor(hostileMs * 0.7)), board === null ? ask : hand_in);
  }

  now_and_then(12 * HOUR, () => withEngine((engine) => people.enqueue(engine, random.pick(projects))));
  now_and_then(25 * MINUTE, () => withEngine((engine) => people.meddle(engine)));
  now_and_then(40 * MINUTE, () => {
    const keys = eye.tasks().map((task) => task.key);
    for (const { board } of outside.seen.values()) board?.meddle(keys);
  });
  now_and_then(90 * MINUTE, () =>
    withEngine((engine) => {
      if (fed.length === 0) return;
      if (random.chance(0.3)) people.letIn(engine, random.pick(fed), random.chance(0.5) ? 1 : null);
      else engine.nudge('scripted', [{ kind: 'item', at: 'anywhere', id: `item-${random.between(1, 20)}` }]);
    }),
  );
  now_and_then(8 * HOUR, () => {
    host = { code: 'host.disk', detail: '0.3 GB disk left, 1.0 GB needed' };
    trace.note('the disk is full');
    clock.after(random.between(5, 90) * MINUTE, () => {
      host = null;
    });
  });
  now_and_then(18 * HOUR, () => {
    const ms = random.between(1, 300) * MINUTE;
    trace.note(`the clock jumps ahead by ${Math.round(ms / MINUTE)} min`);
    clock.jump(ms);
  });
  now_and_then(14 * HOUR, () => {
    if (installation.engine() === null) return;
    configure(editSetup(random, full));
    clock.after(random.between(10, 180) * MINUTE, () => configure(full));
  });
  now_and_then(2 * HOUR, () => lookout.tryStale());
  troubles({ random, vendor, outside, accounts, projects, often: now_and_then, clock });

  function configure(setup: Setup): void {
    if (installation.engine() === null) return;
    const last = setups.at(-1);
    if (last !== undefined) last.until = clock.elapsed() + 5 * MINUTE;
    setups.push({ setup, until: Number.POSITIVE_INFINITY });
    claims.reconfigured();
    installation.reload(setup);
  }

  clock.after(hostileMs, () => {
    trace.note('the world becomes kind');
    kind = true;
    outside.kind = true;
    host = null;
    const life = installation.life();
    if (life !== null) life.callsLeft = Number.POSITIVE_INFINITY;
    const attend = () => {
      for (const id of accounts) vendor.heal(id);
      withEngine((engine) => {
        if (installation.setup() !== full) configure(full);
        else {
          people.attend(engine);
          for (const project of fed) people.letIn(engine, project, null);
        }
      });
      clock.after(10 * MINUTE, attend);
    };
    attend();
  });

  function isDrained(): boolean {
    return (
      kind &&
      accepted.size === wanted &&
      eye.unfinished().length === 0 &&
      eye.openJobs().length === 0 &&
      eye.outbox().every(({ status }) => status === 'dead') &&
      !eye.jobs().some((job) => job.task_id === null && job.status === 'failed')
    );
  }

  clock.install();
  try {
    installation.start(full, callsLeft());
    await clock.settle();
    while (trace.violation() === null && clock.next()) {
      steps++;
      await clock.settle();
      await lookout.afterStep(steps);
      if (kind && steps % 16 === 0 && isDrained()) break;
      if (clock.elapsed() > hostileMs + PATIENCE_MS) {
        lookout.tellWhatIsLeft();
        break;
      }
    }
    if (trace.violation() === null)
      judgeEnd({
        eye,
        trace,
        outside,
        runs,
        setup: full,
        approvals: watch.approvals,
        unruled: watch.unruled,
        repositories,
      });
    return {
      seed: options.seed,
      steps: steps + doors.figures.calls,
      crashes: doors.figures.deaths,
      days: clock.elapsed() / (24 * HOUR),
      tasks: accepted.size,
      claims: watch.figures.claims,
      effects: outside.figures.effects,
      stale: watch.figures.stale,
      violation: trace.violation(),
      story: trace.story(),
      hash: trace.hash(),
    };
  } finally {
    clock.uninstall();
    const life = installation.life();
    if (life !== null) life.alive = false;
    eye.close();
    await installation.close();
  }
}

/** The store in this process: it answers at once, and now and then the process is busy with something else. */
const LOCAL: Delays = {
  before: () => 0,
  after: (random) => (random.chance(0.15) ? random.between(1, 400) : 0),
};
/** The store on another machine: calls overtake each other. */
const REMOTE: Delays = {
  before: (random) => (random.chance(0.2) ? random.between(1, 1500) : 0),
  after: (random) => (random.chance(0.2) ? random.between(1, 1500) : 0),
};
