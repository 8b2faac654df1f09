/**
 * Agent processes. They outlive the engine: one that dies leaves them at work, and the next adopts them by
 * their directory. Two at once on one branch are the fault that the whole queue is there to prevent.
 */
import type { StoppedBy } from '../src/core/failure.ts';
import type { Job, Run, Task } from '../src/core/model.ts';
import type { Adoption, ExitRecord, LiveRun } from '../src/launcher/launcher.ts';
import type { VirtualClock } from './clock.ts';
import type { Doors, Life } from './doors.ts';
import type { Random } from './random.ts';
import type { Script } from './scripts.ts';
import type { Trace } from './trace.ts';

export interface Process {
  readonly run: Run;
  readonly job: Job;
  readonly task: Task | null;
  readonly script: Script;
  readonly startedAt: number;
  exit: ExitRecord | null;
}

export interface Runs {
  /** Every run that was ever launched, by its id. */
  readonly all: ReadonlyMap<number, Process>;
  launch(life: Life, what: Pick<Process, 'run' | 'job' | 'task' | 'script'>): LiveRun;
  adopt(life: Life, directory: string): Adoption;
  /** The machine goes down with all that runs on it. */
  killAll(): void;
  live(): readonly Process[];
}

const NO_TIME = { before: () => 0, after: () => 0 };

export function createRuns(parts: {
  clock: VirtualClock;
  random: Random;
  doors: Doors;
  trace: Trace;
  /** The work of a run lies in the clone when it ends. */
  worked: (process: Process) => void;
}): Runs {
  const { clock, random, doors, trace } = parts;
  const all = new Map<number, Process>();
  const byDirectory = new Map<string, { process: Process; ended: Promise<ExitRecord>; stop: Stop }>();
  type Stop = (by: StoppedBy) => void;

  function live(): Process[] {
    return [...all.values()].filter((process) => process.exit === null);
  }

  function liveRun(life: Life, directory: string): LiveRun {
    const found = byDirectory.get(directory);
    if (found === undefined) throw new Error(`no run in ${directory}`);
    const { process, ended } = found;
    return {
      directory,
      pid: 1000 + process.run.id,
      ended: doors.hear(life, ended),
      async stop(by) {
        await doors.call(life, 'run.stop', NO_TIME, async () => found.stop(by));
        await doors.hear(life, ended);
      },
      lastOutputAt: async () => process.startedAt,
    };
  }

  return {
    all,
    live,
    launch(life, what) {
      const twin = live().find(
        ({ job }) => job.project === what.job.project && job.branch === what.job.branch,
      );
      if (twin !== undefined)
        trace.broken(
          'one.run',
          `run_${what.run.id} starts on ${what.job.branch} while run_${twin.run.id} is alive there`,
        );
      const process: Process = { ...what, startedAt: clock.wall(), exit: null };
      all.set(what.run.id, process);
      const { promise: ended, resolve } = Promise.withResolvers<ExitRecord>();
      const end = (how: Partial<ExitRecord>) => {
        if (process.exit !== null) return;
        const times = { startedAt: process.startedAt, endedAt: clock.wall() };
        process.exit = { ...process.script.end, ...times, ...how };
        parts.worked(process);
        trace.note(`run_${what.run.id} ends: ${how.stoppedBy ?? process.script.name}`);
        resolve(process.exit);
      };
      clock.after(what.script.durationMs, () => end({}));
      byDirectory.set(what.run.directory, {
        process,
        ended,
        stop: (by) => {
          const cut = { exitCode: null, signal: 'SIGTERM', stoppedBy: by, vanished: false };
          clock.after(random.between(5, 5000), () => end(cut));
        },
      });
      trace.note(
        `run_${what.run.id} starts: ${what.job.stage ?? 'job'} of ${what.task?.key ?? `job_${what.job.id}`} on ${what.run.account}; it will be ${what.script.name}`,
      );
      return liveRun(life, what.run.directory);
    },
    adopt(life, directory) {
      const found = byDirectory.get(directory);
      if (found === undefined) return { kind: 'gone' };
      const { exit } = found.process;
      if (exit === null) return { kind: 'live', run: liveRun(life, directory) };
      return exit.vanished ? { kind: 'gone' } : { kind: 'ended', exit };
    },
    killAll() {
      trace.note('the machine goes down');
      for (const process of live()) {
        const entry = byDirectory.get(process.run.directory);
        process.exit = {
          ...{ exitCode: null, signal: null, stoppedBy: null, vanished: true },
          ...{ startedAt: process.startedAt, endedAt: clock.wall() },
        };
        parts.worked(process);
        if (entry !== undefined) byDirectory.delete(process.run.directory);
      }
    },
  };
}
