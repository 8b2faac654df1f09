import { AppError } from './errors.ts';
import { type Job, jobName, type Task } from './model.ts';
import { type Stage, stageNamed } from './pipeline.ts';
import { missingRules, type ProjectRules } from './task.ts';

/**
 * What people may do to a task or job. Each decider is pure, checks that the command fits the state,
 * and throws an `AppError` with the fix when it does not. Repeating a command that already holds
 * changes nothing.
 */
export interface CommandState {
  readonly task: Task | null;
  /** The job meant, or the task's latest job. */
  readonly job: Job;
  /** True when the task has a newer job than this one. */
  readonly superseded?: boolean;
}

export interface CommandContext {
  /** The rules of the task's pipeline. */
  readonly project: ProjectRules | null;
  /** Files the task changed at a head, where a later stage asks for them; another head means not measured. */
  readonly changed?: { readonly head: string; readonly paths: readonly string[] } | null;
  readonly maxAttempts: number;
  readonly by: string;
  /** By what else a stage may name them among its reviewers, beside `by`. */
  readonly names?: readonly string[];
  readonly now: number;
}

/** The stage of a job, where its task's pipeline still has it. */
export function stageOf(c: CommandContext, job: Job) {
  return c.project === null || job.stage === null ? null : stageNamed(c.project.pipeline, job.stage);
}

/**
 * The stage of a job where it matters which one it is: a yes to one that nobody knows would let it start as
 * something else. Throws `project.unknown`, `stage.unknown`.
 */
export function knownStageOf(c: CommandContext, task: Task, job: Job): Stage {
  const stage = stageNamed(rulesOf(c, task).pipeline, job.stage ?? '');
  if (stage !== null) return stage;
  throw new AppError(`stage ${job.stage} is no longer in the pipeline of ${task.project}`, {
    code: 'stage.unknown',
    hint: `put it back into orch.yaml, or orch retry ${task.key} --from-stage STAGE`,
  });
}

/** Throws `project.unknown` when the task has lost its rules. */
export function rulesOf(c: CommandContext, task: Task): ProjectRules {
  if (c.project !== null) return c.project;
  throw new AppError(`${missingRules(task)} is not in the configuration`, {
    code: 'project.unknown',
    hint: `put it back into orch.yaml, or orch cancel ${task.key}`,
  });
}

/** Tells people that an incident is over. */
export function resolvedRow(job: Job, incident: string, outcome?: string) {
  return {
    destination: 'notify',
    key: `resolved:${incident}:${jobName(job.id)}:${job.fence}`,
    orderKey: `notify:${incident}`,
    availableAt: null,
    message: {
      kind: 'notify.resolved' as const,
      incident,
      ...(outcome === undefined ? {} : { outcome }),
    },
  };
}
