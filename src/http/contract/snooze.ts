import { z } from 'zod';
import { instant } from './common.ts';

const HOUR_MS = 3_600_000;
const target = {
  code: z.string().max(100).meta({ description: 'of a reason that needs a person, or run.stalled' }),
  kind: z.string().max(20).meta({ description: 'of its scope: task, job, account, project ...; run' }),
  id: z.string().max(200),
};

/** What the one who asks put off: it holds and counts as before. */
export const snoozeSchema = z.object({ ...target, until: instant }).meta({ id: 'Snooze' });
export type SnoozeWire = z.infer<typeof snoozeSchema>;
export const snoozesSchema = z.object({ snoozes: z.array(snoozeSchema) });
export const snoozeBody = z.object({
  ...target,
  forMs: z
    .number()
    .int()
    .min(60_000)
    .max(24 * HOUR_MS)
    .default(HOUR_MS),
  off: z.boolean().default(false).meta({ description: 'take it back' }),
});
