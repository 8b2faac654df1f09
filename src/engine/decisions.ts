import { approve, reject } from '../core/approvals.ts';
import type { Audit } from '../core/audit.ts';
import { liftBudget, withinBudget } from '../core/budget.ts';
import { type CommandContext } from '../core/command.ts';
import { answer, cancel, type RetryOptions, retry, tick } from '../core/commands.ts';
import { AppError } from '../core/errors.ts';
import type { Job, Task } from '../core/model.ts';
import { setPriority, setUrgent } from '../core/urgent.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store, Target } from '../store/store.ts';
import type { Attempts } from './attempt.ts';
import type { Actor } from './intake.ts';
import type { Pipelines } from './pipelines.ts';
import type { Runtime } from './runtime.ts';

/**
 * What people decide about a task or a job, named by task key, job or run: each is written with who
 * did it, once, and refused with the fix when it does not fit.
 */
export function createDecisions(parts: {
  readonly store: Store;
  readonly pipelines: Pipelines;
  readonly attempts: Attempts;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
}) {
  const { store, pipelines, attempts, clock } = parts;

  function commandContext(actor: Actor, { task }: { task: Task | null }): CommandContext {
    return {
      project: task === null ? null : pipelines.rulesFor(task.project, task.pipeline),
      maxAttempts: parts.runtime().maxAttempts,
      by: actor.by,
      now: clock(),
    };
  }

  async function command(
    actor: Actor,
    action: string,
    name: string,
    decide: (
      state: { task: Task | null; job: Job; superseded: boolean },
      target: Target,
    ) => ReturnType<typeof approve>,
    about = name,
  ) {
    const target = await targetOf(name);
    const audit: Audit = { by: actor.by, surface: actor.surface, action, target: about, at: clock() };
    return store.command(
      target,
      (state) => {
        const effects = decide(state, target);
        const budget = parts.runtime().projects.get(state.job.project)?.budget ?? null;
        // Asking for another try is how a person lets a spent task go on; nothing else does.
        return action === 'retry' ? liftBudget(effects, state, budget) : withinBudget(effects, state, budget);
      },
      audit,
    );
  }

  /** Files that a task changed up to its head, for the stages behind the one that waits. */
  async function changedAtHead(name: string): Promise<CommandContext['changed']> {
    const target = await targetOf(name);
    const job = target.kind === 'job' ? await store.job(target.id) : null;
    const task =
      target.kind === 'task'
        ? await store.task(target.key)
        : job === null || job.taskId === null
          ? null
          : await store.taskById(job.taskId);
    if (task === null || task.head === null) return null;
    const paths = await pipelines.changedBy(task, task.stage, task.head);
    return paths === null ? null : { head: task.head, paths };
  }

  async function targetOf(name: string): Promise<Target> {
    const job = /^job_(\d+)$/.exec(name)?.[1];
    if (job !== undefined) return { kind: 'job', id: Number(job) };
    const runId = /^run_(\d+)$/.exec(name)?.[1];
    if (runId === undefined) return { kind: 'task', key: name };
    const run = await store.run(Number(runId));
    if (run === null) throw new AppError(`there is no ${name}`, { code: 'not_found', hint: 'orch runs' });
    return { kind: 'job', id: run.jobId };
  }

  async function stopRunsOf(jobId: number, now: boolean): Promise<void> {
    for (const { run } of attempts.live()) if (run.jobId === jobId) await attempts.stop(run.id, { now });
  }

  return {
    async approve(name: string, commit: string | null, actor: Actor) {
      const changed = await changedAtHead(name);
      return command(actor, 'approve', name, (state) =>
        approve(state, commit, { ...commandContext(actor, state), ...(changed == null ? {} : { changed }) }),
      );
    },
    reject: (name: string, reason: string, actor: Actor) =>
      command(actor, 'reject', name, (state) => reject(state, reason, commandContext(actor, state))),
    retry: (name: string, retryOptions: RetryOptions, actor: Actor) => {
      if (retryOptions.account !== null && !parts.runtime().accounts.has(retryOptions.account))
        throw new AppError(`there is no account ${retryOptions.account}`, {
          code: 'account.unknown',
          hint: `one of ${[...parts.runtime().accounts.keys()].join(', ')}`,
        });
      return command(actor, 'retry', name, (state) =>
        retry(state, retryOptions, commandContext(actor, state)),
      );
    },
    answer: (name: string, text: string, actor: Actor) =>
      command(actor, 'answer', name, (state) => answer(state, text, commandContext(actor, state))),
    /** A person has looked at manual tests of a task. */
    tick: (name: string, tests: readonly string[], actor: Actor) =>
      command(
        actor,
        'tick',
        name,
        (state) => tick(state, tests, commandContext(actor, state)),
        `${name} ${tests.join(' ')}`,
      ),
    /** Makes a task or a job urgent, or no longer. */
    urgent: (name: string, on: boolean, actor: Actor) =>
      command(actor, on ? 'urgent' : 'not urgent', name, (state) => setUrgent(state, on)),
    /** Higher goes first inside its project. */
    priority: (name: string, priority: number, actor: Actor) =>
      command(actor, 'priority', name, (state) => setPriority(state, priority), `${name} ${priority}`),
    /** Cancels a task (by key) or one job (by job or run id); a live run is ended, its work is kept. */
    async cancel(name: string, now: boolean, actor: Actor) {
      const result = await command(actor, 'cancel', name, (state, target) =>
        cancel(state, target.kind === 'task', commandContext(actor, state)),
      );
      await stopRunsOf(result.job.id, now);
      return result;
    },
    targetOf,
  };
}
