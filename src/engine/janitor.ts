import { setImmediate } from 'node:timers/promises';
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

/** Half-made drafts of killed processes are that old at least. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;
/** So far back `why --at` can tell. */
const LEDGER_KEPT_MS = 30 * 24 * 60 * 60 * 1000;
const FORGET_EVERY_MS = 60 * 60 * 1000;
/** Runs of one task that are looked through for its last. */
const MAX_RUNS = 10_000;

/**
 * Removes worktrees nobody works in any more: of a task that is done, of a job without a task that is
 * done, of a deploy whose run has ended. What is only there is salvaged, the project's teardown runs,
 * branch and documents stay. It looks at what is on disk, so what ended while Orch was down goes too;
 * what it does not know stays. A worktree that cannot be removed is tried again at the next start. It also
 * forgets what the ledger has kept for long enough.
 */
export function createJanitor(parts: JanitorParts) {
  const { store, workspace, log } = parts;
  const ending = new AbortController();
  /** Worktrees on their way out, by path. */
  const leaving = new Map<string, Promise<void>>();
  const kept = new Set<string>();
  let tidying: Promise<void> | null = null;
  let forgetting: Promise<void> | null = null;
  let forgetTimer: NodeJS.Timeout | undefined;
  let again = false;
  let unsubscribe = (): void => {};

  async function tidy(): Promise<void> {
    for (const [key, project] of parts.runtime().projects)
      for (const name of await workspace.clones(key)) {
        if (ending.signal.aborted) return;
        const path = workspace.pathOf(key, name);
        if (kept.has(path)) continue;
        // Said before it is looked up: a claim made after the look waits, one made before is seen.
        const gone = Promise.withResolvers<void>();
        leaving.set(path, gone.promise);
        try {
          const run = await lastRunOf(key, name);
          if (run !== null) await leave(project, { project: key, key: name, path }, run);
        } catch (error) {
          if (!ending.signal.aborted) {
            kept.add(path);
            log.error({ project: key, worktree: name, error: messageOf(error) }, 'worktree not removed');
          }
        } finally {
          leaving.delete(path);
          gone.resolve();
        }
      }
  }

  /** The last run in a worktree that nobody works in any more; null when it is to stay. */
  async function lastRunOf(project: string, name: string): Promise<Run | null> {
    const task = await store.task(name);
    if (task !== null) {
      if (task.project !== project || task.status !== 'done') return null;
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
    const isDone = job !== null && job.taskId === null && job.project === project && job.status === 'done';
    return isDone ? last({ jobId: job.id }) : null;
  }

  async function last(filter: { taskId?: number; jobId?: number }): Promise<Run | null> {
    return (await store.runs({ ...filter, limit: MAX_RUNS })).items.at(-1) ?? null;
  }

  async function leave(
    project: RuntimeProject,
    worktree: { readonly project: string; readonly key: string; readonly path: string },
    run: Run,
  ): Promise<void> {
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

  /** A part at a time, so that nobody waits long for the database. */
  async function forget(): Promise<void> {
    const before = parts.clock() - LEDGER_KEPT_MS;
    while (!ending.signal.aborted && (await store.forget(before)) > 0) await setImmediate();
  }

  function forgetNow(): void {
    forgetting ??= forget()
      .catch((error: unknown) => log.error({ error: messageOf(error) }, 'ledger not pruned'))
      .finally(() => {
        forgetting = null;
      });
  }

  async function loop(): Promise<void> {
    do {
      again = false;
      await tidy().catch((error: unknown) => log.error({ error: messageOf(error) }, 'tidying failed'));
    } while (again && !ending.signal.aborted);
    tidying = null;
  }

  function wake(): void {
    again = true;
    if (!ending.signal.aborted) tidying ??= loop();
  }

  return {
    /** Begins to tidy: now, and on every change of the store. Call it when left runs are taken over. */
    async start(): Promise<void> {
      unsubscribe = store.onWake(() => queueMicrotask(wake));
      await workspace
        .sweep(new Date(parts.clock() - LEFTOVER_AGE_MS))
        .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'leftovers not swept'));
      forgetTimer = setInterval(forgetNow, FORGET_EVERY_MS);
      forgetNow();
      wake();
    },
    wake,
    /** Resolves when the worktree is not on its way out: a claimed job waits for this before it goes in. */
    async vacated(path: string): Promise<void> {
      await leaving.get(path);
    },
    /** Ends a running teardown; its worktree stays, and is the next start's. */
    async stop(): Promise<void> {
      unsubscribe();
      clearInterval(forgetTimer);
      ending.abort();
      await Promise.all([tidying, forgetting]);
    },
  };
}

export type Janitor = ReturnType<typeof createJanitor>;
