import { setTimeout as sleep } from 'node:timers/promises';
import type { Run } from '../core/model.ts';
import type { CloneProgress } from '../workspace/workspace.ts';

/** What shows that a live run works, beside its log. Null = not known (yet). */
export interface RunProof {
  /** Of one processor, between the last two looks: 1.5 = one and a half of them. */
  readonly cpuShare: number | null;
  /** Since the start. */
  readonly cpuMs: number | null;
  readonly progress: CloneProgress | null;
  /** When the worktree was looked at; epoch ms. */
  readonly lookedAt: number | null;
}

export interface LiveProcesses {
  readonly run: Run;
  /** Of what Orch started for it. */
  readonly pids: readonly number[];
}

/** A worktree is looked at while somebody asks: a look reads all of it. */
const ASKED_MS = 60_000;

interface Entry {
  readonly run: Run;
  proof: RunProof;
  cpuAt: number;
  askedAt: number;
}

/**
 * Measures live runs again and again: their processor time always, for that is one pass over /proc; their worktrees one
 * after the other, and only those that somebody looks at. Who asks gets the last measure.
 */
export function createRunProof(parts: {
  readonly live: () => readonly LiveProcesses[];
  /** Processor time in ms of each process with its descendants. */
  readonly processorTimes: (pids: readonly number[]) => Promise<ReadonlyMap<number, number>>;
  readonly progressOf: (run: Run) => Promise<CloneProgress | null>;
  readonly clock: () => number;
  /** Between two measures; null = only when somebody asks. */
  readonly intervalMs: number | null;
}) {
  const entries = new Map<number, Entry>();
  let timer: NodeJS.Timeout | null = null;
  let measuring: Promise<void> | null = null;

  /** Knows all that live, and nothing else. */
  function entered(): readonly LiveProcesses[] {
    const live = parts.live();
    const ids = new Set(live.map(({ run }) => run.id));
    for (const id of entries.keys()) if (!ids.has(id)) entries.delete(id);
    for (const { run } of live)
      if (!entries.has(run.id))
        entries.set(run.id, {
          run,
          proof: { cpuShare: null, cpuMs: null, progress: null, lookedAt: null },
          cpuAt: 0,
          askedAt: Number.NEGATIVE_INFINITY,
        });
    return live;
  }

  async function measureProcessors(): Promise<void> {
    const live = entered();
    if (live.length === 0) return;
    const times = await parts.processorTimes(live.flatMap(({ pids }) => pids));
    const now = performance.now();
    for (const { run, pids } of live) {
      const entry = entries.get(run.id);
      const own = pids.flatMap((pid) => times.get(pid) ?? []);
      if (entry === undefined || own.length === 0) continue;
      const cpuMs = own.reduce((sum, ms) => sum + ms, 0);
      const before = entry.proof.cpuMs;
      // What nobody of the tree waited for takes its time along when it ends.
      const cpuShare = before === null ? null : Math.max(0, cpuMs - before) / (now - entry.cpuAt);
      entry.proof = { ...entry.proof, cpuMs, cpuShare };
      entry.cpuAt = now;
    }
  }

  async function measureWorktrees(): Promise<void> {
    for (const entry of [...entries.values()]) {
      if (performance.now() - entry.askedAt > ASKED_MS) continue;
      // Just being made, or just removed: the next look says.
      const progress = await parts.progressOf(entry.run).catch(() => null);
      entry.proof = { ...entry.proof, progress, lookedAt: parts.clock() };
    }
  }

  function measure(): Promise<void> {
    measuring ??= measureProcessors()
      .catch(() => undefined) // no /proc for a moment: what was known stays
      .then(measureWorktrees)
      .finally(() => {
        measuring = null;
      });
    return measuring;
  }

  return {
    start(): void {
      if (parts.intervalMs === null) return;
      timer = setInterval(() => void measure(), parts.intervalMs);
      timer.unref();
    },
    stop(): void {
      if (timer !== null) clearInterval(timer);
      timer = null;
    },
    measure,
    /** Null when it is not live here. `waitMs`: how long the first look at its worktree is waited for. */
    async of(runId: number, waitMs = 0): Promise<RunProof | null> {
      entered();
      const entry = entries.get(runId);
      if (entry === undefined) return null;
      entry.askedAt = performance.now();
      if (entry.proof.lookedAt === null) {
        // One that is under way may have passed this run by.
        const looked = (measuring ?? Promise.resolve()).then(() =>
          entry.proof.lookedAt === null ? measure() : undefined,
        );
        if (waitMs > 0) await Promise.race([looked, sleep(waitMs, undefined, { ref: false })]);
      }
      return entry.proof;
    },
  };
}
