import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Run } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import { noteTime, openTimes } from '../lib/line-times.ts';

/** What a live run may write: its agent's log, or that of the command of a stage that runs no agent. */
const LOGS = ['run.log', join('command', 'run.log')] as const;

export function timesPathOf(logPath: string): string {
  return logPath.replace(/\.log$/, '.times');
}

export interface LogTimesParts {
  readonly live: () => readonly { readonly run: Run }[];
  readonly clock: Clock;
  /** Null = only who reads a log looks. */
  readonly intervalMs: number | null;
}

/**
 * Notes when the lines of live runs came. The CLI writes its log by itself, whether Orch lives or not: the time of a
 * line is that of the look which found it. What came while nobody looked has no time.
 */
export function createLogTimes(parts: LogTimesParts) {
  interface Seen {
    until: number;
    lookedAt: number;
    isFull: boolean;
  }
  const seen = new Map<string, Seen>();
  const watched = new Map<number, Run>();
  /** Looks at one file come one after another. */
  const turns = new Map<string, Promise<void>>();
  let timer: NodeJS.Timeout | null = null;

  async function look(path: string, startedAt: number): Promise<void> {
    const file = await stat(path).catch(() => null);
    if (file === null) return;
    const now = parts.clock();
    const known = seen.get(path) ?? (await knownOf(path, startedAt));
    seen.set(path, known);
    if (file.size > known.until && !known.isFull) {
      const isNoted = await noteTime(timesPathOf(path), {
        until: file.size,
        from: known.lookedAt,
        at: now,
      });
      // Times are a help, no more: a log that cannot have them goes without.
      known.isFull = !isNoted;
      known.until = file.size;
    }
    known.lookedAt = now;
  }

  /** What an earlier process noted of it; what came since then came while nobody looked. */
  async function knownOf(path: string, startedAt: number): Promise<Seen> {
    await using times = await openTimes(timesPathOf(path));
    const last = (await times?.last()) ?? null;
    return { until: last?.until ?? 0, lookedAt: last?.at ?? startedAt, isFull: false };
  }

  function inTurn(path: string, startedAt: number): Promise<void> {
    const turn = (turns.get(path) ?? Promise.resolve())
      .then(() => look(path, startedAt))
      .catch(() => undefined) // unreadable now: the next look says
      .finally(() => {
        if (turns.get(path) === turn) turns.delete(path);
      });
    turns.set(path, turn);
    return turn;
  }

  const lookAt = async (run: Run): Promise<void> => {
    await Promise.all(LOGS.map((log) => inTurn(join(run.directory, log), run.startedAt)));
  };

  async function round(): Promise<void> {
    const live = new Map(parts.live().map(({ run }) => [run.id, run]));
    const over = [...watched.values()].filter(({ id }) => !live.has(id));
    // What came between the last look and the end is seen once more.
    await Promise.all([...live.values(), ...over].map(lookAt));
    for (const run of over) {
      watched.delete(run.id);
      for (const log of LOGS) seen.delete(join(run.directory, log));
    }
    for (const [id, run] of live) watched.set(id, run);
  }

  return {
    start(): void {
      if (parts.intervalMs === null) return;
      let isBusy = false;
      timer = setInterval(() => {
        if (isBusy) return;
        isBusy = true;
        void round().finally(() => {
          isBusy = false;
        });
      }, parts.intervalMs);
      timer.unref();
    },
    stop(): void {
      if (timer !== null) clearInterval(timer);
      timer = null;
    },
    /** Whoever reads the log of a live run looks too, so that what is read has its time. */
    async lookAt(run: Run): Promise<void> {
      watched.set(run.id, run);
      await lookAt(run);
    },
  };
}
