import { AppError, messageOf } from '../core/errors.ts';
import { deployKey, type Run, runName } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { projectVariables } from './environment.ts';
import type { Machine } from './machine.ts';
import type { Runtime, RuntimeProject } from './runtime.ts';

export interface JanitorParts {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly machine: Machine;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
  readonly log: Logger;
  readonly baseEnv: Readonly<Record<string, string>>;
}

/** Worktrees that are torn down at the same time: one that hangs delays few others, and only up to its limit. */
const MAX_LEAVING = 4;
/** A walk looks at every worktree there is; changes of the store come far more often than a worktree is left. */
const WALK_GAP_MS = 2000;
/** Runs of one task that are looked through for its last. */
const MAX_RUNS = 10_000;

/**
 * Removes worktrees nobody works in any more: of a task that is done, of a job without a task that is
 * done, of a deploy whose run has ended; and after `retention.worktrees` those of cancelled tasks, and of
 * such jobs that failed or were cancelled. What is only there is salvaged, the project's teardown runs,
 * branch and documents stay. It looks at what is on disk, so what ended while Orch was down goes too;
 * what it does not know stays.
 */
export function createJanitor(parts: JanitorParts) {
  const { store, workspace, log } = parts;
  const ending = new AbortController();
  /** Worktrees on their way out, or looked at for that, by path. */
  const leaving = new Map<string, Promise<void>>();
  const removals = new Set<Promise<void>>();
  /** Could not be removed: left alone until `retry`. */
  const kept = new Set<string>();
  let tidying: Promise<void> | null = null;
  let again = false;
  let unsubscribe = (): void => {};
  let walkedAt = Number.NEGATIVE_INFINITY;
  let walk: NodeJS.Timeout | undefined;

  async function tidy(): Promise<void> {
    for (const [key, project] of parts.runtime().projects)
      for (const name of await workspace.clones(key)) {
        // The end of any of them wakes us again.
        if (ending.signal.aborted || removals.size >= MAX_LEAVING) return;
        const path = workspace.pathOf(key, name);
        if (!kept.has(path) && !leaving.has(path)) await look(project, { project: key, key: name, path });
      }
  }

  /** Begins to remove a worktree when it may go. */
  async function look(project: RuntimeProject, worktree: Worktree): Promise<void> {
    const { path } = worktree;
    // Said before it is looked up: a claim made after the look waits, one made before is seen.
    const gone = Promise.withResolvers<void>();
    leaving.set(path, gone.promise);
    const unmark = () => {
      leaving.delete(path);
      gone.resolve();
    };
    const giveUp = (error: unknown) => {
      if (ending.signal.aborted) return;
      kept.add(path);
      log.error(
        { project: worktree.project, worktree: worktree.key, error: messageOf(error) },
        'worktree not removed',
      );
    };
    const run = await lastRunOf(worktree.project, worktree.key).catch(giveUp);
    if (run === null || run === undefined) return unmark();
    const removal = leave(project, worktree, run)
      .catch(giveUp)
      .finally(() => {
        unmark();
        removals.delete(removal);
        wake();
      });
    removals.add(removal);
  }

  /** The last run in a worktree that nobody works in any more; null when it is to stay. */
  async function lastRunOf(project: string, name: string): Promise<Run | null> {
    const task = await store.task(name);
    if (task !== null) {
      const isOver = task.status === 'done' || (task.status === 'cancelled' && isOutlived(task.updatedAt));
      if (task.project !== project || !isOver) return null;
      const open = await store.jobs({ taskId: task.id, status: ['queued', 'running'], limit: 1 });
      return open.items.length > 0 ? null : last({ taskId: task.id });
    }
    const deploy = /-deploy-run_(\d+)$/.exec(name)?.[1];
    if (deploy !== undefined) {
      const run = await store.run(Number(deploy));
      if (run === null || run.taskId === null || run.status !== 'ended') return null;
      const owner = await store.taskById(run.taskId);
      const isOurs = owner !== null && owner.project === project && deployKey(owner, run) === name;
      return isOurs ? run : null;
    }
    const id = /^job-(\d+)$/.exec(name)?.[1];
    const job = id === undefined ? null : await store.job(Number(id));
    if (job === null || job.taskId !== null || job.project !== project) return null;
    const isOver =
      job.status === 'done' ||
      ((job.status === 'failed' || job.status === 'cancelled') &&
        isOutlived(job.finishedAt ?? job.createdAt));
    return isOver ? last({ jobId: job.id }) : null;
  }

  /** Whether what a person might still want back has been kept for long enough. */
  function isOutlived(since: number): boolean {
    const { worktreesMs } = parts.runtime().retention;
    return worktreesMs !== 'never' && since < parts.clock() - worktreesMs;
  }

  async function last(filter: { taskId?: number; jobId?: number }): Promise<Run | null> {
    return (await store.runs({ ...filter, limit: MAX_RUNS })).items.at(-1) ?? null;
  }

  async function leave(project: RuntimeProject, worktree: Worktree, run: Run): Promise<void> {
    const fields = { project: worktree.project, worktree: worktree.key, runId: runName(run.id) };
    const env = await projectVariables(project).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      log.warn({ ...fields, error: error.message }, 'teardown runs without the variables of env_file');
      return project.env;
    });
    const { failed, salvaged } = await parts.machine.leaveWorktree(
      {
        workspace,
        project: { setup: project.setup, teardown: project.teardown, env },
        baseEnv: {
          ...parts.baseEnv,
          HOME: await parts.machine.commandHome(parts.runtime().worktreesDir, worktree.project),
        },
        run,
        signal: ending.signal,
      },
      project.repository,
      { ...worktree, copied: project.copy.map((each) => each.to) },
    );
    for (const problem of failed) log.warn({ ...fields, problem }, 'teardown failed');
    log.info({ ...fields, salvaged }, 'worktree removed');
  }

  async function loop(): Promise<void> {
    do {
      again = false;
      walkedAt = parts.clock();
      await tidy().catch((error: unknown) => log.error({ error: messageOf(error) }, 'tidying failed'));
    } while (again && !ending.signal.aborted);
    tidying = null;
  }

  function wake(): void {
    again = true;
    if (!ending.signal.aborted) tidying ??= loop();
  }

  /** As `wake`, with a pause after the last walk; what changes meanwhile is seen by the one that follows it. */
  function soon(): void {
    if (ending.signal.aborted || walk !== undefined) return;
    const waitMs = Math.max(1, Math.min(WALK_GAP_MS, walkedAt + WALK_GAP_MS - parts.clock()));
    walk = setTimeout(() => {
      walk = undefined;
      wake();
    }, waitMs);
  }

  return {
    /** Begins to tidy: now, and soon after every change of the store. Call it when left runs are taken over. */
    start(): void {
      unsubscribe = store.onWake(soon);
      wake();
    },
    wake,
    /** As `wake`, and what could not be removed is tried again. */
    retry(): void {
      kept.clear();
      wake();
    },
    /** Resolves when the worktree is not on its way out: a claimed job waits for this before it goes in. */
    async vacated(path: string): Promise<void> {
      await leaving.get(path);
    },
    /** Ends running teardowns; their worktrees stay, and are the next start's. */
    async stop(): Promise<void> {
      unsubscribe();
      clearTimeout(walk);
      ending.abort();
      await Promise.all([tidying, ...removals]);
    },
  };
}

export type Janitor = ReturnType<typeof createJanitor>;

interface Worktree {
  readonly project: string;
  readonly key: string;
  readonly path: string;
}
