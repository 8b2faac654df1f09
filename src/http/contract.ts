import { z } from 'zod';
import { SIZES } from '../core/pipeline-choice.ts';

/** Wire schemas of `/api/v1`, shared by server, CLI and (later) the page. Instants are ISO strings. */

const instant = z.string();

const scopeSchema = z.object({ kind: z.string(), id: z.string(), label: z.string() });

export const holdSchema = z.object({
  code: z.string(),
  scope: scopeSchema,
  state: z.enum(['waiting', 'needs_you']),
  title: z.string(),
  since: instant,
  clearsAt: instant.nullable(),
  clearsWhen: z.string(),
  detail: z.string(),
  fix: z.string().nullable(),
});
export type HoldWire = z.infer<typeof holdSchema>;

export const jobSchema = z.object({
  id: z.string(),
  task: z.string().nullable(),
  project: z.string(),
  repo: z.string(),
  branch: z.string(),
  stage: z.string().nullable(),
  agent: z.string().nullable(),
  account: z.string().nullable(),
  status: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
  attempts: z.number(),
  maxAttempts: z.number(),
  transientAttempts: z.number(),
  lostAttempts: z.number(),
  availableAt: instant.nullable(),
  error: z.string().nullable(),
  verdict: z.string().nullable(),
  priority: z.number(),
  /** Goes first in its project, and at times before the turn of other projects. */
  urgent: z.boolean(),
  hold: holdSchema.nullable(),
  createdAt: instant,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
});
export type JobWire = z.infer<typeof jobSchema>;

export const runSchema = z.object({
  id: z.string(),
  jobId: z.string(),
  taskId: z.number().nullable(),
  attempt: z.number(),
  agent: z.string().nullable(),
  cli: z.object({ kind: z.string(), version: z.string().nullable() }).nullable(),
  account: z.string().nullable(),
  pid: z.number().nullable(),
  status: z.enum(['running', 'ended']),
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  resultOk: z.boolean().nullable(),
  verdict: z.string().nullable(),
  reason: z.string().nullable(),
  sessionId: z.string().nullable(),
  usage: z.object({
    inputTokens: z.number(),
    outputTokens: z.number(),
    cacheReadTokens: z.number(),
    cacheWriteTokens: z.number(),
    turns: z.number(),
    costUsd: z.number().nullable(),
  }),
  logPath: z.string(),
  startedAt: instant,
  finishedAt: instant.nullable(),
});
export type RunWire = z.infer<typeof runSchema>;

const traceSchema = z.object({
  head: z.string().nullable(),
  criteria: z
    .array(
      z.object({
        id: z.string(),
        text: z.string(),
        requirements: z.array(z.string()).readonly(),
        tests: z
          .array(
            z.object({
              id: z.string(),
              kind: z.enum(['automated', 'command', 'manual']),
              what: z.string(),
              state: z.enum(['passed', 'failed', 'not_proven', 'missing', 'ticked', 'to_tick']),
              detail: z.string(),
            }),
          )
          .readonly(),
      }),
    )
    .readonly(),
});

export const taskSchema = z.object({
  id: z.number(),
  key: z.string(),
  project: z.string(),
  title: z.string(),
  stage: z.string(),
  status: z.enum(['active', 'needs_you', 'done', 'cancelled']),
  urgent: z.boolean(),
  reason: z.object({ code: z.string(), detail: z.string() }).nullable(),
  branch: z.string(),
  head: z.string().nullable(),
  pr: z.object({ number: z.number(), url: z.string().nullable(), state: z.string() }).nullable(),
  rounds: z.record(z.string(), z.number()),
  costUsd: z.number(),
  /** Runs whose cost nobody told; not part of `costUsd`. */
  unknownCosts: z.number(),
  pipeline: z.string(),
  labels: z.array(z.string()),
  size: z.string().nullable(),
  trace: traceSchema.nullable(),
  createdAt: instant,
  updatedAt: instant,
});
export type TaskWire = z.infer<typeof taskSchema>;

export const taskDetailSchema = taskSchema.extend({
  body: z.string(),
  jobs: z.array(jobSchema),
  runs: z.array(runSchema),
});
export type TaskDetailWire = z.infer<typeof taskDetailSchema>;

/** A project as orch.yaml has it, for a surface that lays its stages out. */
export const projectSchema = z.object({
  key: z.string(),
  base: z.string(),
  maxConcurrency: z.number(),
  accounts: z.array(z.string()),
  pipelines: z.array(
    z.object({ name: z.string(), stages: z.array(z.object({ stage: z.string(), kind: z.string() })) }),
  ),
});
export type ProjectWire = z.infer<typeof projectSchema>;

/** A pause in force, whether it holds a job or not. */
export const pauseSchema = z.object({
  scope: z.enum(['all', 'project', 'account']),
  id: z.string(),
  note: z.string(),
  by: z.string(),
  since: instant,
  until: instant.nullable(),
});
export type PauseWire = z.infer<typeof pauseSchema>;

/** Something about an account that holds nothing yet. */
export const warningSchema = z.object({
  code: z.string(),
  account: z.string(),
  title: z.string(),
  detail: z.string(),
  /** When it will hold the account. */
  at: instant,
  /** The command that prevents it. */
  fix: z.string(),
});
export type WarningWire = z.infer<typeof warningSchema>;

export const accountSchema = z.object({
  id: z.string(),
  agent: z.string(),
  home: z.string(),
  signIn: z.object({
    state: z.string(),
    source: z.string().nullable(),
    expiresAt: instant.nullable(),
    detail: z.string(),
  }),
  hold: z
    .object({
      code: z.string(),
      since: instant.nullable(),
      until: instant.nullable(),
      /** True when `until` is a guess: the vendor named no time that holds. */
      guessed: z.boolean(),
      /** When one run is let through to find out; null = nothing is tried. */
      probeAt: instant.nullable(),
      detail: z.string(),
    })
    .nullable(),
  cli: z.object({
    /** As it last answered `--version`; null before it did. */
    version: z.string().nullable(),
    /** False while one run at a time tries it; null when there is no version. */
    proven: z.boolean().nullable(),
    /** Set while runs use the binary of an earlier version, as a person chose. */
    lastGood: z
      .object({
        version: z.string(),
        bin: z.string(),
        insteadOf: z.string(),
        by: z.string(),
        since: instant,
      })
      .nullable(),
  }),
  breaker: z.object({ state: z.string(), failures: z.number(), probeAt: instant.nullable() }),
  slots: z.number(),
  running: z.number(),
  windows: z.array(
    z.object({
      name: z.string(),
      utilization: z.number().nullable(),
      resetAt: instant.nullable(),
      /** When the CLI reported it. */
      seenAt: instant,
    }),
  ),
  warnings: z.array(warningSchema),
  loginCommand: z.string(),
});
export type AccountWire = z.infer<typeof accountSchema>;

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

export const explainSchema = z.object({
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
});
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
  now: z.boolean().default(false),
});
export const shutdownRequest = z.strictObject({ cancel: z.boolean().default(false) });

export const salvageRestoreRequest = z
  .strictObject({
    directory: z.string().min(1).nullable().default(null),
    branch: z.string().min(1).nullable().default(null),
    ref: z.string().min(1).nullable().default(null),
  })
  .refine((r) => (r.directory === null) !== (r.branch === null), 'name a directory or a branch, not both');
export const salvagePruneRequest = z.strictObject({
  project: z.string().nullable().default(null),
  olderThanMs: z.number().int().positive(),
});

/** A message that was given up, or is tried in vain so far. */
export const messageSchema = z.object({
  id: z.string(),
  destination: z.string(),
  what: z.string(),
  task: z.string().nullable(),
  state: z.enum(['dead', 'stuck']),
  tries: z.number(),
  /** The receiver may have taken it all the same: a repeat looks first, or says so. */
  mayBeDone: z.boolean(),
  error: z.string(),
  createdAt: instant,
  deadAt: instant.nullable(),
  nextTryAt: instant.nullable(),
});
export type MessageWire = z.infer<typeof messageSchema>;

/** A destination that does not answer, or has messages that were given up. */
export const destinationSchema = z.object({
  name: z.string(),
  dead: z.number(),
  unansweredSince: instant.nullable(),
  nextTryAt: instant.nullable(),
  error: z.string(),
});
export type DestinationWire = z.infer<typeof destinationSchema>;

const messageId = z
  .string()
  .regex(/^(msg_)?\d{1,15}$/, 'a message is named like msg_12')
  .transform((text) => Number(text.replace('msg_', '')));
export const outboxRetryRequest = z
  .strictObject({
    ids: z.array(messageId).min(1).max(1000).nullable().default(null),
    destination: z
      .string()
      .regex(/^(notify|(tracker|forge):.+)$/, 'a destination is notify, tracker:PROJECT or forge:PROJECT')
      .nullable()
      .default(null),
  })
  .refine((r) => r.ids === null || r.destination === null, 'name messages or a destination, not both');
export const outboxDropRequest = z.strictObject({
  id: messageId,
  reason: z.string().trim().min(1, 'say why').max(1000),
});

export const problemSchema = z.object({
  code: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  hint: z.string().optional(),
});
export type ProblemWire = z.infer<typeof problemSchema>;
