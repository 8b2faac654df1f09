import { useEffect, useReducer, useRef } from 'react';
import type { LogLineWire, LogWire } from '../../../src/http/contract.ts';
import { address, get } from '../api/client.ts';
import type { LiveState } from '../api/connection.ts';
import { keepOpen } from '../api/live.ts';
import { type Row, rowsOf } from './rows.ts';

const FIRST_LINES = 1000;
const EARLIER_LINES = 2000;

const LOG = '/runs/{id}/log';

export interface RunLog {
  /** Changes with every change: the arrays are the same ones, grown. */
  readonly version: number;
  readonly rows: readonly Row[];
  readonly lines: number;
  readonly masked: number;
  readonly size: number;
  readonly hasEarlier: boolean;
  /** The shown part ends before the log does. */
  readonly hasLater: boolean;
  readonly isEnded: boolean;
  readonly isLoading: boolean;
  readonly live: LiveState;
  readonly error: Error | null;
  showEarlier: () => Promise<number>;
  /** Makes sure that a line is loaded, with what is around it. */
  showAround: (seq: number) => Promise<void>;
  showEnd: () => Promise<void>;
  again: () => void;
}

/** The log of a run: its last lines at once, then what comes; earlier lines and other places when asked for. */
export function useRunLog(runId: string, startAt: number | null): RunLog {
  const [version, changed] = useReducer((n: number) => n + 1, 0);
  const ref = useRef<Loaded | null>(null);
  ref.current ??= empty();
  const log = ref.current;

  useEffect(() => {
    const stop = new AbortController();
    const params = { id: runId };
    void open(startAt);
    return () => {
      stop.abort();
      log.stream?.abort();
    };

    async function open(at: number | null): Promise<void> {
      log.open = open;
      log.stream?.abort();
      Object.assign(log, empty(), { open });
      changed();
      try {
        const page =
          at === null
            ? await get(LOG, { params, query: { limit: FIRST_LINES }, signal: stop.signal })
            : await around(runId, at, stop.signal);
        take(log, page);
        log.hasLater = at !== null && page.next < page.size;
      } catch (error) {
        if (stop.signal.aborted) return;
        log.error = error instanceof Error ? error : new Error(String(error));
      }
      log.isLoading = false;
      changed();
      if (!log.hasLater && log.error === null) follow();
    }

    function follow(): void {
      const stream = new AbortController();
      log.stream = stream;
      const from = log.next;
      void keepOpen({
        signal: stream.signal,
        url: () => address(`${LOG}/stream`, { params, query: { after: from } }),
        onState(state) {
          log.live = state;
          changed();
        },
        onEvent(data, _id, event) {
          if (event === 'end') {
            log.isEnded = true;
            stream.abort();
          } else if (event === 'lines') {
            const { lines } = JSON.parse(data) as { lines: LogLineWire[] };
            // A line that came twice, over a broken connection, is shown once.
            append(
              log,
              lines.filter(({ seq }) => seq >= log.next),
            );
          }
          changed();
        },
      });
    }
  }, [log, runId, startAt]);

  return {
    version,
    rows: log.rows,
    lines: log.lines,
    masked: log.masked,
    size: log.size,
    hasEarlier: log.prev !== null,
    hasLater: log.hasLater,
    isEnded: log.isEnded,
    isLoading: log.isLoading,
    live: log.live,
    error: log.error,
    async showEarlier() {
      if (log.prev === null) return 0;
      const page = await get(LOG, {
        params: { id: runId },
        query: { before: log.prev, limit: EARLIER_LINES },
      });
      const { rows } = rowsOf(page.lines, null);
      log.rows = [...rows, ...log.rows];
      log.prev = page.prev;
      log.lines += page.lines.length;
      log.masked += sumMasked(page.lines);
      changed();
      return rows.length;
    },
    async showAround(seq) {
      const isLoaded = (log.rows[0]?.seq ?? Number.POSITIVE_INFINITY) <= seq && seq < log.next;
      if (!isLoaded) await log.open?.(seq);
    },
    async showEnd() {
      if (log.hasLater) await log.open?.(null);
    },
    again: () => void log.open?.(startAt),
  };
}

interface Loaded {
  rows: Row[];
  lines: number;
  masked: number;
  size: number;
  prev: number | null;
  next: number;
  under: string | null;
  hasLater: boolean;
  isEnded: boolean;
  isLoading: boolean;
  live: LiveState;
  error: Error | null;
  stream: AbortController | null;
  open: ((at: number | null) => Promise<void>) | null;
}

function empty(): Loaded {
  return {
    rows: [],
    lines: 0,
    masked: 0,
    size: 0,
    prev: null,
    next: 0,
    under: null,
    hasLater: false,
    isEnded: false,
    isLoading: true,
    live: 'connecting',
    error: null,
    stream: null,
    open: null,
  };
}

async function around(id: string, seq: number, signal: AbortSignal): Promise<LogWire> {
  const [before, after] = await Promise.all([
    get(LOG, { params: { id }, query: { before: seq, limit: FIRST_LINES / 2 }, signal }),
    get(LOG, { params: { id }, query: { after: seq, limit: FIRST_LINES }, signal }),
  ]);
  return { ...after, lines: [...before.lines, ...after.lines], prev: before.prev };
}

function take(log: Loaded, page: LogWire): void {
  log.prev = page.prev;
  log.size = page.size;
  log.next = page.next;
  append(log, page.lines);
}

function append(log: Loaded, lines: readonly LogLineWire[]): void {
  const { rows, under } = rowsOf(lines, log.under);
  for (const row of rows) log.rows.push(row);
  log.under = under;
  log.lines += lines.length;
  log.masked += sumMasked(lines);
  log.next = Math.max(log.next, lines.at(-1)?.next ?? 0);
  log.size = Math.max(log.size, log.next);
}

function sumMasked(lines: readonly LogLineWire[]): number {
  return lines.reduce((sum, { masked }) => sum + masked, 0);
}
