import { afterFailure, DELIVERY_TIMEOUT_MS, type Delivery, failureOf } from '../core/delivery.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { OutboxRow, Store } from '../store/store.ts';
import type { Desk } from './desk.ts';
import { createSender, type Destinations } from './send.ts';

/** Rows of a destination taken at a time. */
const BATCH = 50;
const LIMITS = {
  timeoutMs: DELIVERY_TIMEOUT_MS,
  /** A stop waits this long for what is being sent; what is cut off then is looked for after the next start. */
  stopGraceMs: 2000,
};

/**
 * Delivers outbox rows. Each destination has a lane of its own, which sends one row at a time until nothing is
 * due or the destination does not answer: no lane ever waits for another. A row is marked before it is sent, so
 * that whatever happens then, the next try knows that it may have been.
 */
export function createDelivery(parts: {
  readonly store: Store;
  readonly destinations: () => Destinations;
  readonly desk: Pick<Desk, 'note' | 'show'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Called when a lane has tried something and ends: what is due next may have changed. */
  readonly ended: () => void;
  /** Only tests have others. */
  readonly limits?: typeof LIMITS;
}) {
  const { store, clock, log } = parts;
  const { timeoutMs, stopGraceMs } = parts.limits ?? LIMITS;
  const send = createSender(parts);
  const lanes = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let stopped = false;

  async function lane(destination: string): Promise<void> {
    let tried = 0;
    try {
      tried = await drain(destination);
    } catch (error) {
      log.error({ destination, error: messageOf(error) }, 'delivery failed');
    }
    lanes.delete(destination);
    if (tried > 0 && !stopped) parts.ended();
  }

  async function drain(destination: string): Promise<number> {
    let tried = 0;
    for (;;) {
      const rows = await store.dueMessages(destination, clock(), BATCH);
      if (rows.length === 0) return tried;
      for (const row of rows) {
        if (stopped) return tried;
        tried++;
        if ((await attempt(row)) === 'unreachable') return tried;
      }
    }
  }

  async function attempt(row: OutboxRow): Promise<'answered' | 'unreachable'> {
    if (!(await store.trying(row.id))) return 'answered';
    let later: number | void;
    try {
      later = await bounded((signal) => send(row, { key: row.key, again: row.unsure, signal }));
    } catch (error) {
      return stopping.signal.aborted ? 'unreachable' : undelivered(row, error);
    }
    if (typeof later === 'number') await store.postpone(row.id, later, row.unsure);
    else await store.delivered(row.id, clock());
    return 'answered';
  }

  /** One delivery, with its limit: what hangs is given up, and its outcome is unknown. */
  async function bounded<T>(work: (signal: Delivery['signal']) => Promise<T>): Promise<T> {
    const ended = new AbortController();
    const givenUp = new Promise<never>((_, reject) => {
      const give = () => {
        const error = new AppError(`no answer within ${timeoutMs / 1000} s`, {
          code: 'delivery.unreachable',
        });
        ended.abort(error);
        reject(error);
      };
      const timer = setTimeout(give, timeoutMs);
      stopping.signal.addEventListener('abort', give, { signal: ended.signal });
      ended.signal.addEventListener('abort', () => clearTimeout(timer));
    });
    try {
      return await Promise.race([work(ended.signal), givenUp]);
    } finally {
      ended.abort();
    }
  }

  async function undelivered(row: OutboxRow, error: unknown): Promise<'answered' | 'unreachable'> {
    const failure = failureOf(error);
    const now = clock();
    const { destination } = row;
    const trouble = (await store.troubles()).find(({ name }) => name === destination);
    const tried = { ...row, tries: row.tries + 1 };
    const outcome = afterFailure(tried, failure, trouble?.unanswered ?? null, now, parts.random());
    const dead = outcome.retryAt === null;
    const fields = { outboxId: row.id, key: row.key, destination, error: outcome.error, dead };
    log.warn(fields, 'message was not delivered');
    await store.undelivered(row.id, outcome, now);
    return failure.kind === 'unreachable' ? 'unreachable' : 'answered';
  }

  return {
    /** Starts a lane for each destination that has something due and none yet. Safe to call at any time. */
    async run(): Promise<void> {
      for (const destination of await store.dueDestinations(clock()))
        if (!stopped && !lanes.has(destination)) lanes.set(destination, lane(destination));
    },
    /** Begins nothing more; what is being sent has a moment to end. */
    async stop(): Promise<void> {
      stopped = true;
      const timer = setTimeout(() => stopping.abort(), stopGraceMs);
      await Promise.all(lanes.values());
      clearTimeout(timer);
    },
  };
}
