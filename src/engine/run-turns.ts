import type { Run } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { createRunLogs } from './run-log.ts';

/** What the log of a live run tells of its messages so far. */
export interface RunTurns {
  readonly count: number;
  /** The last minutes of the run, oldest first, the last one up to now. */
  readonly minutes: readonly { readonly at: number; readonly newInputTokens: number }[];
}

const MINUTE_MS = 60_000;
const SHOWN_MINUTES = 13;
/** Steps of a log that one question reads; a longer one is told once it is caught up with. */
const MAX_STEPS = 20;

interface Entry {
  readonly ids: Set<string>;
  /** With the time at which they came; those of no known time are counted alone. */
  recent: { readonly at: number; readonly newInputTokens: number }[];
  next: number;
  isWhole: boolean;
  reading: Promise<void> | null;
}

/** Counts the messages of live runs as people ask: each log is read once, from where the last question ended. */
export function createRunTurns(parts: {
  readonly live: () => readonly { readonly run: Run }[];
  readonly runLogs: Pick<ReturnType<typeof createRunLogs>, 'open'>;
  readonly clock: Clock;
}) {
  const entries = new Map<number, Entry>();

  async function read(run: Run, entry: Entry): Promise<void> {
    await using log = await parts.runLogs.open(run);
    entry.isWhole = false;
    for (let step = 0; step < MAX_STEPS; step++) {
      const found = (await log?.turnsAfter(entry.next)) ?? null;
      if (found === null) return;
      for (const { id, newInputTokens, at } of found.turns) {
        if (entry.ids.has(id)) continue;
        entry.ids.add(id);
        if (at !== null) entry.recent.push({ at, newInputTokens });
      }
      // A page ends at a number of lines or of bytes: only an empty one is surely the end.
      entry.isWhole = found.next === entry.next;
      entry.next = found.next;
      if (entry.isWhole) return;
    }
  }

  /** Null: not live here, its log tells nothing of messages (yet), or it is not read to its end so far. */
  return async function turnsOf(run: Run): Promise<RunTurns | null> {
    const live = new Set(parts.live().map((each) => each.run.id));
    for (const id of entries.keys()) if (!live.has(id)) entries.delete(id);
    if (!live.has(run.id)) return null;
    const entry = entries.get(run.id) ?? {
      ...{ ids: new Set<string>(), recent: [], next: 0, isWhole: false, reading: null },
    };
    entries.set(run.id, entry);
    entry.reading ??= read(run, entry).finally(() => {
      entry.reading = null;
    });
    await entry.reading;
    if (!entry.isWhole || entry.ids.size === 0) return null;
    const now = parts.clock();
    const shown = Math.min(SHOWN_MINUTES, Math.max(1, Math.ceil((now - run.startedAt) / MINUTE_MS)));
    const from = now - shown * MINUTE_MS;
    entry.recent = entry.recent.filter(({ at }) => at > now - SHOWN_MINUTES * MINUTE_MS);
    const minutes = Array.from({ length: shown }, (_, i) => {
      const [start, end] = [from + i * MINUTE_MS, from + (i + 1) * MINUTE_MS];
      const own = entry.recent.filter(({ at }) => at > start && at <= end);
      return { at: start, newInputTokens: own.reduce((sum, each) => sum + each.newInputTokens, 0) };
    });
    return { count: entry.ids.size, minutes };
  };
}
