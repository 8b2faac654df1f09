import { z } from 'zod';
import { instant } from './common.ts';

/** The line itself, and what goes through it: projects, pauses, what a task changes, what a run was told. */

export const projectSchema = z
  .object({
    key: z.string(),
    base: z.string().meta({ description: 'its base branch' }),
    maxConcurrency: z.number(),
    accounts: z.array(z.string()),
    pipelines: z.array(
      z.object({ name: z.string(), stages: z.array(z.object({ stage: z.string(), kind: z.string() })) }),
    ),
  })
  .meta({ id: 'Project' });
export type ProjectWire = z.infer<typeof projectSchema>;
export const projectsSchema = z.object({
  projects: z.array(projectSchema),
  slots: z.number().meta({ description: 'runs at once on this machine' }),
});

/** In force, whether it holds a job or not. */
export const pauseSchema = z
  .object({
    scope: z.enum(['all', 'project', 'account']),
    id: z.string().meta({ description: 'empty for all' }),
    note: z.string(),
    by: z.string(),
    since: instant,
    until: instant.nullable(),
  })
  .meta({ id: 'Pause' });
export type PauseWire = z.infer<typeof pauseSchema>;
export const pausesSchema = z.object({ pauses: z.array(pauseSchema) });

const patch = z.object({
  text: z.string().meta({ description: 'unified' }),
  isCut: z.boolean().meta({ description: 'there is more of it' }),
});
export const changesSchema = z
  .object({
    from: z.string().nullable().meta({ description: 'where the branch left the base' }),
    head: z.string().nullable().meta({ description: 'what Orch last took; null before the first commit' }),
    files: z.array(
      z.object({
        path: z.string(),
        status: z.enum(['added', 'modified', 'deleted', 'renamed', 'type_changed']),
        from: z.string().optional(),
        added: z.number().nullable().meta({ description: 'lines; null for a binary file' }),
        deleted: z.number().nullable(),
        risk: z
          .enum(['agent', 'ci', 'hooks', 'lifecycle', 'migration', 'secrets', 'deploy'])
          .nullable()
          .meta({ description: 'it may do more than its own text' }),
      }),
    ),
    stat: z.object({ files: z.number(), added: z.number(), deleted: z.number() }),
    commits: z.array(z.object({ sha: z.string(), author: z.string(), subject: z.string(), at: instant })),
    patch,
    work: patch.nullable().meta({ description: 'what a live run has beyond the head; null when none runs' }),
  })
  .meta({ id: 'Changes' });
export type ChangesWire = z.infer<typeof changesSchema>;

export const promptSchema = z.object({
  prompt: z.string().nullable().meta({ description: 'null when it is not kept any more' }),
});
