import { z } from 'zod';
import { flag, instant, listOf, next, paging, scopeSchema } from './common.ts';

export const holdSchema = z
  .object({
    code: z.string(),
    scope: scopeSchema,
    state: z.enum(['waiting', 'needs_you']),
    title: z.string(),
    since: instant,
    clearsAt: instant.nullable(),
    clearsWhen: z.string(),
    detail: z.string(),
    fix: z.string().nullable(),
  })
  .meta({ id: 'Hold' });
export type HoldWire = z.infer<typeof holdSchema>;

export const jobSchema = z
  .object({
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
  })
  .meta({ id: 'Job' });
export type JobWire = z.infer<typeof jobSchema>;

export const runSchema = z
  .object({
    id: z.string(),
    jobId: z.string(),
    taskId: z.number().nullable(),
    attempt: z.number(),
    agent: z.string().nullable(),
    cli: z.object({ kind: z.string(), version: z.string().nullable() }).nullable(),
    account: z.string().nullable(),
    /** The model that was asked for; null = the CLI's own choice, or not known. */
    model: z.string().nullable(),
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
  })
  .meta({ id: 'Run' });
export type RunWire = z.infer<typeof runSchema>;

/** What shows that a live run works, beside its log; null where it is not known (yet). */
export const proofSchema = z
  .object({
    cpuShare: z.number().nullable().meta({
      description: 'of one processor, by the process tree between the last two looks: 1.5 = one and a half',
    }),
    cpuSeconds: z.number().nullable().meta({ description: 'by the process tree since the start' }),
    commits: z.number().nullable().meta({ description: 'since its round began' }),
    change: z
      .object({ files: z.number(), added: z.number(), deleted: z.number() })
      .nullable()
      .meta({ description: 'since its round began, committed or not' }),
    lookedAt: instant.nullable().meta({ description: 'at the worktree; every 10 s while somebody asks' }),
  })
  .meta({ id: 'Proof' });
export type ProofWire = z.infer<typeof proofSchema>;

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

export const taskSchema = z
  .object({
    id: z.number(),
    key: z.string(),
    project: z.string(),
    title: z.string(),
    stage: z.string(),
    status: z.enum(['active', 'needs_you', 'done', 'cancelled']),
    urgent: z.boolean(),
    reason: z.object({ code: z.string(), detail: z.string() }).nullable(),
    tracker: z
      .object({ url: z.string().meta({ description: 'http or https' }) })
      .nullable()
      .meta({
        description: 'where its item is looked at; null on the board of Orch itself, or while not known',
      }),
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
  })
  .meta({ id: 'Task' });
export type TaskWire = z.infer<typeof taskSchema>;

export const taskDetailSchema = taskSchema.extend({
  body: z.string(),
  usualMs: z.record(z.string(), z.number()).meta({
    description:
      'how long a run of a stage of its project usually takes: the median of the last that ended well',
  }),
  thread: z.string().meta({ description: 'comments on its item by people with write access, oldest first' }),
  said: z.array(z.object({ kind: z.enum(['question', 'answer']), at: instant, text: z.string() })).meta({
    description: 'what its agents asked and people answered, oldest first, while messages are kept',
  }),
  jobs: z.array(jobSchema),
  runs: z.array(runSchema),
});
export type TaskDetailWire = z.infer<typeof taskDetailSchema>;

const JOB_STATUSES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
const TASK_STATUSES = ['active', 'needs_you', 'done', 'cancelled'] as const;
const sort = z
  .enum(['id', '-id'])
  .default('id')
  .meta({ description: '`id`: oldest first; `-id`: newest first' });

export const jobsQuery = z.object({
  ...paging,
  sort,
  status: listOf(JOB_STATUSES),
  state: listOf(['queued', 'waiting', 'needs_you', 'running', 'done', 'failed', 'cancelled']).meta({
    description: 'as people see it: of the queued ones, those that wait for themselves or for a person apart',
  }),
  reason: z
    .string()
    .optional()
    .meta({ description: 'code of the reason that holds it, such as account.limit' }),
  project: z.string().optional(),
  stage: z.string().optional(),
  account: z.string().optional(),
  agent: z.string().optional().meta({ description: 'role' }),
  q: z.string().max(200).optional().meta({ description: 'part of key, title, branch or error' }),
});
export const jobsSchema = z.object({ jobs: z.array(jobSchema), next }).meta({ id: 'Jobs' });
export const oneJobSchema = z.object({ job: jobSchema });

export const runsQuery = z.object({
  ...paging,
  sort,
  task: z.string().optional(),
  job: z.string().optional(),
  status: z.enum(['running', 'ended']).optional(),
  verdict: z.string().optional().meta({ description: 'one or more, separated by commas' }),
  project: z.string().optional(),
  account: z.string().optional(),
  agent: z.string().optional().meta({ description: 'role' }),
});
export const runsSchema = z.object({ runs: z.array(runSchema), next }).meta({ id: 'Runs' });
export const oneRunQuery = z.object({
  look: flag.meta({ description: 'wait a moment for the first look at the worktree of a live run' }),
});
export const oneRunSchema = z.object({
  run: runSchema,
  proof: proofSchema.nullable().meta({ description: 'of a live run' }),
  turns: z
    .object({
      count: z.number().meta({ description: "messages of the model, its subagents' too" }),
      minutes: z
        .array(z.object({ at: instant, newInputTokens: z.number() }))
        .meta({ description: 'the last 13 at most, oldest first: input and cache writes, not cache reads' }),
    })
    .nullable()
    .meta({ description: 'of a live run, where the log of its CLI tells as it goes' }),
  gates: z
    .array(z.object({ gate: z.string(), text: z.string() }))
    .meta({ description: 'that were open when it was started, in the order of the dispatcher' }),
});
export type OneRunWire = z.infer<typeof oneRunSchema>;

export const tasksQuery = z.object({
  ...paging,
  sort,
  status: listOf(TASK_STATUSES),
  project: z.string().optional(),
  stage: z.string().optional(),
  label: z.string().optional(),
  q: z.string().max(200).optional().meta({ description: 'part of key or title' }),
});
export const tasksSchema = z.object({ tasks: z.array(taskSchema), next }).meta({ id: 'Tasks' });
export const oneTaskSchema = z.object({ task: taskDetailSchema });
