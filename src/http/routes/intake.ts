import { type Context, Hono } from 'hono';
import type { IntakeView } from '../../engine/acceptance.ts';
import { body } from '../body.ts';
import { type IntakeWire, intakeAcceptRequest } from '../contract.ts';
import type { AppEnv, HttpOptions } from '../server.ts';

/** Items wait in the answer up to so many; the rest is counted. */
const MAX_ITEMS = 200;

/** What the trackers of projects hold for them, and who lets it in. */
export function intakeRoutes({ engine }: HttpOptions) {
  const routes = new Hono<AppEnv>();
  const actor = (c: Context<AppEnv>) => ({ by: c.get('by'), surface: 'cli' as const });

  routes.get('/intake', async (c) => {
    const views = await engine.acceptance.list(c.req.query('project') ?? null);
    return c.json({ intake: views.map(toWire) });
  });
  routes.post('/intake/accept', async (c) => {
    const { project, first } = await body(c, intakeAcceptRequest);
    const accepted = await engine.acceptance.accept(project, first, actor(c));
    return c.json({
      ...{ project: accepted.project, rule: accepted.rule },
      ...{ admitted: accepted.admitted.map(({ key }) => key), leftOut: accepted.leftOut.length },
    });
  });
  return routes;
}

function toWire({ project, tracker, rule, isAccepted, outside, taken }: IntakeView): IntakeWire {
  const items = outside.slice(0, MAX_ITEMS).map(({ key, title, url }) => ({ key, title, url }));
  return { project, tracker, rule, isAccepted, taken, outside: outside.length, items };
}
