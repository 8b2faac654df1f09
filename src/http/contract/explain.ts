import { z } from 'zod';
import { warningSchema } from './accounts.ts';
import { instant, instantQuery, scopeSchema } from './common.ts';
import { destinationSchema } from './outbox.ts';
import { holdSchema, jobSchema, proofSchema, runSchema, taskSchema } from './work.ts';

const explainReasonSchema = z.object({
  code: z.string(),
  scope: scopeSchema,
  state: z.enum(['waiting', 'needs_you']),
  title: z.string(),
  detail: z.string(),
  jobsHeld: z.number(),
  byProject: z.record(z.string(), z.number()),
  sample: z.array(z.string()),
  since: instant,
  clearsAt: instant.optional(),
  clearsWhen: z.string(),
  evidence: z.object({ observedAt: instant, source: z.string(), text: z.string() }),
  actions: z.array(
    z.object({
      id: z.string(),
      label: z.string(),
      role: z.enum(['viewer', 'operator', 'admin']),
      cli: z.string().optional(),
    }),
  ),
});

export const explainSchema = z
  .object({
    schema: z.literal('orch.explain/1'),
    generatedAt: instant,
    /** The instant it speaks of, when that is not now. */
    at: instant.optional(),
    schedulerTickAgeMs: z.number(),
    verdict: z.enum(['working', 'idle', 'waiting', 'needs_you', 'unknown']),
    headline: z.string(),
    lastRunEndedAt: instant.optional(),
    nextChange: z.object({ at: instant, what: z.string() }).optional(),
    counts: z.object({ running: z.number(), queued: z.number(), waiting: z.number(), needsYou: z.number() }),
    reasons: z.array(explainReasonSchema),
    checks: z.array(
      z.object({
        code: z.string(),
        state: z.enum(['ok', 'waiting', 'needs_you', 'unknown']),
        value: z.string(),
      }),
    ),
  })
  .meta({ id: 'Explain' });
export type Explain = z.infer<typeof explainSchema>;

/** What a job was doing at an instant, and if it waited, why. */
export const whyAtSchema = z.object({
  schema: z.literal('orch.why/1'),
  at: instant,
  task: z.string().nullable(),
  /** `id`, `status` and `hold` are of that instant; null when there was no job yet. */
  job: z
    .object({
      id: z.string(),
      status: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
      run: z.string().nullable(),
      hold: holdSchema.nullable(),
    })
    .nullable(),
});
export type WhyAtWire = z.infer<typeof whyAtSchema>;

export const explainQuery = z.object({
  project: z.string().optional(),
  job: z.string().optional(),
  task: z.string().optional(),
  at: instantQuery,
});
export const atQuery = z.object({ at: instantQuery });

export const statusQuery = z.object({ project: z.string().optional() });
export const statusSchema = z
  .object({
    verdict: explainSchema.shape.verdict,
    headline: z.string(),
    configProblem: z.string().nullable().meta({ description: 'why the changed orch.yaml is not in force' }),
    pipelineProblems: z.array(
      z.object({ project: z.string(), problem: z.string(), hint: z.string().nullable() }),
    ),
    warnings: z.array(warningSchema),
    chats: z
      .array(z.object({ channel: z.string(), problem: z.string() }))
      .meta({ description: 'chats whose people are not heard, and why' }),
    webhooks: z
      .array(z.object({ kind: z.string(), takenAt: instant.nullable(), refusedAt: instant.nullable() }))
      .meta({ description: 'when deliveries of a vendor last came, and were last refused' }),
    schedulerTickAgeMs: z.number().nullable(),
    jobs: z.record(jobSchema.shape.status, z.number()),
    tasks: z.record(taskSchema.shape.status, z.number()),
    outbox: z.array(destinationSchema),
    running: z.array(
      z.object({
        run: runSchema,
        job: jobSchema,
        lastOutputAt: instant.nullable(),
        proof: proofSchema.nullable(),
      }),
    ),
  })
  .meta({ id: 'Status' });
export type StatusWire = z.infer<typeof statusSchema>;
