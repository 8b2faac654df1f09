import { AppError } from '../core/errors.ts';
import { type Run, type Task, worktreeKey } from '../core/model.ts';
import { type PassedGate, passedGates } from '../core/passed-gates.ts';
import { partsOfPatch, type Risk, risksOf } from '../core/risk.ts';
import type { Store } from '../store/store.ts';
import type { CloneProgress, Workspace } from '../workspace/workspace.ts';
import type { Pipelines } from './pipelines.ts';
import type { Runtime } from './runtime.ts';

/** Enough for a person to read; what is longer is cut and says so. */
const MAX_PATCH_BYTES = 1024 * 1024;
const MAX_SUMMARY = 20_000;
/** Documents in which an agent says what it did, the latest stage first. */
const SUMMARIES = ['testing.md', 'review.md', 'architecture.md', 'analysis.md'] as const;

export interface Change {
  readonly from: string;
  readonly to: string;
  readonly stat: { readonly files: number; readonly added: number; readonly deleted: number };
  /** Those with something to look at twice come first. */
  readonly files: readonly (Awaited<ReturnType<Workspace['diff']>>['files'][number] & {
    readonly risks: readonly Risk[];
  })[];
  readonly patch: string;
  /** True when the patch goes on. */
  readonly cut: boolean;
}

/** What people look at in the repositories: what a task changed, and what waits for their word. */
export function createLooks(parts: {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly runtime: () => Runtime;
  readonly pipelines: Pipelines;
}) {
  const { store, workspace } = parts;

  /** Where the task's branch left the base, up to a head. Null before there is a commit, or when it is gone. */
  async function changeOf(task: Task, head: string | null): Promise<Change | null> {
    const project = parts.runtime().projects.get(task.project);
    if (project === undefined || head === null) return null;
    const base = await workspace.baseHead(project.repository).catch(orNone);
    const from = base === null ? null : await workspace.forkPoint(task.project, base, head).catch(orNone);
    return from === null ? null : between(task.project, from, head).catch(orNone);
  }

  async function between(project: string, from: string, to: string): Promise<Change> {
    const [diff, patch] = await Promise.all([
      workspace.diff(project, from, to),
      workspace.patch(project, from, to, MAX_PATCH_BYTES),
    ]);
    const own = partsOfPatch(patch.text);
    const files = diff.files
      .map((file) => ({ ...file, risks: risksOf(file.path, own.get(file.path) ?? null) }))
      .sort((a, b) => b.risks.length - a.risks.length);
    return { from, to, stat: diff.stat, files, patch: patch.text, cut: patch.cut };
  }

  /** Where the round of a run began, and what is needed to compare its clone with that; null = nothing to compare. */
  async function roundOf(run: Run) {
    const job = await store.job(run.jobId);
    const task = run.taskId === null ? null : await store.taskById(run.taskId);
    const since = job?.context.roundHead ?? null;
    const project = job === null ? undefined : parts.runtime().projects.get(job.project);
    if (job === null || project === undefined || since === null) return null;
    return {
      job,
      task,
      project,
      since,
      key: worktreeKey(task, job),
      copied: project.copy.map(({ to }) => to),
    };
  }

  return {
    /** Commits and lines of a live run since its round began; null when there is nothing to compare. */
    async progressOf(run: Run): Promise<CloneProgress | null> {
      const round = await roundOf(run);
      return round === null ? null : workspace.progress(round.project.repository, round);
    },

    /** The gates that were open when a run was started. */
    async gatesOf(run: Run): Promise<PassedGate[]> {
      const job = await store.job(run.jobId);
      const task = run.taskId === null ? null : await store.taskById(run.taskId);
      const { projects, accountRules } = parts.runtime();
      const budget = projects.get(job?.project ?? '')?.budget;
      if (job === null || budget === undefined) return [];
      return passedGates({ run, job, task, budget, checkAuth: accountRules.checkAuth });
    },

    /** All that a task changed up to its head. */
    ofTask: (task: Task): Promise<Change | null> => changeOf(task, task.head),

    /** What a run's round has changed so far: live from its clone, ended up to the task's head. */
    async ofRun(run: Run): Promise<{ patch: string; cut: boolean } | null> {
      const round = await roundOf(run);
      if (round === null) return null;
      const { job, task, project, since, key, copied } = round;
      const live =
        run.status === 'running'
          ? await workspace
              .patchOfClone(project.repository, { key, since, copied, maxBytes: MAX_PATCH_BYTES })
              .catch(orNone)
          : null;
      if (live !== null) return { patch: live.text, cut: live.cut };
      const head = task?.head ?? null;
      if (head === null) return null;
      const patch = await workspace.patch(job.project, since, head, MAX_PATCH_BYTES).catch(orNone);
      return patch === null ? null : { patch: patch.text, cut: patch.cut };
    },

    /** What a task's agents said last, in the documents they hand in; null when there is none. */
    async summaryOf(task: Task): Promise<{ readonly name: string; readonly text: string } | null> {
      for (const name of SUMMARIES) {
        const text = await workspace.readWork(task.project, task.key, name).catch(orNone);
        if (text !== null && text.trim() !== '') return { name, text: text.slice(0, MAX_SUMMARY) };
      }
      return null;
    },

    /** How long a run of a task's stage may be silent. */
    stallMsOf(task: Task | null, stage: string | null): number {
      const rules = task === null ? null : parts.pipelines.rulesFor(task.project, task.pipeline);
      const own = rules?.pipeline.find((each) => each.stage === stage)?.stallMs;
      return own ?? parts.runtime().stallTimeoutMs;
    },

    /** Who may decide at a stage, and what is asked. */
    gateOf(task: Task): { readonly reviewers: readonly string[]; readonly kind: string } {
      const rules = parts.pipelines.rulesFor(task.project, task.pipeline);
      const stage = rules?.pipeline.find(({ stage }) => stage === task.stage);
      return { reviewers: stage?.reviewers ?? [], kind: stage?.kind ?? 'agent' };
    },
  };
}

/** A branch or repository that is gone is nothing to look at; anything else is an error. */
function orNone(error: unknown): null {
  if (error instanceof AppError && error.code.startsWith('workspace.')) return null;
  throw error;
}
