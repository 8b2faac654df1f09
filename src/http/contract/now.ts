import { z } from 'zod';
import { warningSchema } from './accounts.ts';
import { instant } from './common.ts';
import { explainSchema } from './explain.ts';
import { destinationSchema } from './outbox.ts';
import { jobSchema, proofSchema, runSchema, taskSchema } from './work.ts';

/** One answer for the first page: is work flowing, if not why, and what needs me. */

export const INBOX_KINDS = [
  'sign_in',
  'approval',
  'question',
  'retries',
  'stalled',
  'budget',
  'conflict',
  'gate',
  'other',
] as const;

export const runningSchema = z.object({
  run: runSchema,
  job: jobSchema,
  title: z.string().nullable().meta({ description: 'of its task' }),
  /** `quiet`: nothing came for three minutes; `stalled`: not for as long as its stage may be silent. */
  state: z.enum(['running', 'quiet', 'stalled']),
  lastOutputAt: instant.nullable(),
  proof: proofSchema.nullable(),
  logBytes: z.number(),
  /** The last thing it said or did, in words. */
  lastWords: z.string().nullable(),
  /** The last tool it called. */
  lastTool: z.object({ tool: z.string(), text: z.string() }).nullable(),
});
export type RunningWire = z.infer<typeof runningSchema>;

export const inboxItemSchema = z.object({
  kind: z.enum(INBOX_KINDS),
  code: z.string(),
  /** Task, job, run, account or project that it is about; empty for all. */
  about: z.string(),
  title: z.string(),
  detail: z.string(),
  since: instant,
  jobsHeld: z.number(),
  actions: explainSchema.shape.reasons.element.shape.actions,
});
export type InboxItemWire = z.infer<typeof inboxItemSchema>;

export const nowSchema = z
  .object({
    schema: z.literal('orch.now/1'),
    rev: z.number().meta({ description: 'of the events: what came later is not in it' }),
    explain: explainSchema,
    running: z.array(runningSchema),
    next: z.array(jobSchema).meta({ description: 'the first ones in the order in which they would start' }),
    inbox: z.array(inboxItemSchema).meta({ description: 'what waits for a person' }),
    lastDay: z.object({
      since: instant,
      runs: z.array(
        z.object({ verdict: z.string(), runs: z.number(), costUsd: z.number(), unknownCosts: z.number() }),
      ),
      hours: z
        .array(
          z.object({
            from: instant,
            runs: z.array(z.object({ verdict: z.string(), runs: z.number() })),
          }),
        )
        .meta({ description: 'the same runs by the hour in which they ended, 24 from `since` on' }),
      tasksDone: z.number(),
      tasksCancelled: z.number(),
      tasks: z.array(taskSchema).meta({ description: 'that ended, the latest first' }),
    }),
    pauses: z.array(
      z.object({
        scope: z.enum(['all', 'project', 'account']),
        id: z.string(),
        note: z.string(),
        by: z.string(),
        since: instant,
        until: instant.nullable(),
      }),
    ),
    configProblem: z.string().nullable(),
    pipelineProblems: z.array(
      z.object({ project: z.string(), problem: z.string(), hint: z.string().nullable() }),
    ),
    warnings: z.array(warningSchema),
    outbox: z.array(destinationSchema),
    version: z.string(),
  })
  .meta({ id: 'Now' });
export type NowWire = z.infer<typeof nowSchema>;
