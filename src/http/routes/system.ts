import { createRoute } from '@hono/zod-openapi';
import { readySince } from '../../core/explain.ts';
import { jobName } from '../../core/model.ts';
import { healthQuery, healthSchema } from '../contract.ts';
import { createLookUp } from '../look-up.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { Finding, HttpOptions } from '../server.ts';
import { iso, isoOrNull } from '../wire.ts';

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
  const lookUp = createLookUp(engine);
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
      const [{ engine: name, engineVersion, schema, bytes }, explained, freeBytes, worktrees] =
        await Promise.all([
          engine.store.info(),
          engine.explain({ project: null }),
          engine.room(),
          engine.worktrees(),
        ]);
      const { counts, explanation, state } = explained;
      const { oldestReady } = explanation;
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
          workers: [
            {
              ...{ id: 'local', version, slots: engine.slots(), used: counts.jobs.running },
              lastHeartbeatAt: isoOrNull(state?.tickAt ?? null),
            },
          ],
          queue: {
            ready: state === null ? 0 : explanation.counts.queued,
            oldest:
              oldestReady === null
                ? null
                : {
                    job: jobName(oldestReady.id),
                    task: await lookUp.keyOf(oldestReady),
                    since: iso(readySince(oldestReady)),
                  },
          },
          disk: { freeBytes, worktrees },
        },
        200,
      );
    },
  );
  return routes;
}
