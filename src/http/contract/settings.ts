import { z } from 'zod';
import { findingSchema } from './reports.ts';

const MAX_VALUES = 100;
const MAX_TEXT = 20_000;

const configRowSchema = z.object({
  key: z.string(),
  path: z.array(z.union([z.string(), z.number()])),
  value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).nullable(),
  origin: z.string(),
  env: z.string().nullable(),
  locked: z.enum(['environment', 'machine', 'secret']).nullable().meta({
    description:
      'why it cannot be changed here: a variable wins, or it names something of the machine; secret: it can, unseen',
  }),
});
export const configSchema = z
  .object({
    problem: z.string().nullable().meta({ description: 'why orch.yaml as it is now is not in force' }),
    revision: z.string().nullable().meta({ description: 'of the files; null: they cannot be changed here' }),
    settings: z.array(configRowSchema).meta({ description: 'secrets are [secret]' }),
  })
  .meta({ id: 'Config' });
export type ConfigWire = z.infer<typeof configSchema>;

export const configRequest = z
  .strictObject({
    values: z
      .array(
        z.strictObject({
          path: z
            .array(z.union([z.string().min(1).max(200), z.int().min(0)]))
            .min(1)
            .max(16),
          text: z
            .string()
            .max(MAX_TEXT)
            .nullable()
            .meta({ description: 'as orch.yaml writes it; null removes the key' }),
          isNew: z.boolean().optional().meta({ description: 'refused where the key is there already' }),
        }),
      )
      .max(MAX_VALUES)
      .default([]),
    secrets: z
      .record(z.string().max(100), z.string().max(MAX_TEXT).nullable())
      .default({})
      .meta({ description: 'by the name of their variable; null removes' }),
    revision: z
      .string()
      .max(64)
      .nullable()
      .default(null)
      .meta({ description: 'the change is refused when the files are others by now' }),
    test: z
      .boolean()
      .default(false)
      .meta({ description: 'only check it, and try the vendors that it is about' }),
  })
  .refine(({ values, secrets }) => values.length + Object.keys(secrets).length > 0, {
    error: 'nothing is to change',
    path: ['values'],
  });
export const configChangedSchema = z
  .object({
    written: z.boolean(),
    revision: z.string(),
    changes: z.array(
      z.object({ key: z.string(), before: z.string().nullable(), after: z.string().nullable() }),
    ),
    warnings: z.array(z.string()),
    findings: z.array(findingSchema).meta({ description: 'what was seen of the vendors that it is about' }),
  })
  .meta({ id: 'ConfigChanged' });
export type ConfigChangedWire = z.infer<typeof configChangedSchema>;
