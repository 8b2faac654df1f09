import type { Context } from 'hono';
import { stream } from 'hono/streaming';
import { AppError } from '../core/errors.ts';

const COMMENT_MS = 15_000;
/** Then the client comes back, and is asked again who it is. */
const MAX_STREAM_MS = 10 * 60_000;
/** Open at once; more would be a mistake somewhere. */
const MAX_STREAMS = 500;

export interface Events {
  /** Sent in order; waits while the client does not read. Without `id` the client's place stays. */
  send(event: { readonly event?: string; readonly id?: number; readonly data: unknown }): Promise<void>;
  /** Resolves after the time, or at once when `wake` is called or the client has gone. Keeps the line alive. */
  wait(ms: number): Promise<void>;
  wake(): void;
  /** True while somebody listens. */
  isOpen(): boolean;
}

/** Answers with server-sent events until `run` ends, the client goes, or it is time to come back. */
export function createStreams() {
  let open = 0;
  return function events(c: Context, run: (events: Events) => Promise<void>): Response {
    if (open >= MAX_STREAMS)
      throw new AppError('too many streams are open', { code: 'server.busy', hint: 'close some pages' });
    c.header('content-type', 'text/event-stream; charset=utf-8');
    c.header('cache-control', 'no-store');
    c.header('x-accel-buffering', 'no');
    c.header('content-encoding', 'identity');
    return stream(c, async (out) => {
      const until = performance.now() + MAX_STREAM_MS;
      let isGone = false;
      let woken: (() => void) | null = null;
      let isWoken = false;
      let saidAt = performance.now();
      const wake = () => {
        isWoken = true;
        woken?.();
      };
      out.onAbort(() => {
        isGone = true;
        wake();
      });
      const write = async (text: string) => {
        saidAt = performance.now();
        if (!isGone) await out.write(text);
      };
      open += 1;
      try {
        await write(': begin\n\n');
        await run({
          async send({ event, id, data }) {
            const lines = [
              ...(event === undefined ? [] : [`event: ${event}`]),
              ...(id === undefined ? [] : [`id: ${id}`]),
              `data: ${JSON.stringify(data)}`,
            ];
            await write(`${lines.join('\n')}\n\n`);
          },
          async wait(ms) {
            if (!isWoken && !isGone) {
              const silentMs = COMMENT_MS - (performance.now() - saidAt);
              const { promise, resolve } = Promise.withResolvers<void>();
              woken = resolve;
              const timer = setTimeout(resolve, Math.max(0, Math.min(ms, silentMs)));
              await promise;
              clearTimeout(timer);
              woken = null;
            }
            isWoken = false;
            if (performance.now() - saidAt >= COMMENT_MS) await write(': alive\n\n');
          },
          wake,
          isOpen: () => !isGone && performance.now() < until,
        });
      } catch (error) {
        // The client comes back and is told what is wrong as a plain answer; there is no status left to set here.
        await write(`: ${String(error).replaceAll('\n', ' ').slice(0, 200)}\n\n`).catch(() => undefined);
      } finally {
        open -= 1;
      }
    });
  };
}

/** Where a client says that it was; null when it says nothing. */
export function lastEventId(c: Context): number | null {
  const text = c.req.header('last-event-id') ?? '';
  return /^\d{1,16}$/.test(text) ? Number(text) : null;
}
