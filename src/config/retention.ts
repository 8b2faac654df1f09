import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { refuse } from './fields.ts';

const HOUR_MS = 60 * 60 * 1000;
const MAX_AGE_MS = 10 * 365 * 24 * HOUR_MS;

/** Milliseconds of `12h` or `90d`, or `never`. */
const age = () =>
  z
    .union([z.number(), z.string()], { error: 'is not an age' })
    .meta({ examples: ['30d'] })
    .transform((value, ctx): number | 'never' => {
      if (value === 'never') return value;
      const ms = parseDuration(String(value));
      if (ms !== null && ms >= HOUR_MS && ms <= MAX_AGE_MS) return ms;
      return refuse(ctx, 'is not an age', 'write 12h, 30d (an hour at least, ten years at most), or never');
    });

/** How long what nobody needs any more is kept; finished tasks, jobs and runs are the history and stay. */
export const retentionSchema = z.strictObject({
  worktrees: age()
    .prefault('7d')
    .describe('Worktrees of cancelled tasks and of failed or cancelled jobs without a task; salvaged first.'),
  runs: age()
    .prefault('30d')
    .describe('Folders of ended runs with their logs, except the last one of each open task.'),
  ledger: age().prefault('30d').describe('What `orch why --at` tells from.'),
  outbox: age().prefault('30d').describe('Messages that were delivered.'),
  unknown_shapes: age()
    .prefault('180d')
    .describe(
      'That a CLI output no rule knows was told, and its log in `unknown-shapes`; after that it is told and kept anew.',
    ),
  salvage: age().prefault('90d').describe('Salvaged work of tasks that are over.'),
});

export type RetentionInput = z.output<typeof retentionSchema>;
