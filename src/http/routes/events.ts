import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { createStreams, lastEventId } from '../sse.ts';

/** Changes that come together go out together. */
const GATHER_MS = 50;
const TICK_MS = 5000;

/** That something changed: what a page asks again for. */
export function eventRoutes({ engine }: HttpOptions) {
  const { changes } = engine;
  const routes = createRoutes();
  const events = createStreams();

  routes.openapi(
    createRoute({
      ...route('get', '/events', 'live', 'That something changed'),
      description:
        'Server-sent events. `change`: `{type, id, rev}`, whose id is its revision (`Last-Event-ID`); `tick` every 5 s: `{rev, schedulerTickAgeMs}`, the sign of life. Whoever comes back is told what was missed, or one `all`.',
      responses: { 200: { description: 'events', content: { 'text/event-stream': { schema: z.string() } } } },
    }),
    (c) => {
      const asked = lastEventId(c);
      return events(c, async ({ send, wait, wake, isOpen }) => {
        let seen = asked ?? changes.rev();
        let tickedAt = Number.NEGATIVE_INFINITY;
        const stop = changes.onChange(wake);
        try {
          while (isOpen()) {
            for (const change of changes.since(seen)) {
              seen = change.rev;
              await send({ event: 'change', id: change.rev, data: change });
            }
            if (performance.now() - tickedAt >= TICK_MS) {
              tickedAt = performance.now();
              await send({ event: 'tick', data: { rev: seen, schedulerTickAgeMs: engine.tickAge() } });
            }
            await wait(TICK_MS);
            await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
          }
        } finally {
          stop();
        }
      });
    },
  );
  return routes;
}
