import { createRoute } from '@hono/zod-openapi';
import { stream } from 'hono/streaming';
import { z } from 'zod';
import type { Run } from '../../core/model.ts';
import { runName } from '../../core/model.ts';
import type { RunLine } from '../../engine/run-log.ts';
import {
  type LogWire,
  logDownloadQuery,
  logQuery,
  logSchema,
  logSearchQuery,
  logSearchSchema,
  logStreamQuery,
} from '../contract.ts';
import { createLookUp } from '../look-up.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { createStreams, lastEventId } from '../sse.ts';
import { isoOrNull } from '../wire.ts';

const FIRST_LINES = 1000;
const BATCH_LINES = 500;
const POLL_MS = 100;
const params = z.object({ id: z.string() });

/** A run's log: pages of it, all of it, what is in it, and what comes. */
export function logRoutes({ engine }: HttpOptions) {
  const { runLogs, store } = engine;
  const lookUp = createLookUp(engine);
  const routes = createRoutes();
  const events = createStreams();

  routes.openapi(
    createRoute({
      ...route(
        'get',
        '/runs/{id}/log',
        'logs',
        'A page of a log: its last lines, or those before or after one',
      ),
      request: { params, query: logQuery },
      responses: answer(logSchema, 'lines in order'),
    }),
    async (c) => {
      const { after, before, limit, form } = c.req.valid('query');
      const run = await lookUp.run(c.req.valid('param').id);
      const ended = run.status === 'ended';
      await using log = await runLogs.open(run, form);
      const most = limit ?? FIRST_LINES;
      const lines =
        log === null
          ? []
          : after === undefined
            ? await log.before(before ?? log.size, most)
            : await log.after(after, most);
      const page: LogWire = {
        lines: lines.map(lineToWire),
        prev: (lines[0]?.seq ?? 0) === 0 ? null : (lines[0]?.seq ?? null),
        next: lines.at(-1)?.next ?? after ?? before ?? 0,
        size: log?.size ?? 0,
        ended,
      };
      if (limit !== undefined) return c.json(page, 200);
      return c.json({ ...page, text: await textOf(run, lines) }, 200);
    },
  );

  /** The same lines as the CLI wrote them, for those who read them so. */
  async function textOf(run: Run, lines: readonly RunLine[]): Promise<string> {
    const first = lines[0];
    if (first === undefined) return '';
    await using log = await runLogs.open(run, 'raw');
    const raw = (await log?.after(first.seq, lines.length)) ?? [];
    return raw.map(({ parts }) => `${parts.map(({ text }) => text).join('')}\n`).join('');
  }

  routes.openapi(
    createRoute({
      ...route('get', '/runs/{id}/log/search', 'logs', 'Lines of the whole log that show a text'),
      request: { params, query: logSearchQuery },
      responses: answer(logSearchSchema, 'the lines, and where to search on'),
    }),
    async (c) => {
      const { q, after, limit } = c.req.valid('query');
      await using log = await runLogs.open(await lookUp.run(c.req.valid('param').id));
      const found = (await log?.search(q, after, limit)) ?? { lines: [], next: null };
      return c.json({ lines: found.lines.map(lineToWire), next: found.next }, 200);
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/runs/{id}/log/download', 'logs', 'The whole log as a file, secrets taken out'),
      request: { params, query: logDownloadQuery },
      responses: { 200: { description: 'the file', content: { 'text/plain': { schema: z.string() } } } },
    }),
    async (c) => {
      const run = await lookUp.run(c.req.valid('param').id);
      const { plain } = c.req.valid('query');
      c.header('content-type', 'text/plain; charset=utf-8');
      c.header(
        'content-disposition',
        `attachment; filename="${runName(run.id)}${plain ? '.plain' : ''}.log"`,
      );
      return stream(c, async (out) => {
        await using log = await runLogs.open(run);
        if (log === null) return;
        for await (const piece of log.copy(plain)) {
          if (out.aborted) return;
          await out.write(piece);
        }
      }) as never;
    },
  );

  routes.openapi(
    createRoute({
      ...route('get', '/runs/{id}/log/stream', 'logs', 'A log as it grows'),
      description:
        'Server-sent events: `lines` with `{lines}`, whose id is where to go on (`Last-Event-ID` or `after`); `end` once, when the run is over. Without a place it begins 1,000 lines before the end.',
      request: { params, query: logStreamQuery },
      responses: { 200: { description: 'events', content: { 'text/event-stream': { schema: z.string() } } } },
    }),
    async (c) => {
      const { after, form } = c.req.valid('query');
      const { id } = await lookUp.run(c.req.valid('param').id);
      const asked = lastEventId(c) ?? after ?? null;
      return events(c, async ({ send, wait, isOpen }) => {
        let at = asked;
        while (isOpen()) {
          // Looked at before the file: what an ended run wrote is all there.
          const run = await store.run(id);
          if (run === null) return;
          await using log = await runLogs.open(run, form);
          // Whoever is here before the log sees all of it, however fast it grows.
          at ??= log === null ? 0 : ((await log.before(log.size, FIRST_LINES))[0]?.seq ?? log.size);
          const lines = log === null ? [] : await log.after(at, BATCH_LINES);
          const last = lines.at(-1);
          if (last !== undefined) {
            at = last.next;
            await send({ event: 'lines', id: at, data: { lines: lines.map(lineToWire) } });
          }
          if (run.status === 'ended' && (log === null || at >= log.size)) {
            await send({ event: 'end', data: { next: at } });
            return;
          }
          if (lines.length < BATCH_LINES) await wait(POLL_MS);
        }
      });
    },
  );
  return routes;
}

function lineToWire({ parts, at, ...line }: RunLine): LogWire['lines'][number] {
  return { ...line, at: isoOrNull(at), parts: [...parts] };
}
