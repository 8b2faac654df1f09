import { mergedElsewhere } from '../core/approvals.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { Task } from '../core/model.ts';
import { stageNamed } from '../core/pipeline.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { createDecisions } from './decisions.ts';
import type { Pipelines } from './pipelines.ts';
import type { Runtime } from './runtime.ts';

/** Tasks looked at per interval: each look asks the remote. The next ones come next time. */
const BATCH = 20;

/**
 * Looks at the branches that wait for an approval: one that somebody merged goes on to its deploy
 * command, one whose pull request was closed is cancelled. A forge that cannot be reached says nothing.
 */
export function createMergeWatch(parts: {
  readonly store: Store;
  readonly pipelines: Pipelines;
  readonly decisions: ReturnType<typeof createDecisions>;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
  readonly log: Logger;
  readonly intervalMs: number;
}) {
  const { store, pipelines, decisions, clock, log } = parts;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> = Promise.resolve();
  let stopped = false;
  /** The last task looked at; 0 begins anew. */
  let after = 0;

  async function look(): Promise<void> {
    let looks = 0;
    while (!stopped && looks < BATCH) {
      const page = await store.tasks({ status: ['needs_you'], after, limit: BATCH });
      for (const task of page.items) {
        after = task.id;
        if (!isWaiting(task)) continue;
        await lookAt(task);
        looks += 1;
      }
      if (page.next !== null) continue;
      after = 0;
      return;
    }
  }

  function isWaiting(task: Task): boolean {
    if (task.reason?.code !== 'approval.pending' || task.head === null) return false;
    const rules = pipelines.rulesFor(task.project, task.pipeline);
    return rules !== null && stageNamed(rules.pipeline, task.stage)?.kind === 'deploy';
  }

  async function lookAt(task: Task): Promise<void> {
    const project = parts.runtime().projects.get(task.project);
    if (project === undefined || task.head === null || stopped) return;
    try {
      const { kind } = await project.forge.look({
        pr: task.pr,
        branch: task.branch,
        base: project.base,
        head: task.head,
      });
      if (kind === 'open') return;
      log.info({ key: task.key, kind }, 'the branch was decided on elsewhere');
      if (kind === 'closed') await decisions.cancel(task.key, false, { by: 'orch', surface: 'orch' });
      else
        await store.command({ kind: 'task', key: task.key }, mergedElsewhere, {
          ...{ by: 'orch', surface: 'orch', action: 'merged elsewhere' },
          ...{ target: task.key, at: clock() },
        });
    } catch (error) {
      // Decided by somebody in this very moment, or out of reach: the next look tells.
      const level = error instanceof AppError ? 'debug' : 'error';
      log[level]({ key: task.key, error: messageOf(error) }, 'a waiting branch could not be looked at');
    }
  }

  function later(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      looking = look()
        .catch((error: unknown) =>
          log.error({ error: messageOf(error) }, 'waiting branches were not looked at'),
        )
        .then(later);
    }, parts.intervalMs);
  }

  return {
    start: later,
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
