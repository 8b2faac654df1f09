import { createRoute } from '@hono/zod-openapi';
import { healthQuery, healthSchema } from '../contract.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { Finding, HttpOptions } from '../server.ts';
import { iso } from '../wire.ts';

/** The checks start programs: what they found is shown for so long. */
const KEPT_MS = 30_000;

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Is the installation sound? */
export function systemRoutes({ engine, version, check }: HttpOptions) {
  const routes = createRoutes();
  let last: { readonly at: number; readonly findings: Promise<Finding[]> } | null = null;

  /** Once for all who ask at the same time. */
  function findings(fresh: boolean) {
    if (last === null || Date.now() - last.at > (fresh ? 1000 : KEPT_MS))
      last = { at: Date.now(), findings: all(check()) };
    return last;
  }

  routes.openapi(
    createRoute({
      ...route('get', '/health', 'system', 'The checks of orch doctor'),
      request: { query: healthQuery },
      responses: answer(healthSchema, 'what they found'),
    }),
    async (c) => {
      const asked = findings(c.req.valid('query').fresh);
      const found = await asked.findings;
      const { engine: name, engineVersion, schema, bytes } = await engine.store.info();
      const count = (state: Finding['state']) => found.filter((each) => each.state === state).length;
      return c.json(
        {
          checkedAt: iso(asked.at),
          findings: found,
          errors: count('error'),
          warnings: count('warning'),
          schedulerTickAgeMs: engine.tickAge(),
          version,
          database: { engine: name, engineVersion, schema, bytes },
        },
        200,
      );
    },
  );
  return routes;
}
