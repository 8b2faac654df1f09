import { z } from 'zod';
import { SIZES } from '../../core/pipeline-choice.ts';
import { instant } from './common.ts';
import { jobSchema, taskSchema } from './work.ts';

export const submitRequest = z.strictObject({
  project: z.string().min(1),
  title: z.string().min(1).max(500),
  body: z.string().max(200_000).default(''),
  stage: z.string().nullable().default(null),
  key: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]*-\d+$/, 'a key looks like API-12')
    .nullable()
    .default(null),
  priority: z.number().int().min(-100).max(100).default(0),
  urgent: z.boolean().default(false),
  labels: z.array(z.string().trim().min(1).max(100)).max(50).default([]),
  size: z.enum(SIZES).nullable().default(null),
  pipeline: z.string().min(1).max(100).nullable().default(null),
});
export const enqueueRequest = z.strictObject({
  agent: z.string().min(1),
  repo: z.string().min(1),
  maxAttempts: z.number().int().min(1).max(100).nullable().default(null),
  priority: z.number().int().min(-100).max(100).default(0),
  urgent: z.boolean().default(false),
  note: z.string().max(200_000).nullable().default(null),
});
export const commandRequest = z.strictObject({
  target: z.string().min(1),
  note: z.string().max(20_000).nullable().default(null),
  fromStage: z.string().nullable().default(null),
  account: z.string().nullable().default(null),
  commit: z
    .string()
    .regex(/^[0-9a-f]{4,64}$/, 'a commit is 4 to 64 hexadecimal digits')
    .nullable()
    .default(null),
  reason: z.string().max(20_000).nullable().default(null),
  now: z.boolean().default(false),
});
export const urgentRequest = z.strictObject({ target: z.string().min(1), urgent: z.boolean().default(true) });
export const priorityRequest = z.strictObject({
  target: z.string().min(1),
  priority: z.number().int().min(-100).max(100),
});
export const tickRequest = z.strictObject({
  target: z.string().min(1),
  tests: z.array(z.string().min(1).max(100)).min(1, 'name at least one manual test').max(500),
});
export const pauseRequest = z.strictObject({
  scope: z.enum(['all', 'project', 'account']),
  id: z.string().default(''),
  note: z.string().max(1000).default(''),
  forMs: z.number().int().positive().nullable().default(null),
});
export const stopRequest = z.strictObject({
  scope: z.enum(['all', 'project', 'account']).default('all'),
  id: z.string().default(''),
  note: z.string().max(1000).default(''),
  forMs: z.number().int().positive().nullable().default(null),
  now: z.boolean().default(false),
});
export const shutdownRequest = z.strictObject({ cancel: z.boolean().default(false) });

export const changedSchema = z
  .object({ task: taskSchema.nullable(), job: jobSchema })
  .meta({ id: 'Changed' });
export type ChangedWire = z.infer<typeof changedSchema>;
export const submittedSchema = z.object({ task: taskSchema, created: z.boolean() });
export const pausedSchema = z.object({
  pause: z.object({
    scope: z.enum(['all', 'project', 'account']),
    id: z.string(),
    note: z.string(),
    by: z.string(),
    until: instant.nullable(),
  }),
});
export const resumedSchema = z.object({ resumed: z.boolean() });
export const stoppedSchema = z.object({ ended: z.number().meta({ description: 'runs' }) });
export const begunSchema = z.object({ begun: z.literal(true) });
