import { z } from 'zod';

/** The line itself: its projects, and what its agents were told. */

export const projectSchema = z
  .object({
    key: z.string(),
    tracker: z.string().meta({ description: 'kind of where its items live: plane, gitea, github, local' }),
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

export const promptSchema = z.object({
  prompt: z.string().nullable().meta({ description: 'null when it is not kept any more' }),
});
