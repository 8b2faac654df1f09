import { createRoute } from '@hono/zod-openapi';
import type { IntakeView } from '../../engine/acceptance.ts';
import {
  type IntakeWire,
  intakeAcceptedSchema,
  intakeAcceptRequest,
  intakeQuery,
  intakeSchema,
} from '../contract.ts';
import { answer, createRoutes, jsonBody, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';

/** Items wait in the answer up to so many; the rest is counted. */
const MAX_ITEMS = 200;

/** What the trackers of projects hold for them, and who lets it in. */
export function intakeRoutes({ engine }: HttpOptions) {
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/intake', 'intake', 'What the match rules find, and what of it was taken on'),
      request: { query: intakeQuery },
      responses: answer(intakeSchema, 'per project with a tracker that is looked at'),
    }),
    async (c) => {
      const views = await engine.acceptance.list(c.req.valid('query').project ?? null);
      return c.json({ intake: views.map(toWire) }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/intake/accept', 'intake', 'Let in what a match rule finds, from now on'),
      request: { body: jsonBody(intakeAcceptRequest) },
      responses: answer(intakeAcceptedSchema, 'what was let in, and how many were left out'),
    }),
    async (c) => {
      const { project, first } = c.req.valid('json');
      const accepted = await engine.acceptance.accept(project, first, c.get('actor'));
      return c.json(
        {
          ...{ project: accepted.project, rule: accepted.rule },
          ...{ admitted: accepted.admitted.map(({ key }) => key), leftOut: accepted.leftOut.length },
        },
        200,
      );
    },
  );
  return routes;
}

function toWire({ project, tracker, rule, isAccepted, outside, taken }: IntakeView): IntakeWire {
  const items = outside.slice(0, MAX_ITEMS).map(({ key, title, url }) => ({ key, title, url }));
  return { project, tracker, rule, isAccepted, taken, outside: outside.length, items };
}
