/**
 * One installation of Orch in the simulation: the real store on a file in memory, and the real engine, which
 * may die and come back as often as the scenario wants. Everything that the engine reaches goes through doors.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../src/core/errors.ts';
import { createEngine, type Engine } from '../src/engine/engine.ts';
import type { HostTrouble } from '../src/engine/host.ts';
import type { Machine } from '../src/engine/machine.ts';
import type { Pace } from '../src/engine/pace.ts';
import type { Logger } from '../src/lib/logger.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import type { Store } from '../src/store/store.ts';
import type { VirtualClock } from './clock.ts';
import type { Delays, Doors, Life } from './doors.ts';
import type { Outside } from './outside.ts';
import type { Random } from './random.ts';
import type { Repositories } from './repositories.ts';
import type { Runs } from './runs.ts';
import { buildRuntime, type Setup } from './setup.ts';
import type { StageParts } from './stages.ts';
import type { Trace } from './trace.ts';
import type { Vendor } from './vendor.ts';

/** A folder for databases that no disk has to keep. */
export function makeFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'orch-sim-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** An empty database, made once: its copies need no migration. */
export async function makeTemplate(folder: string): Promise<string> {
  const path = join(folder, 'template.db');
  await openSqliteStore(path, () => 0).close();
  return path;
}

export interface InstallationParts {
  readonly template: string;
  readonly path: string;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly doors: Doors;
  readonly trace: Trace;
  readonly outside: Outside;
  readonly vendor: Vendor;
  readonly repositories: Repositories;
  readonly runs: Runs;
  readonly stages: StageParts;
  readonly storeDelays: Delays;
  /** Share of the calls of the store that find it busy. */
  readonly busy: () => number;
  /** What stands before the real store: it judges, and may plant a defect. */
  readonly before: (store: Store) => Store;
  readonly host: () => HostTrouble | null;
  /** Left out = as slow as can be. */
  readonly pace?: Pace;
}

export interface Installation {
  /** The engine, while one is up; null while it is down or still starting. */
  engine(): Engine | null;
  life(): Life | null;
  setup(): Setup;
  /** Starts an engine on what is there. It dies by itself after so many calls. */
  start(setup: Setup, callsLeft: number): void;
  /** The engine has died: what it left in this process is let go. */
  bury(): void;
  reload(setup: Setup): void;
  /** What it explains now, asked from outside while it sleeps; null while no engine is up. */
  explain(): Promise<Awaited<ReturnType<Engine['explain']>> | null>;
  /** The store as the judges see it, for a look from outside. */
  store(): Store;
  close(): Promise<void>;
}

/** Writes of the store that a busy file may refuse. */
const MAY_BE_BUSY = [
  'claim',
  'settle',
  'started',
  'command',
  'updateAccount',
  'tell',
  'noteSeen',
  'delivered',
  'undelivered',
];
const MACHINE_DELAYS: Delays = { before: () => 0, after: () => 0 };
const SLOW: Pace = {
  slowTickMs: 300_000,
  filePollMs: 120_000,
  staleAfterMs: 1_800_000,
  forgeLookMs: 600_000,
  trackerLookMs: 900_000,
  logLookMs: null,
  proofLookMs: null,
  upkeepMs: null,
};

export function createInstallation(parts: InstallationParts): Installation {
  const { clock, random, doors, trace } = parts;
  copyFileSync(parts.template, parts.path);
  let raw: Store | null = null;
  let engine: Engine | null = null;
  let life: Life | null = null;
  let setup: Setup | null = null;
  let lives = 0;

  function storeOf(of: Life, store: Store): Store {
    const refusing = Object.fromEntries(
      Object.entries(store).map(([name, member]) => [
        name,
        MAY_BE_BUSY.includes(name)
          ? async (...args: unknown[]) => {
              if (!doors.direct && random.chance(parts.busy())) {
                trace.note(`the store is busy: ${name}`);
                throw new AppError('the database is in use', { code: 'store.busy' });
              }
              return (member as (...given: unknown[]) => Promise<unknown>)(...args);
            }
          : member,
      ]),
    ) as unknown as Store;
    return {
      ...doors.behind(of, 'store', refusing, parts.storeDelays),
      board: doors.behind(of, 'board', store.board, parts.storeDelays),
      onWake: (callback) =>
        store.onWake(() => {
          if (of.alive) callback();
        }),
    };
  }

  function machineOf(of: Life): Machine {
    const ask = <T>(what: string, work: () => T) =>
      doors.call(of, `machine.${what}`, MACHINE_DELAYS, async () => work());
    return {
      gate: () => ask('gate', parts.host),
      // There is no file to look at.
      realBinary: () => ask('realBinary', () => null),
      keepShape: (folder) => ask('keepShape', () => folder),
      strays: () => ask('strays', () => []),
      refuseNewerFormat() {},
      processorTimes: () => ask('processorTimes', () => new Map()),
      commandHome: (folder, project) => ask('commandHome', () => `${folder}/${project}/.home`),
      adopt: (directory) => ask('adopt', () => parts.runs.adopt(of, directory)),
      async leaveWorktree({ workspace }, repository, { key, copied }) {
        await workspace.remove(repository, { key, copied, run: 'run_0' });
        return { failed: [], salvaged: [] };
      },
    };
  }

  function logOf(of: Life): Logger {
    const tell = (level: string) => (fields: object, message: string) => {
      if (!of.alive) return;
      const error = 'error' in fields ? String(fields.error) : '';
      trace.note(`log ${level}: ${message} ${error.split('\n')[0]}`);
      // Refusals have a code; whatever else a loop of the engine survives is a fault of ours.
      if (level === 'error' && error !== '' && isBug(error))
        trace.broken('engine.bug', `${message}: ${error}`);
    };
    return { debug() {}, info() {}, warn() {}, error: tell('error') };
  }

  return {
    engine: () => engine,
    life: () => life,
    setup() {
      if (setup === null) throw new Error('nothing was started');
      return setup;
    },
    store() {
      if (raw === null) throw new Error('nothing was started');
      return parts.before(raw);
    },
    async explain() {
      if (engine === null) return null;
      doors.direct = true;
      const pending = engine.explain({ project: null });
      await clock.settle();
      doors.direct = false;
      return pending;
    },
    start(next, callsLeft) {
      const of: Life = { number: ++lives, alive: true, pending: 0, callsLeft };
      setup = next;
      life = of;
      raw = openSqliteStore(parts.path, clock.wall);
      clock.adoptEngineTimers();
      const { workspace } = parts.repositories;
      const { pathOf, ...asked } = workspace;
      const starting = createEngine({
        store: storeOf(of, parts.before(raw)),
        workspace: { ...doors.behind(of, 'workspace', asked, WORKSPACE_DELAYS), pathOf },
        runtime: buildRuntime(of, next, parts),
        additions: {
          files: [],
          read: () => ({ additions: { stages: [], checks: [], notes: [] }, problems: [] }),
        },
        clock: clock.wall,
        random: random.next,
        log: logOf(of),
        baseEnv: {},
        machine: machineOf(of),
        pace: parts.pace ?? SLOW,
      });
      trace.note(`the engine starts, life ${of.number}`);
      const up = async () => {
        const { adopted } = await starting.takeOver();
        await starting.start();
        return adopted;
      };
      up().then(
        (adopted) => {
          // It may have died of what its start set going.
          if (!of.alive) return;
          engine = starting;
          trace.note(`the engine is up, ${adopted} runs adopted`);
        },
        (error: unknown) => {
          trace.note(`the engine does not come up: ${String(error)}`);
          // Its process ends, and its supervisor starts another.
          of.callsLeft = 1;
          void doors.call(of, 'exit', MACHINE_DELAYS, async () => undefined);
        },
      );
    },
    bury() {
      engine = null;
      life = null;
      clock.dropEngineTimers();
      void raw?.close();
      raw = null;
    },
    reload(next) {
      if (engine === null || life === null) return;
      setup = next;
      trace.note(`the configuration changes: ${next.projects.map(({ key }) => key).join(', ')}`);
      engine.reload(buildRuntime(life, next, parts)).catch((error: unknown) => {
        trace.note(`the reload fails: ${String(error)}`);
      });
    },
    async close() {
      await raw?.close();
    },
  };
}

const WORKSPACE_DELAYS: Delays = {
  before: (random) => (random.chance(0.3) ? random.between(1, 4000) : 0),
  after: (random) => (random.chance(0.1) ? random.between(1, 500) : 0),
};

function isBug(error: string): boolean {
  return /^(?:TypeError|ReferenceError|RangeError|Error: assertion|Error: unreachable)/.test(error);
}
