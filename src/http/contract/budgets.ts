import { z } from 'zod';
import { instant } from './common.ts';

const limit = {
  key: z.string().meta({ description: 'the setting: projects.api.budget.usd_per_day' }),
  origin: z.string().meta({ description: 'where its value comes from: orch.yaml, environment, default' }),
};

const projectedUsd = z
  .number()
  .nullable()
  .meta({ description: 'at the end of the day or month, at the pace so far; null: too early to tell' });
const reachedAt = instant
  .nullable()
  .meta({ description: 'when the limit is reached at the pace so far; null: not before the day ends' });

/** What may be spent, what was, and where each limit comes from. A limit of null is none. */
export const budgetsSchema = z
  .object({
    day: z.string().meta({ description: 'the UTC day that is counted' }),
    month: z.string().meta({ description: 'the UTC month that is counted; no setting limits it' }),
    projects: z.array(
      z.object({
        project: z.string(),
        level: z.enum(['within', 'near', 'reached']).meta({ description: 'of today; `near`: from 80 % on' }),
        perTask: z.object({ ...limit, usd: z.number().nullable() }),
        perDay: z.object({
          ...limit,
          usd: z.number().nullable(),
          spentUsd: z.number(),
          projectedUsd,
          reachedAt,
        }),
        tokensPerDay: z.object({
          ...limit,
          ...{ tokens: z.number().nullable(), spent: z.number() },
          projected: z.number().nullable(),
          reachedAt,
        }),
        monthUsd: z.number(),
        monthProjectedUsd: projectedUsd,
        /** Runs whose cost nobody told; not part of the dollars. */
        unknownCosts: z.object({ day: z.number(), month: z.number() }),
      }),
    ),
  })
  .meta({ id: 'Budgets' });
export type BudgetsWire = z.infer<typeof budgetsSchema>;
