import { createRoute } from '@hono/zod-openapi';
import { dayBudget, endOfDay, NOTHING_SPENT, paceOf } from '../../core/budget.ts';
import { type BudgetsWire, budgetsSchema } from '../contract.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso, isoOrNull } from '../wire.ts';

const DAY_MS = 86_400_000;

/** Budgets as they are in force, beside what was spent of them. */
export function budgetRoutes({ engine, config }: HttpOptions) {
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/budgets', 'reports', 'Budgets: what may be spent, what was, and who says so'),
      responses: answer(budgetsSchema, 'of every project'),
    }),
    async (c) => {
      const now = Date.now();
      const month = iso(now).slice(0, 7);
      const monthFrom = Date.parse(`${month}-01T00:00:00Z`);
      const first = new Date(monthFrom);
      const monthTo = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1);
      const to = endOfDay(now);
      const day = { from: to - DAY_MS, to, now };
      const [today, ended] = await Promise.all([
        engine.spentToday(),
        engine.store.reports.usage({
          by: 'project',
          since: monthFrom,
          until: now + 1,
          project: null,
          plans: [],
        }),
      ]);
      const origins = new Map(config().map(({ key, origin }) => [key, origin]));
      const projects = [...engine.projects()].map(
        ([project, { budget }]): BudgetsWire['projects'][number] => {
          const spent = today.get(project) ?? NOTHING_SPENT;
          const own = ended.filter(({ key }) => key === project);
          const limit = (name: string) => {
            const key = `projects.${project}.budget.${name}`;
            return { key, origin: origins.get(key) ?? 'default' };
          };
          const usd = paceOf(spent.microUsd / 1e6, budget.usdPerDay, day);
          const tokens = paceOf(spent.tokens, budget.tokensPerDay, day);
          const monthUsd = own.reduce((sum, { microUsd }) => sum + microUsd, 0) / 1e6;
          return {
            project,
            level: dayBudget(budget, spent).level,
            perTask: { ...limit('usd_per_task'), usd: budget.usdPerTask },
            perDay: {
              ...limit('usd_per_day'),
              ...{ usd: budget.usdPerDay, spentUsd: spent.microUsd / 1e6 },
              ...{ projectedUsd: usd.atEnd, reachedAt: isoOrNull(usd.reachedAt) },
            },
            tokensPerDay: {
              ...limit('tokens_per_day'),
              ...{ tokens: budget.tokensPerDay, spent: spent.tokens },
              ...{ projected: tokens.atEnd, reachedAt: isoOrNull(tokens.reachedAt) },
            },
            monthUsd,
            monthProjectedUsd: paceOf(monthUsd, null, { from: monthFrom, to: monthTo, now }).atEnd,
            unknownCosts: {
              day: spent.unknownCosts,
              month: own.reduce((sum, { unknownCosts }) => sum + unknownCosts, 0),
            },
          };
        },
      );
      return c.json({ day: iso(now).slice(0, 10), month, projects }, 200);
    },
  );
  return routes;
}
