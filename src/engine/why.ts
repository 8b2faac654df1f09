import { type ClosedGates, closedGates } from '../core/closed-gates.ts';
import type { DispatchState, Reason } from '../core/dispatch-state.ts';
import { AppError } from '../core/errors.ts';
import { explain, type Survey } from '../core/explain.ts';
import { explainAt, type JobAt, jobAt, STALE, staleValue } from '../core/ledger.ts';
import type { Job } from '../core/model.ts';
import { reasonFor } from '../core/reason.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';
import { STALE_AFTER_MS } from './dispatcher.ts';

/** Jobs looked at for one explanation; beyond it counts are lower bounds. */
const EXPLAIN_LIMIT = 20_000;
/** Tasks that wait for a person shown with it. */
const MAX_STUCK = 100;

/** Why nothing runs, or one job waits: now by what the last tick saw, at an instant before by the ledger. */
export function createWhy(parts: {
  readonly store: Store;
  readonly state: () => DispatchState | null;
  /** What the trackers of all or one project have. */
  readonly survey: (project: string | null) => Promise<Survey[]>;
  readonly clock: Clock;
}) {
  const { store, clock } = parts;

  /** What the last tick saw, judged by the clock of now; null when there was none for too long. */
  function gatesNow(): ClosedGates | null {
    const state = parts.state();
    const now = clock();
    return state === null || now - state.tickAt > STALE_AFTER_MS
      ? null
      : closedGates({ ...state, tickAt: now });
  }

  /** Keys of the tasks whose jobs have a hold of their own: those reasons name them. */
  async function keysOf(jobs: readonly Job[]): Promise<Map<number, string>> {
    const keys = new Map<number, string>();
    for (const job of jobs) {
      if (job.hold === null || job.taskId === null) continue;
      const task = await store.taskById(job.taskId);
      if (task !== null) keys.set(task.id, task.key);
    }
    return keys;
  }

  function checkPast(at: number): void {
    if (at > clock())
      throw new AppError('at is an instant in the future', {
        code: 'usage.future',
        hint: 'the ledger knows the past only',
      });
  }

  return {
    /** The one reason of a queued job; null for any other. Unknown when the scheduler is stale. */
    async reason(job: Job): Promise<Reason | null> {
      if (job.status !== 'queued') return null;
      const gates = gatesNow();
      if (gates === null) return staleReason(parts.state()?.tickAt ?? clock());
      const task = job.taskId === null ? null : await store.taskById(job.taskId);
      return reasonFor(job, gates, await store.ahead(job), task?.key);
    },

    async explain(filter: { project?: string }) {
      const now = clock();
      const state = parts.state();
      const [jobs, counts, tasks] = await Promise.all([
        store.jobs({ status: ['queued'], limit: EXPLAIN_LIMIT, ...filter }),
        store.counts(),
        store.tasks({ status: ['needs_you'], limit: MAX_STUCK, ...filter }),
      ]);
      const running =
        filter.project === undefined
          ? counts.jobs.running
          : (counts.runningByProject.get(filter.project) ?? 0);
      const waiting = new Set(jobs.items.map(({ taskId }) => taskId));
      const explanation = explain({
        queued: jobs.items,
        running,
        gates: gatesNow(),
        tickAt: state?.tickAt ?? null,
        now,
        keys: await keysOf(jobs.items),
        project: filter.project ?? null,
        stuck: tasks.items.filter(({ id }) => !waiting.has(id)),
        surveys: running === 0 && jobs.items.length === 0 ? await parts.survey(filter.project ?? null) : [],
      });
      return { explanation, counts, state, now };
    },

    /** The same at an instant before, of the jobs that had not ended then. Throws for the future. */
    async explainAt(at: number, project: string | null) {
      checkPast(at);
      return explainAt(await store.history(at, { project }, EXPLAIN_LIMIT), at);
    },

    /**
     * What a job, or the job that a task had then, was doing at an instant, and if it waited, why.
     * Throws for the future.
     */
    async at(
      target: { readonly jobId: number } | { readonly taskId: number },
      at: number,
    ): Promise<{ readonly job: Job | null; readonly was: JobAt }> {
      checkPast(at);
      const { rows, jobs } = await store.history(at, target, EXPLAIN_LIMIT);
      const history = jobs.at(-1);
      return history === undefined
        ? { job: null, was: { kind: 'absent' } }
        : { job: history.job, was: jobAt(history, rows, at) };
    },
  };
}

function staleReason(since: number): Reason {
  const { label, ...rest } = staleValue(since);
  return { ...rest, code: STALE.code, scope: { kind: STALE.kind, id: STALE.id, label } };
}
