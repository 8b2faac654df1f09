import { createRoute } from '@hono/zod-openapi';
import { AppError, messageOf } from '../../core/errors.ts';
import { configChangedSchema, configRequest, configSchema } from '../contract.ts';
import { answer, createRoutes, jsonBody, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';

/** Every setting: shown with where it comes from, tried, and changed in the file that people also edit by hand. */
export function settingsRoutes({ engine, config, configProblem, settings }: HttpOptions) {
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/config', 'system', 'Every setting and where it comes from'),
      responses: answer(configSchema, 'as orch config shows it'),
    }),
    (c) => {
      const revision = settings?.revision() ?? null;
      try {
        const rows = config().map((row) => ({
          ...row,
          path: [...row.path],
          value: Array.isArray(row.value) ? [...row.value] : (row.value as string | number | boolean | null),
        }));
        return c.json({ problem: configProblem(), revision, settings: rows }, 200);
      } catch (error) {
        return c.json({ problem: messageOf(error), revision, settings: [] }, 200);
      }
    },
  );

  routes.openapi(
    createRoute({
      ...route('post', '/config', 'system', 'Change orch.yaml and its secrets, or only try a change'),
      request: { body: jsonBody(configRequest) },
      responses: answer(configChangedSchema, 'what changed; it is in force'),
    }),
    async (c) => {
      if (settings === null)
        throw new AppError('the configuration of the demo is not in a file', {
          code: 'config.no_file',
          hint: 'orch init writes one; then orch up',
        });
      const { test, ...edit } = c.req.valid('json');
      const { changes, warnings, findings } = await settings.change(edit, { test });
      if (!test)
        for (const { key, before, after } of changes)
          await engine.note(c.get('actor'), 'config.write', key, { value: after }, { value: before });
      return c.json(
        {
          ...{ written: !test, revision: settings.revision(), warnings: [...warnings] },
          changes: changes.map((change) => ({ ...change })),
          findings: findings.map((finding) => ({ ...finding })),
        },
        200,
      );
    },
  );
  return routes;
}
