import { approve, reject } from '../core/approvals.ts';
import type { Audit } from '../core/audit.ts';
import { liftBudget, withinBudget } from '../core/budget.ts';
import type { CommandContext, CommandState } from '../core/command.ts';
import { answer, cancel, comment, moveBack, type RetryOptions, retry, tick } from '../core/commands.ts';
import type { Effects } from '../core/effects.ts';
import { AppError } from '../core/errors.ts';
import { dependencies, edited, hear, type Remark, withThread } from '../core/feed.ts';
import { withStatuses } from '../core/forge-words.ts';
import type { Job, Task } from '../core/model.ts';
import { withMoves } from '../core/moves.ts';
import { stageNamed, waitsForPerson } from '../core/pipeline.ts';
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
      ...(actor.names === undefined ? {} : { names: actor.names }),
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
    const audit: Audit = { ...actor, action, target: about, at: clock() };
    return store.command(
      target,
      (state) => {
        const project = parts.runtime().projects.get(state.job.project);
        const budget = project?.budget ?? null;
        const asked = decide(state, target);
        // Asking for another try is how a person lets a spent task go on; nothing else does.
        const allowed =
          action === 'retry' ? liftBudget(asked, state, budget) : withinBudget(asked, state, budget);
        const moved = withMoves(allowed, state, {
          hears: project?.rules.hears ?? project === undefined,
          now: clock(),
        });
        const effects = withStatuses(moved, state, commandContext(actor, state).project);
        const replies = actor.replies ?? [];
        return replies.length === 0
          ? effects
          : { ...effects, outbox: [...(effects.outbox ?? []), ...replies] };
      },
      { ...audit, ...(actor.once === undefined ? {} : { once: actor.once }) },
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
    /** Back to an earlier stage of its pipeline; see `moveBack`. */
    move: (name: string, to: { stage: string; note: string | null }, actor: Actor) =>
      command(actor, 'retry', name, (state) => moveBack(state, to, commandContext(actor, state))),
    answer: (name: string, text: string, actor: Actor) =>
      command(actor, 'answer', name, (state) => answer(state, text, commandContext(actor, state))),
    /** A person's word on a task, from a surface of ours; see `comment`. */
    comment: (name: string, text: string, actor: Actor) =>
      command(actor, 'comment', name, (state) => comment(state, text, commandContext(actor, state))),
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
    /** The item of a task is not wanted any more, says its tracker: as a cancel, but the item is left as it is. */
    async drop(name: string, actor: Actor) {
      const result = await command(actor, 'cancel', name, (state) => {
        const effects = cancel(state, true, commandContext(actor, state));
        const rows = effects.outbox?.filter(({ message }) => message.kind !== 'tracker.status');
        return rows === undefined ? effects : { ...effects, outbox: rows };
      });
      await stopRunsOf(result.job.id, false);
      return result;
    },
    /** The item of a cancelled task is wanted again: it goes on where it stopped. */
    revive: (name: string, actor: Actor) =>
      command(actor, 'retry', name, (state) => {
        const { task, job } = state;
        if (task?.status !== 'cancelled') return {};
        const fromStage = job.status === 'done' ? task.stage : null;
        return retry(state, { note: null, fromStage, account: null }, commandContext(actor, state));
      }),
    /** Something was said on an item or pull request: the answer, when its task asks, else for whoever works on it next. */
    hear: (name: string, remark: Remark, actor: Actor) =>
      command(actor, 'comment', name, (state) => {
        if (state.job.hold !== 'question.pending') return hear(state, remark);
        const effects = answer(state, remark.text, commandContext(actor, state));
        // It stands there already.
        const rows = effects.outbox?.filter(({ message }) => message.kind !== 'tracker.comment') ?? [];
        const thread = withThread(state.task?.thread ?? '', remark);
        return { ...effects, task: { ...effects.task, thread }, outbox: rows };
      }),
    /** What is behind a changed item: see `edited`. */
    edited: (name: string, item: { title: string; body: string }, actor: Actor) =>
      command(actor, 'edit', name, (state) => edited(state, item, actor.by)),
    /** Holds a first job for the items that it depends on, or lets it go; see `dependencies`. */
    dependencies: (name: string, open: readonly string[], actor: Actor) =>
      command(actor, open.length === 0 ? 'free' : 'wait', name, (state) => {
        const { project } = commandContext(actor, state);
        const stage = project === null ? null : stageNamed(project.pipeline, state.job.stage ?? '');
        const held = stage !== null && waitsForPerson(stage) ? 'approval.pending' : null;
        return dependencies(state, open, held);
      }),
    /** What the forge told of a task: decided like a command, on the rows as they are then. */
    async heard(
      key: string,
      action: string,
      actor: Actor,
      decide: (state: CommandState, context: CommandContext) => Effects,
    ) {
      const changed = await changedAtHead(key);
      return command(actor, action, key, (state) =>
        decide(state, { ...commandContext(actor, state), ...(changed == null ? {} : { changed }) }),
      );
    },
    /** The task's latest job; null when there is no such task. */
    async latestJob(key: string): Promise<Job | null> {
      const task = await store.task(key);
      if (task === null) return null;
      return (await store.jobs({ taskId: task.id, limit: MAX_JOBS })).items.at(-1) ?? null;
    },
    targetOf,
  };
}

/** Jobs of one task that are read to find its latest. */
const MAX_JOBS = 1000;
