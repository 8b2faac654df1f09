import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../core/errors.ts';
import { deployKey, type Run, runName, worktreeKey } from '../core/model.ts';
import { hasLiveSupervisor } from '../launcher/launcher.ts';
import { runsOnDisk } from '../launcher/run-directories.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import { removeTree } from '../workspace/remove-tree.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Age, Runtime } from './runtime.ts';

export interface UpkeepParts {
  readonly store: Store;
  readonly workspace: Workspace;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
  readonly log: Logger;
  /** Looks at the worktrees again, those that could not be removed included. */
  readonly tidyWorktrees: () => void;
}

/** Between two pieces of work: whoever waits for the disk or the database has its turn. */
const PAUSE_MS = 20;
/** What one pass removes at most, of one kind; the next one goes on. */
const MAX_REMOVALS = 500;
/** Half-made things of killed processes are that old at least. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;
/** Runs of one task that are looked through for its last. */
const MAX_RUNS = 10_000;

/**
 * Forgets what is kept for a while only (`retention`), sweeps what killed processes left, and packs the
 * repositories: at the start and every hour, a piece at a time with pauses between. What is still needed
 * stays however old it is: a run that lives or is not settled, the last run of an open task or of a worktree,
 * salvage of an open task. What the database does not know stays too: it cannot tell whether it is needed.
 */
export function createUpkeep(parts: UpkeepParts) {
  const { store, workspace, log, clock } = parts;
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let passing: Promise<void> | null = null;
  let turn = 0;

  const steps: readonly (readonly [what: string, step: () => Promise<void>])[] = [
    ['ledger', forgetLedger],
    ['messages', forgetMessages],
    ['run folders', forgetRuns],
    ['salvage', forgetSalvage],
    ['unknown shapes', forgetShapes],
    ['leftovers', sweep],
    ['repositories', repackOne],
  ];

  async function pass(): Promise<void> {
    parts.tidyWorktrees();
    for (const [what, step] of steps) {
      if (ending.signal.aborted) return;
      await step().catch((error: unknown) => {
        if (!ending.signal.aborted) log.error({ what, error: messageOf(error) }, 'upkeep failed');
      });
    }
  }

  function before(age: Age): number {
    return age === 'never' ? 0 : clock() - age;
  }

  const pause = () => sleep(PAUSE_MS, undefined, { signal: ending.signal, ref: false });

  async function unlessEnding<T>(work: Promise<T>): Promise<T> {
    const ended = Promise.withResolvers<never>();
    const give = () => ended.reject(new Error('ending'));
    ending.signal.addEventListener('abort', give);
    try {
      return await Promise.race([work, ended.promise]);
    } finally {
      ending.signal.removeEventListener('abort', give);
    }
  }

  async function forgetLedger(): Promise<void> {
    const until = before(parts.runtime().retention.ledgerMs);
    while ((await store.forget(until)) > 0) await pause();
  }

  async function forgetMessages(): Promise<void> {
    const { outboxMs, unknownShapesMs } = parts.runtime().retention;
    const until = { messages: before(outboxMs), shapes: before(unknownShapesMs) };
    for (let after: number | null = 0; after !== null; await pause())
      after = (await store.forgetMessages(until, after)).next;
  }

  async function forgetRuns(): Promise<void> {
    const { runsDir, retention } = parts.runtime();
    const until = before(retention.runsMs);
    const lasts = new Map<string, number | null>();
    let removed = 0;
    for (const id of await runsOnDisk(runsDir)) {
      if (removed >= MAX_REMOVALS || ending.signal.aborted) break;
      const run = await store.run(id);
      if (run === null || run.status !== 'ended' || run.finishedAt === null || run.finishedAt >= until)
        continue;
      // The folder of this installation, whatever the row says: a restored database may name another.
      const directory = join(runsDir, runName(id));
      if (hasLiveSupervisor(directory) || (await isNeeded(run, lasts))) continue;
      await removeTree(directory);
      removed += 1;
      await pause();
    }
    if (removed > 0) log.info({ removed }, 'run folders removed');
  }

  async function isNeeded(run: Run, lasts: Map<string, number | null>): Promise<boolean> {
    const job = await store.job(run.jobId);
    if (job === null) return true;
    const task = run.taskId === null ? null : await store.taskById(run.taskId);
    const isOpen =
      task === null
        ? job.status === 'queued' || job.status === 'running'
        : task.status === 'active' || task.status === 'needs_you';
    const names = [worktreeKey(task, job), ...(task === null ? [] : [deployKey(task, run)])];
    // Its teardown keeps its output there.
    const hasWorktree = await anyExists(names.map((name) => workspace.pathOf(job.project, name)));
    if (!isOpen && !hasWorktree) return false;
    const owner = task === null ? { jobId: job.id } : { taskId: task.id };
    const key = JSON.stringify(owner);
    if (!lasts.has(key))
      lasts.set(key, (await store.runs({ ...owner, limit: MAX_RUNS })).items.at(-1)?.id ?? null);
    return lasts.get(key) === run.id;
  }

  async function forgetSalvage(): Promise<void> {
    const until = before(parts.runtime().retention.salvageMs);
    for (const project of parts.runtime().projects.keys()) {
      const old = (await workspace.listSalvage(project)).filter(({ at }) => at < until).slice(-MAX_REMOVALS);
      if (old.length === 0) continue;
      const going = new Set<string>();
      for (const { name, note } of old) if (await isOver(note.key)) going.add(name);
      const pruned = await workspace.pruneSalvage(project, new Date(until), ({ name }) => !going.has(name));
      if (pruned.length > 0) log.info({ project, pruned }, 'old salvage forgotten');
      await pause();
    }
  }

  async function forgetShapes(): Promise<void> {
    const { shapesDir, retention } = parts.runtime();
    if (retention.unknownShapesMs === 'never') return;
    const until = machineTime() - retention.unknownShapesMs;
    for await (const path of olderThan(until, shapesDir)) {
      if (ending.signal.aborted) return;
      await removeTree(path);
      log.info({ path }, 'log of an unknown shape removed');
      await pause();
    }
  }

  /** Whether the task or job of a worktree is over; false for one that is not known. */
  async function isOver(name: string): Promise<boolean> {
    const task = await store.task(name.replace(/-deploy-run_\d+$/, ''));
    if (task !== null) return task.status === 'done' || task.status === 'cancelled';
    const id = /^job-(\d+)$/.exec(name)?.[1];
    const job = id === undefined ? null : await store.job(Number(id));
    return job !== null && job.status !== 'queued' && job.status !== 'running';
  }

  async function sweep(): Promise<void> {
    const until = machineTime() - LEFTOVER_AGE_MS;
    await workspace.sweep(new Date(until));
    for await (const path of olderThan(until, parts.runtime().scratchDir, 'check-')) {
      await removeTree(path);
      log.info({ path }, 'folder of a killed project check removed');
    }
  }

  /** One project a pass, in turn, and only while nothing runs there: git has the repository to itself. */
  async function repackOne(): Promise<void> {
    const busy = new Set((await store.running()).map(({ job }) => job.project));
    const idle = [...parts.runtime().projects.keys()].filter((key) => !busy.has(key));
    for (let looked = 0; looked < idle.length; looked++) {
      const project = idle[turn++ % idle.length] ?? '';
      const started = performance.now();
      // Nobody waits for git at a stop: it ends with this process, and half a pack is swept later.
      if (!(await unlessEnding(workspace.repack(project, clock())))) continue;
      log.info({ project, seconds: Math.round((performance.now() - started) / 1000) }, 'repository packed');
      return;
    }
  }

  function passNow(): Promise<void> {
    passing ??= pass().finally(() => {
      passing = null;
    });
    return passing;
  }

  return {
    /** Null: only when asked. */
    start(everyMs: number | null): void {
      if (everyMs === null) return;
      timer = setInterval(() => void passNow(), everyMs);
      timer.unref();
      void passNow();
    },
    /** One pass, or the one that is under way. Never throws. */
    pass: passNow,
    async stop(): Promise<void> {
      clearInterval(timer);
      ending.abort();
      await passing;
    },
  };
}

/** Files are stamped by the machine, whatever clock we were given: what is in use must not look old. */
function machineTime(): number {
  return Date.now();
}

/** What was last changed before that, in a folder that need not be there. */
async function* olderThan(until: number, folder: string, prefix = ''): AsyncGenerator<string> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null); // gone already
    if (name.startsWith(prefix) && found !== null && found.mtimeMs < until) yield path;
  }
}

async function anyExists(paths: readonly string[]): Promise<boolean> {
  const found = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
