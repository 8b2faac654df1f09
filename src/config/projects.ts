import { z } from 'zod';
import type { DestinationKind } from '../core/destination-kind.ts';
import { SIZES } from '../core/pipeline-choice.ts';
import {
  amount,
  branch,
  branchTemplate,
  innerPath,
  name,
  nameKey,
  repository,
  text,
  variables,
} from './fields.ts';
import { DEFAULT_PIPELINE, stageSchema } from './stages.ts';
import type { Kinds } from './types.ts';

const commands = () => z.array(text()).max(100).default([]);

const budget = z.strictObject({
  usd_per_task: amount().optional().describe('US dollars for one task.'),
  usd_per_day: amount().optional().describe('US dollars in a UTC day.'),
  tokens_per_day: amount().optional().describe('Tokens in a UTC day: input, output, cache read and write.'),
});

const workspace = z.strictObject({
  setup: commands().describe('Commands that prepare a worktree; run again when a lockfile changes.'),
  teardown: commands().describe('Commands that run before a worktree is removed.'),
  copy: z
    .array(innerPath())
    .max(100)
    .prefault([])
    .describe('Files beside orch.yaml that are copied into each worktree; never committed.'),
  env: variables(z.string())
    .prefault({})
    .describe('Variables for setup, checks and the agent. Values are text.'),
  env_file: text().optional().describe('File of further variables, one `NAME=value` a line.'),
});

const git = z.strictObject({
  name: z
    .string()
    .regex(/^[^<>\p{Cc}]+$/u, { error: 'is not a plain name' })
    .default('Orch')
    .describe('Author of the commits.'),
  email: z
    .string()
    .regex(/^[^<>\s\p{Cc}]+$/u, { error: 'is not an address' })
    .default('orch@localhost')
    .describe('Address of that author.'),
  branch: branchTemplate().prefault('orch/{key}-{slug}').describe('Pattern of task branches.'),
});

const pipeline = () => z.array(stageSchema).min(1).max(50);

const size = z.enum(SIZES);

const furtherPipeline = z
  .strictObject({
    when: z
      .strictObject({
        labels: z.array(text()).max(100).default([]).describe('The work item has one of these labels.'),
        size: z
          .union([size, z.array(size).max(SIZES.length)], { error: 'is none of the allowed values' })
          .meta({ examples: ['small'] })
          .transform((value) => [value].flat())
          .prefault([])
          .describe('The work item has this size, or one of a list: `small`, `medium`, `large`.'),
      })
      .optional()
      .describe('Work items that take this pipeline. Without it, it is taken only when asked for by name.'),
    stages: pipeline()
      .optional()
      .describe('Stages, as in `pipeline`. `full` has those of `pipeline`, `quick` brings its own.'),
  })
  .meta({ examples: [{ when: { labels: ['quick'] } }] });

export function projectSchema(kinds: Kinds) {
  return z.strictObject({
    repo: repository().describe('Repository: any git address, or a path.'),
    base: branch().prefault('main').describe('Branch that tasks start from and are merged into.'),
    tracker: kindUnion(kinds.trackers)
      .prefault({ kind: 'local' })
      .describe('Where the issues live; `local` is the board of Orch itself.'),
    forge: kindUnion(kinds.forges)
      .prefault({ kind: 'local' })
      .describe('Where the code is merged; `local` merges in the repository itself.'),
    accounts: z
      .array(name())
      .max(100)
      .default([])
      .describe('Accounts that may work here. The first is used; see failover.'),
    failover: z
      .enum(['never', 'on_hold'])
      .default('never')
      .describe('`on_hold` lets later accounts take new work, in their order, while the first is held.'),
    weight: z.number().positive().max(1000).default(1).describe('Share of the runs against other projects.'),
    max_concurrency: z.int().min(1).max(1000).default(1).describe('Runs of this project at the same time.'),
    open_prs: z
      .int()
      .min(1)
      .max(1000)
      .default(3)
      .describe('Unmerged pull requests at the same time: while there are so many, no new work starts.'),
    budget: budget
      .prefault({})
      .describe(
        'Spending after which no new agent starts and a person is asked. What nobody knows the cost of is not counted.',
      ),
    workspace: workspace.prefault({}).describe('How a worktree is prepared.'),
    checks: commands().describe('Commands that must be green before a change moves on.'),
    reports: z
      .array(innerPath())
      .max(100)
      .prefault([])
      .describe(
        'JUnit files that the checks write, as paths or patterns (`*`, `**`), for traceability. What matches is out of the way while checks run, so name nothing that they need.',
      ),
    artefacts: z
      .enum(['off', 'branch'])
      .default('off')
      .describe('`branch` commits the documents of a task to `docs/work-items/KEY/`.'),
    trace: z
      .enum(['auto', 'off'])
      .default('auto')
      .describe(
        'Traceability of criteria and tests; `auto` is on when the pipeline has analysis and testing.',
      ),
    usage_comments: z
      .enum(['tracker', 'pr', 'off'])
      .default('tracker')
      .describe('Where the tokens and cost of a stage are told.'),
    git: git.prefault({}).describe('How Orch commits.'),
    pipeline: pipeline()
      .prefault(() => DEFAULT_PIPELINE.map((stage) => ({ ...stage })))
      .describe('Stages a task walks, in order. Default: the six stages from analysis to deploy.'),
    pipelines: z
      .record(nameKey(), furtherPipeline)
      .prefault({})
      .describe('Further pipelines by name. The first whose `when` fits is taken, else `full`.'),
  });
}

/** One strict object per available kind, with the keys that its adapter brings. */
function kindUnion(kinds: readonly DestinationKind[]) {
  const [first, ...others] = kinds.map(({ kind, keys }) =>
    z.strictObject({ kind: z.literal(kind).describe(`The kind \`${kind}\`.`), ...keys }),
  );
  if (first === undefined) throw new Error('no kind is available');
  return z.discriminatedUnion('kind', [first, ...others]);
}

export type ProjectInput = z.output<ReturnType<typeof projectSchema>>;
