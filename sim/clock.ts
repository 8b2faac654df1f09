/**
 * Virtual time. The world books its events with `after`; the engine's own timers (global `setTimeout` and
 * `setInterval`, and `sleep` of `node:timers/promises`) are taken over between `install` and `uninstall`, so
 * the engine runs unchanged. One event at a time, in the order of time and booking: a replay is exact.
 * `wall` is what the engine reads as the time of day; it may jump ahead of the timers, as it does when a
 * machine was suspended.
 */
import { syncBuiltinESMExports } from 'node:module';
import timersPromises from 'node:timers/promises';

interface Booked {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  readonly ofEngine: boolean;
  gone: boolean;
}

export interface VirtualClock {
  /** Milliseconds since the start, as timers count. */
  elapsed(): number;
  /** Epoch milliseconds, as the engine's clock shows. */
  wall(): number;
  /** The time of day jumps ahead. */
  jump(ms: number): void;
  /** Books an event of the world; returns what takes it back. */
  after(ms: number, run: () => void): () => void;
  /** Runs the next event; false when none is booked. */
  next(): boolean;
  /** Waits until everything that follows from the last event without time passing has happened. */
  settle(): Promise<void>;
  install(): void;
  uninstall(): void;
  /** The engine's process is gone: its timers never fire, and it books no more. */
  dropEngineTimers(): void;
  /** A new process: timers count again. */
  adoptEngineTimers(): void;
}

export function createClock(start: number): VirtualClock {
  const heap: Booked[] = [];
  const real = {
    setTimeout: globalThis.setTimeout,
    setInterval: globalThis.setInterval,
    clearTimeout: globalThis.clearTimeout,
    clearInterval: globalThis.clearInterval,
    sleep: timersPromises.setTimeout,
    setImmediate: globalThis.setImmediate,
  };
  let now = 0;
  let ahead = 0;
  let order = 0;
  let engineLives = false;

  function book(ms: number, ofEngine: boolean, run: () => void): Booked {
    const event: Booked = { at: now + Math.max(0, ms), order: order++, run, ofEngine, gone: false };
    push(heap, event);
    return event;
  }

  /** What `setTimeout` gives: enough of it for code that only clears it, or does not want to be waited for. */
  function handle(event: { gone: boolean }) {
    const timer = {
      event,
      ref: () => timer,
      unref: () => timer,
      hasRef: () => true,
      refresh: () => timer,
      close: () => timer,
      [Symbol.toPrimitive]: () => 0,
      [Symbol.dispose]: () => {
        event.gone = true;
      },
    };
    return timer;
  }

  function setVirtualTimeout(run: (...args: unknown[]) => void, ms = 1, ...args: unknown[]) {
    if (!engineLives) return handle({ gone: true });
    return handle(book(Math.max(1, ms), true, () => run(...args)));
  }

  function setVirtualInterval(run: (...args: unknown[]) => void, ms = 1, ...args: unknown[]) {
    const whole = { gone: !engineLives };
    const again = () => {
      book(Math.max(1, ms), true, () => {
        if (whole.gone) return;
        again();
        run(...args);
      });
    };
    if (engineLives) again();
    return handle(whole);
  }

  function clearVirtual(timer: unknown): void {
    if (typeof timer !== 'object' || timer === null || !('event' in timer)) return;
    (timer.event as { gone: boolean }).gone = true;
  }

  function sleep(ms?: number, value?: unknown): Promise<unknown> {
    return new Promise((resolve) => setVirtualTimeout(() => resolve(value), ms));
  }

  return {
    elapsed: () => now,
    wall: () => start + now + ahead,
    jump(ms) {
      ahead += ms;
    },
    after(ms, run) {
      const event = book(ms, false, run);
      return () => {
        event.gone = true;
      };
    },
    next() {
      for (let event = pop(heap); event !== undefined; event = pop(heap)) {
        if (event.gone) continue;
        now = event.at;
        event.run();
        return true;
      }
      return false;
    },
    settle: () => new Promise((resolve) => real.setImmediate(resolve)),
    install() {
      Object.assign(globalThis, {
        setTimeout: setVirtualTimeout,
        setInterval: setVirtualInterval,
        clearTimeout: clearVirtual,
        clearInterval: clearVirtual,
      });
      timersPromises.setTimeout = sleep as typeof timersPromises.setTimeout;
      syncBuiltinESMExports();
    },
    uninstall() {
      const { sleep: realSleep, ...globals } = real;
      Object.assign(globalThis, globals);
      timersPromises.setTimeout = realSleep;
      syncBuiltinESMExports();
    },
    dropEngineTimers() {
      engineLives = false;
      for (const event of heap) if (event.ofEngine) event.gone = true;
    },
    adoptEngineTimers() {
      engineLives = true;
    },
  };
}

function isBefore(a: Booked, b: Booked): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Booked[], event: Booked): void {
  let at = heap.push(event) - 1;
  while (at > 0) {
    const up = (at - 1) >> 1;
    const parent = heap[up] as Booked;
    if (!isBefore(event, parent)) break;
    heap[at] = parent;
    at = up;
  }
  heap[at] = event;
}

function pop(heap: Booked[]): Booked | undefined {
  const [first] = heap;
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (;;) {
    let down = 2 * at + 1;
    if (down >= heap.length) break;
    if (down + 1 < heap.length && isBefore(heap[down + 1] as Booked, heap[down] as Booked)) down++;
    if (!isBefore(heap[down] as Booked, last)) break;
    heap[at] = heap[down] as Booked;
    at = down;
  }
  heap[at] = last;
  return first;
}
