import { createRoute } from '@hono/zod-openapi';
import type { Snooze } from '../../core/snooze.ts';
import { type SnoozeWire, snoozeBody, snoozesSchema } from '../contract.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso } from '../wire.ts';

/** What somebody does not want to see for an hour. */
export function snoozeRoutes({ engine }: HttpOptions) {
  const { snoozes } = engine;
  const routes = createRoutes();
  const own = async (who: string) => ({ snoozes: (await snoozes.of(who)).map(toWire) });

  routes.openapi(
    createRoute({
      ...route('get', '/snoozes', 'why', 'What you put off, as far as it is in force'),
      description:
        'It ends with its time, when the thing holds more jobs than then, or ended and began anew.',
      responses: answer(snoozesSchema, 'yours'),
    }),
    async (c) => c.json(await own(c.get('actor').by), 200),
  );
  routes.openapi(
    createRoute({
      ...route('post', '/snooze', 'why', 'Put off something that needs a person, for yourself'),
      request: { body: { required: true, content: { 'application/json': { schema: snoozeBody } } } },
      responses: answer(snoozesSchema, 'what you put off now'),
    }),
    async (c) => {
      const { forMs, off, ...target } = c.req.valid('json');
      const actor = c.get('actor');
      if (off) await snoozes.drop(target, actor.by);
      else await snoozes.put(target, forMs, actor);
      return c.json(await own(actor.by), 200);
    },
  );
  return routes;
}

function toWire({ code, kind, id, until }: Snooze): SnoozeWire {
  return { code, kind, id, until: iso(until) };
}
