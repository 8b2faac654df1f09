import { z } from 'zod';

export const intakeQuery = z.object({ project: z.string().optional() });

/** `outside`: items that match and were not taken on, of which `items` are the oldest. */
const intakeViewSchema = z
  .object({
    project: z.string(),
    tracker: z.string(),
    rule: z.string(),
    isAccepted: z.boolean(),
    taken: z.number(),
    outside: z.number(),
    items: z.array(z.object({ key: z.string(), title: z.string(), url: z.string().nullable() })),
  })
  .meta({ id: 'Intake' });
export type IntakeWire = z.infer<typeof intakeViewSchema>;
export const intakeSchema = z.object({ intake: z.array(intakeViewSchema) });

export const intakeAcceptRequest = z.strictObject({
  project: z.string().min(1).nullable().default(null),
  first: z.number().int().min(1).nullable().default(null),
});
export const intakeAcceptedSchema = z.object({
  project: z.string(),
  rule: z.string(),
  admitted: z.array(z.string()),
  leftOut: z.number(),
});
