import { z } from 'zod';

const limit = {
  key: z.string().meta({ description: 'the setting: projects.api.budget.usd_per_day' }),
  origin: z.string().meta({ description: 'where its value comes from: orch.yaml, environment, default' }),
};

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
        perDay: z.object({ ...limit, usd: z.number().nullable(), spentUsd: z.number() }),
        tokensPerDay: z.object({ ...limit, tokens: z.number().nullable(), spent: z.number() }),
        monthUsd: z.number(),
        /** Runs whose cost nobody told; not part of the dollars. */
        unknownCosts: z.object({ day: z.number(), month: z.number() }),
      }),
    ),
  })
  .meta({ id: 'Budgets' });
export type BudgetsWire = z.infer<typeof budgetsSchema>;
