import { type Brief, briefOf, type Changed } from '../core/brief.ts';
import type { DispatchState, Reason } from '../core/dispatch-state.ts';
import type { TaskFilter } from '../core/filters.ts';
import type { Job, Task } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';
import type { BranchChanges } from './branch-changes.ts';
import type { Runtime } from './runtime.ts';

const MAX_ROWS = 500;
const MAX_NEXT = 7;
/** A person who never looked is told of the last day. */
const FIRST_MS = 24 * 60 * 60 * 1000;

/** What people read when they come back. */
export function createBrief(parts: {
  readonly store: Store;
  readonly changes: BranchChanges;
  readonly runtime: () => Runtime;
  readonly state: () => DispatchState | null;
  readonly reason: (job: Job) => Promise<Reason | null>;
  readonly clock: Clock;
}) {
  const { store, clock } = parts;

  async function sinceOf(who: string, now: number): Promise<number> {
    const looked = Number((await store.meta(lookKey(who))) ?? Number.NaN);
    return Number.isFinite(looked) ? looked : now - FIRST_MS;
  }

  async function all(filter: Pick<TaskFilter, 'status' | 'changedSince'>): Promise<Task[]> {
    const found: Task[] = [];
    for (let after: number | undefined; ; ) {
      const page = await store.tasks({
        ...filter,
        limit: MAX_ROWS,
        ...(after === undefined ? {} : { after }),
      });
      found.push(...page.items);
      if (page.next === null) return found;
      after = page.next;
    }
  }

  return {
    /**
     * Since `who` last looked, or since an instant. Looking is remembered, per person, unless it is a peek at what
     * is new.
     */
    async brief(
      who: string,
      options: { readonly since: number | null; readonly peek: boolean },
    ): Promise<Brief> {
      const now = clock();
      const since = options.since ?? (await sinceOf(who, now));
      const [done, waiting, failed, queued, counts, accounts] = await Promise.all([
        all({ status: ['done'], changedSince: since }),
        all({ status: ['needs_you'] }),
        store.jobs({ status: ['failed'], limit: MAX_ROWS }),
        store.jobs({ status: ['queued'], limit: MAX_NEXT }),
        store.counts(),
        store.accounts(),
      ]);
      const changed = new Map<string, Changed>();
      for (const task of waiting.filter(({ reason }) => reason?.code === 'approval.pending')) {
        const size = await parts.changes.stat(task);
        if (size !== null) changed.set(task.key, size);
      }
      const next = await Promise.all(
        queued.items.map(async (job) => {
          const task = job.taskId === null ? null : await store.taskById(job.taskId);
          return { job, key: task?.key ?? null, reason: await parts.reason(job) };
        }),
      );
      const brief = briefOf({
        ...{ since, now, changed, state: parts.state() },
        tasks: [...done, ...waiting],
        lonelyFailures: failed.items.filter(
          ({ taskId, finishedAt }) => taskId === null && (finishedAt ?? 0) >= since,
        ),
        windows: accounts
          .filter(({ id }) => parts.runtime().accounts.has(id))
          .flatMap(({ id, windows }) =>
            windows.map(({ name, utilization, resetAt }) => ({ account: id, name, utilization, resetAt })),
          ),
        next: next.flatMap((each) => (each.reason === null ? [] : [{ ...each, reason: each.reason }])),
        running: counts.jobs.running,
        queued: counts.jobs.queued,
      });
      if (!options.peek) await store.setMeta(lookKey(who), String(now));
      return brief;
    },
  };
}

function lookKey(who: string): string {
  return `looked:${who}`;
}
