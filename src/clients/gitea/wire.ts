import { z } from 'zod';

/** What we rely on of Gitea's answers, and nothing more: what else is in them may change as it likes. */

const id = z.int();
/** Null, missing and an empty list are the same thing to Gitea, told apart by nobody. */
const many = <T extends z.ZodType>(of: T) =>
  z
    .array(of)
    .nullish()
    .transform((list) => list ?? []);
const words = z
  .string()
  .nullish()
  .transform((text) => text ?? '');
/** Epoch ms; 0 for the zero times that Gitea sends instead of null (`0001-01-01T00:00:00Z`). */
const time = z
  .string()
  .nullish()
  .transform((text) => {
    const at = Date.parse(text ?? '');
    return Number.isNaN(at) || at < 0 ? 0 : at;
  });

export const user = z.object({ id, login: z.string() });
export const label = z.object({ id, name: z.string() });
export const version = z.object({ version: z.string() });
export const token = z.object({ scopes: many(z.string()) });

export const repository = z.object({
  full_name: z.string(),
  default_branch: z.string(),
  archived: z.boolean().default(false),
  permissions: z.object({ admin: z.boolean(), push: z.boolean(), pull: z.boolean() }).optional(),
});

export const issue = z.object({
  number: id,
  title: z.string(),
  body: words,
  state: z.enum(['open', 'closed']),
  html_url: words,
  labels: many(label),
  assignees: many(user),
  milestone: z.object({ title: z.string() }).nullish(),
  user: user.nullish(),
  pull_request: z.object({}).nullish(),
  created_at: time,
  updated_at: time,
});

export const comment = z.object({
  id,
  body: words,
  html_url: words,
  user: user.nullish(),
  created_at: time,
  updated_at: time,
});

const branchInfo = z.object({
  /** The branch, or `refs/pull/N/head` when it is gone. */
  ref: z.string(),
  sha: words,
  /** -1: the fork was deleted. */
  repo_id: id,
});

export const pull = z.object({
  number: id,
  title: z.string(),
  body: words,
  state: z.enum(['open', 'closed']),
  draft: z.boolean().default(false),
  html_url: words,
  merged: z.boolean(),
  merge_commit_sha: z.string().nullish(),
  merge_base: words,
  /** False also while it is checked, and for every draft. */
  mergeable: z.boolean(),
  user: user.nullish(),
  head: branchInfo,
  base: branchInfo,
});

export const review = z.object({
  id,
  user: user.nullish(),
  state: z.string(),
  body: words,
  commit_id: words,
  dismissed: z.boolean().default(false),
  comments_count: z.int().default(0),
  submitted_at: time,
});

export const reviewComment = z.object({
  path: z.string(),
  body: words,
  /** Line in the file; 0 when it is about a line that is gone. */
  position: z.int().default(0),
});

export const changedFile = z.object({ filename: z.string() });

export const status = z.object({
  id,
  context: z.string(),
  status: z.string(),
  description: words,
  target_url: words,
});
export const combined = z.object({ statuses: many(status) });

/** Readable by everyone who may read; the protection itself is the administrators'. */
export const branch = z.object({
  protected: z.boolean(),
  required_approvals: z.int().default(0),
  enable_status_check: z.boolean(),
  status_check_contexts: many(z.string()),
  effective_branch_protection_name: words,
});

export const protection = z.object({
  block_on_rejected_reviews: z.boolean().default(false),
  block_on_outdated_branch: z.boolean().default(false),
});

export const permission = z.object({ permission: z.string() });

export const hook = z.object({
  id,
  type: z.string(),
  active: z.boolean(),
  events: many(z.string()),
  config: z
    .record(z.string(), z.string())
    .nullish()
    .transform((config) => config ?? {}),
});

const workflowRun = z.object({
  id,
  path: words,
  status: z.string(),
  conclusion: words,
  html_url: words,
});
export const workflowRuns = z.object({ workflow_runs: many(workflowRun) });
const workflowJob = z.object({
  id,
  name: z.string(),
  status: z.string(),
  conclusion: words,
  html_url: words,
});
export const workflowJobs = z.object({ jobs: many(workflowJob) });

export type GiteaUser = z.output<typeof user>;
export type GiteaIssue = z.output<typeof issue>;
export type GiteaPull = z.output<typeof pull>;
export type GiteaStatus = z.output<typeof status>;
