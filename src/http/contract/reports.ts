import { z } from 'zod';
import { SURFACES } from '../../core/audit.ts';
import { RISKS } from '../../core/risk.ts';
import { flag, instant, instantQuery, next, paging } from './common.ts';
import { jobSchema, taskSchema } from './work.ts';

/** What people look at: cost, who did what, what a change is, whether all is well. */

export const USAGE_GROUPS = ['project', 'account', 'model', 'stage', 'task'] as const;
const amounts = {
  runs: z.number(),
  failed: z.number().meta({ description: 'of them, those that did not succeed' }),
  inputTokens: z.number(),
  outputTokens: z.number(),
  cacheReadTokens: z.number(),
  cacheWriteTokens: z.number(),
  turns: z.number(),
  costUsd: z.number(),
  planUsd: z.number().meta({
    description:
      'of `costUsd`, list prices of runs on a plan, whose account reports windows: estimates, not bills',
  }),
  unknownCosts: z.number().meta({ description: 'runs whose cost nobody told; never taken for $0' }),
};
const sums = {
  ...amounts,
  finished: z
    .object({
      tasks: z.number().meta({ description: 'done in the span; one of several keys counts with each' }),
      costUsd: z.number().meta({ description: 'of all their runs of this key, also before the span' }),
      unknownCosts: z.number(),
    })
    .meta({ description: 'what finished tasks took: `costUsd / tasks` is the cost per finished task' }),
};
export const usageQuery = z.object({
  by: z.enum(USAGE_GROUPS).default('project'),
  since: instantQuery,
  until: instantQuery,
  project: z.string().optional(),
  format: z.enum(['json', 'csv']).default('json'),
});
export const usageSchema = z
  .object({
    by: z.enum(USAGE_GROUPS),
    since: instant,
    until: instant,
    rows: z.array(z.object({ key: z.string().nullable(), ...sums })).meta({ description: 'most cost first' }),
    days: z.array(z.object({ day: z.string(), key: z.string().nullable(), ...amounts })),
    total: z.object(sums),
  })
  .meta({ id: 'Usage' });
export type UsageWire = z.infer<typeof usageSchema>;

const facts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).nullable();
export const auditQuery = z.object({
  ...paging,
  by: z.string().optional(),
  action: z.string().optional(),
  surface: z.enum(SURFACES).optional(),
  target: z.string().optional().meta({ description: 'part of it' }),
  since: instantQuery,
  until: instantQuery,
  format: z.enum(['json', 'csv']).default('json'),
});
export const auditEntrySchema = z
  .object({
    id: z.number(),
    at: instant,
    by: z.string(),
    surface: z.enum(SURFACES),
    action: z.string(),
    target: z.string(),
    before: facts,
    after: facts,
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntryWire = z.infer<typeof auditEntrySchema>;
export const auditSchema = z.object({ entries: z.array(auditEntrySchema), next });

export const historySchema = z.object({ entries: z.array(auditEntrySchema) });

export const riskSchema = z.enum(RISKS).meta({ id: 'Risk' });
export const changeFileSchema = z.object({
  path: z.string(),
  from: z.string().nullable().meta({ description: 'where it was before, when it was moved' }),
  status: z.enum(['added', 'deleted', 'modified', 'renamed', 'type_changed']),
  added: z.number().nullable(),
  deleted: z.number().nullable(),
  risks: z.array(riskSchema),
});
export const changeSetSchema = z
  .object({
    from: z.string(),
    to: z.string(),
    stat: z.object({ files: z.number(), added: z.number(), deleted: z.number() }),
    files: z.array(changeFileSchema).meta({ description: 'what to look at twice comes first' }),
    risks: z.array(riskSchema).meta({ description: 'of all files together' }),
  })
  .meta({ id: 'ChangeSet' });
export const diffSchema = z
  .object({ patch: z.string(), cut: z.boolean().meta({ description: 'true when it goes on' }) })
  .meta({ id: 'Diff' });
export const taskDiffSchema = z.object({ diff: diffSchema.extend({ change: changeSetSchema.nullable() }) });
export const runDiffSchema = z.object({ diff: diffSchema });

export const approvalSchema = z
  .object({
    task: taskSchema,
    job: jobSchema,
    stage: z.string(),
    kind: z.string().meta({ description: 'of the stage: human, deploy, agent, command' }),
    /** Bind the decision to it: `commit` of `/approve`. */
    commit: z.string().nullable(),
    since: instant,
    reviewers: z.array(z.string()).meta({ description: 'who may decide; empty: any operator' }),
    mayDecide: z.boolean(),
    change: changeSetSchema.nullable(),
    checks: z
      .object({ green: z.boolean(), commit: z.string().nullable(), passed: z.int(), total: z.int() })
      .meta({
        description:
          "whether the project's checks let this commit pass, where they last did, and how many were green there (both 0: there are none, or it is not known)",
      }),
    findings: z.array(
      z.object({
        severity: z.string(),
        file: z.string().nullable(),
        line: z.number().nullable(),
        title: z.string(),
        detail: z.string(),
      }),
    ),
    summary: z.object({ name: z.string(), text: z.string() }).nullable(),
    costUsd: z.number(),
    unknownCosts: z.number(),
  })
  .meta({ id: 'Approval' });
export type ApprovalWire = z.infer<typeof approvalSchema>;
export const oneApprovalSchema = z.object({ approval: approvalSchema });

export const versionSchema = z.object({
  version: z.string(),
  page: z.string().meta({ description: 'names the build of the page: another one means reload' }),
});

export const findingSchema = z
  .object({
    group: z.string(),
    state: z.enum(['ok', 'warning', 'error', 'skipped']),
    text: z.string(),
    fix: z.string().nullable(),
  })
  .meta({ id: 'Finding' });
export const healthQuery = z.object({ fresh: flag });
export const healthSchema = z
  .object({
    checkedAt: instant,
    findings: z.array(findingSchema).meta({ description: 'the same as of `orch doctor`' }),
    errors: z.number(),
    warnings: z.number(),
    schedulerTickAgeMs: z.number().nullable(),
    version: z.string(),
    database: z.object({
      engine: z.string(),
      engineVersion: z.string(),
      schema: z.number(),
      bytes: z.number(),
    }),
    workers: z
      .array(
        z.object({
          id: z.string(),
          version: z.string(),
          slots: z.number(),
          used: z.number(),
          lastHeartbeatAt: instant.nullable().meta({ description: 'its last tick; null: none yet' }),
        }),
      )
      .meta({ description: 'processes that execute runs: this one' }),
    queue: z.object({
      ready: z.number().meta({ description: 'jobs that nothing holds and that have not started' }),
      oldest: z
        .object({ job: z.string(), task: z.string().nullable(), since: instant })
        .nullable()
        .meta({ description: 'of them, the one that waits the longest: the lag of the queue' }),
    }),
    disk: z.object({
      freeBytes: z.number().nullable().meta({ description: 'on the fullest disk that Orch writes to' }),
      worktrees: z.number(),
    }),
  })
  .meta({ id: 'Health' });
export type HealthWire = z.infer<typeof healthSchema>;

export const BULK_ACTIONS = ['retry', 'cancel', 'urgent', 'not_urgent', 'priority', 'move'] as const;
export const bulkRequest = z
  .strictObject({
    action: z.enum(BULK_ACTIONS),
    ids: z.array(z.string().min(1)).min(1).max(1000).nullable().default(null),
    /** As of `GET /jobs`: all that match, at most 1000. */
    filter: z
      .strictObject({
        state: z.string().optional(),
        status: z.string().optional(),
        reason: z.string().optional(),
        project: z.string().optional(),
        stage: z.string().optional(),
        account: z.string().optional(),
        agent: z.string().optional(),
        q: z.string().max(200).optional(),
      })
      .nullable()
      .default(null),
    note: z.string().max(20_000).nullable().default(null),
    account: z.string().nullable().default(null),
    priority: z.number().int().min(-100).max(100).nullable().default(null),
    stage: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .meta({ description: 'of `move`: where each task goes back to, an earlier one of its pipeline' }),
    now: z.boolean().default(false),
  })
  .refine((r) => (r.ids === null) !== (r.filter === null), 'name ids or a filter, not both')
  .refine((r) => r.action !== 'priority' || r.priority !== null, {
    path: ['priority'],
    message: 'the action priority needs one',
  })
  .refine((r) => r.action !== 'move' || r.stage !== null, {
    path: ['stage'],
    message: 'the action move needs one',
  });
export const bulkSchema = z
  .object({
    done: z.number(),
    refused: z.number(),
    results: z.array(
      z.object({
        id: z.string(),
        ok: z.boolean(),
        error: z.object({ code: z.string(), title: z.string(), hint: z.string().nullable() }).nullable(),
      }),
    ),
    more: z.boolean().meta({ description: 'true when more than 1000 match the filter: repeat' }),
  })
  .meta({ id: 'Bulk' });
