import { execFileSync } from 'node:child_process';
import { existsSync, statfsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../sim/random.ts';
import { processesMentioning, type Service, waitFor } from '../../test/support/orch.ts';
import type { Load } from './load.ts';
import { isLive, processesLike, type RunRow, runningRows } from './processes.ts';

export interface Scene {
  readonly load: Load;
  readonly random: Random;
  readonly service: Service;
  /** Null without one: `mountSmallDisk`. */
  readonly disk: SmallDisk | null;
}

/** What is done to the installation in one round; true when the service lives on. */
export type Act = (scene: Scene) => Promise<boolean>;

/** A kill comes this long at most after what it waited for. */
const MOMENT_MS = 1500;
const MEETING_MS = 10_000;
const STOPPED_MS = { least: 300, most: 2500 };
const HOUR_MS = 3_600_000;
const ORCH = /main\.[tj]s up /;
const AGENT = /\/claude (?:.* )?-p /;
const PUSH = /git (?:.* )?(?:push|send-pack|receive-pack)\b/;

export const ACTS = {
  /** When an agent has just begun: the next start has somebody to take over. */
  async Orch({ load, random, service }) {
    const before = new Set(runningRows(load.here).map(({ id }) => id));
    const isNew = (row: RunRow) => row.pid !== null && !before.has(row.id) && isLive(row);
    await meet(() => runningRows(load.here).find(isNew) ?? null);
    await sleep(random.between(0, 100));
    await service.kill();
    return false;
  },
  async 'Orch, again while it starts'({ load, random, service }) {
    await service.kill();
    const second = load.here.up(load.env);
    second.catch(() => undefined); // what it is killed for
    await sleep(random.between(50, 900));
    for (const pid of processesLike(load.here, ORCH)) kill(pid, 'SIGKILL');
    await second.then((started) => started.kill()).catch(() => undefined);
    return false;
  },
  async 'a supervisor'(scene) {
    await metRun(scene, ({ pid }) => kill(pid, 'SIGKILL'));
    return true;
  },
  async 'an agent'({ load, random }) {
    const agent = await meet(() => random.pick(orNothing(processesLike(load.here, AGENT))));
    await sleep(random.between(0, 700));
    if (agent !== null) kill(agent, 'SIGKILL');
    return true;
  },
  async 'a git push'({ load, random }) {
    await meet(() => existsSync(load.pushing));
    await sleep(random.between(0, 150));
    for (const pid of processesLike(load.here, PUSH)) if (random.chance(0.5)) kill(pid, 'SIGKILL');
    return true;
  },
  async 'Orch, in a git push'({ load, random, service }) {
    await meet(() => existsSync(load.pushing));
    await sleep(random.between(0, 250));
    await service.kill();
    return false;
  },
  async 'all at once'(scene) {
    await moment(scene);
    const { load, service } = scene;
    const gone = service.kill();
    for (const pid of processesMentioning(load.here.root)) kill(pid, 'SIGKILL');
    await gone;
    return false;
  },
  async 'Orch is stopped for a while'(scene) {
    await moment(scene);
    kill(scene.service.pid, 'SIGSTOP');
    await sleep(scene.random.between(STOPPED_MS.least, STOPPED_MS.most));
    kill(scene.service.pid, 'SIGCONT');
    return true;
  },
  async 'a supervisor is stopped for a while'(scene) {
    const { random } = scene;
    await metRun(scene, async ({ pid }) => {
      kill(pid, 'SIGSTOP');
      // Now and then Orch is killed and comes back meanwhile, and adopts a run whose supervisor does not answer.
      const isKilled = random.chance(0.3);
      if (isKilled) await scene.service.kill();
      await sleep(random.between(STOPPED_MS.least, STOPPED_MS.most));
      kill(pid, 'SIGCONT');
    });
    return isRunning(scene.service.pid);
  },
  async 'the clock jumps'(scene) {
    await moment(scene);
    writeFileSync(scene.load.clock, String(scene.random.between(-1, 1) * HOUR_MS));
    if (scene.random.chance(0.5)) return true;
    await sleep(scene.random.between(0, 500));
    await scene.service.kill();
    return false;
  },
  async 'the disk is full'(scene) {
    await moment(scene);
    scene.disk?.fill();
    await sleep(scene.random.between(500, 2500));
    const isKilled = scene.random.chance(0.5);
    if (isKilled) await scene.service.kill();
    scene.disk?.empty();
    return !isKilled;
  },
} satisfies Record<string, Act>;

export type ActName = keyof typeof ACTS;

/** A disk of its own for the state of an installation. */
export interface SmallDisk {
  /** From now on not one more page can be written. */
  fill(): void;
  empty(): void;
  unmount(): void;
}

/** Mounts a disk in memory on an empty folder; why not, where this user or system does not allow it. */
export function mountSmallDisk(folder: string): SmallDisk | string {
  // The dispatcher starts nothing below 1 GB; only what is written takes memory.
  const size = 'size=3g';
  const mount = (...args: string[]) => execFileSync('mount', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    mount('-t', 'tmpfs', '-o', size, 'tmpfs', folder);
  } catch (error) {
    const said = error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error);
    return `no disk in memory can be mounted here (${said})`;
  }
  return {
    fill() {
      for (let tries = 0; ; tries++) {
        const { blocks, bfree, bsize } = statfsSync(folder);
        try {
          mount('-o', `remount,size=${(blocks - bfree) * bsize}`, folder);
          return;
        } catch (error) {
          if (tries > 20) throw error; // more was written between the look and the mount
        }
      }
    },
    empty: () => mount('-o', `remount,${size}`, folder),
    unmount: () => execFileSync('umount', ['-l', folder], { stdio: 'ignore' }),
  };
}

const moment = ({ random }: Scene) => sleep(random.between(0, MOMENT_MS));

/** Picks a run that lives, waits a moment of it, and aims at its supervisor. */
async function metRun({ load, random }: Scene, aim: (run: { pid: number }) => unknown): Promise<void> {
  const run = await meet(() => {
    const [first, ...more] = runningRows(load.here).filter((row) => row.pid !== null && isLive(row));
    return first === undefined ? null : random.pick([first, ...more]);
  });
  await sleep(random.between(0, 700));
  if (run?.pid != null) await aim({ pid: run.pid });
}

/** What never comes is no reason to wait: then the round is one of nothing. */
function meet<T>(what: () => T | null): Promise<NonNullable<T> | null> {
  return waitFor(what, MEETING_MS).catch(() => null);
}

function orNothing(pids: readonly number[]): readonly (number | null)[] {
  return pids.length === 0 ? [null] : pids;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended by itself meanwhile
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
