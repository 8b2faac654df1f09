import type { AccountWarning } from '../core/account-warning.ts';
import { type ClosedGates, closedGates } from '../core/closed-gates.ts';
import type { DispatchState, Reason } from '../core/dispatch-state.ts';
import { AppError } from '../core/errors.ts';
import { explain, type Survey } from '../core/explain.ts';
import type { IntakeWait } from '../core/intake.ts';
import { explainAt, type JobAt, jobAt } from '../core/ledger.ts';
import type { Job, Task } from '../core/model.ts';
import { reasonFor } from '../core/reason.ts';
import { staleReason } from '../core/stale.ts';
import type { Clock } from '../lib/clock.ts';
import type { Counts, HistoryFilter, Store } from '../store/store.ts';

/** Jobs looked at for one explanation; the headline tells of those beyond it. */
const EXPLAIN_LIMIT = 20_000;
/** Tasks that wait for a person shown with it. */
const MAX_STUCK = 100;

/** Why nothing runs, or one job waits: now by what the last tick saw, at an instant before by the ledger. */
export function createWhy(parts: {
  readonly store: Store;
  readonly state: () => DispatchState | null;
  /** What the trackers of all or one project have. */
  readonly survey: (project: string | null) => Promise<Survey[]>;
  /** What waits outside of the lines of all or one project. */
  readonly intakes: (project: string | null) => IntakeWait[];
  /** What will hold accounts of all or one project before long. */
  readonly warnings: (project: string | null) => AccountWarning[];
  readonly staleAfterMs: number;
  readonly clock: Clock;
}) {
  const { store, clock } = parts;

  /** What the last tick saw, judged by the clock of now; null when there was none for too long. */
  function gatesNow(): ClosedGates | null {
    const state = parts.state();
    const now = clock();
    return state === null || now - state.tickAt > parts.staleAfterMs
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

  /** The queued jobs asked for, the tasks that wait with none queued, and how many run when these are all. */
  async function askedFor(of: HistoryFilter): Promise<{
    readonly queued: readonly Job[];
    readonly stuck: readonly Task[];
    readonly running: number | null;
    /** False when there are more queued jobs than are looked at. */
    readonly isWhole: boolean;
  }> {
    if ('project' in of) {
      const filter = of.project === null ? {} : { project: of.project };
      const [jobs, tasks] = await Promise.all([
        store.jobs({ status: ['queued'], limit: EXPLAIN_LIMIT, ...filter }),
        store.tasks({ status: ['needs_you'], limit: MAX_STUCK, ...filter }),
      ]);
      const waiting = new Set(jobs.items.map(({ taskId }) => taskId));
      return {
        queued: jobs.items,
        stuck: tasks.items.filter(({ id }) => !waiting.has(id)),
        running: null,
        isWhole: jobs.next === null,
      };
    }
    const found = 'jobId' in of ? await store.job(of.jobId) : null;
    const jobs =
      'jobId' in of
        ? found === null
          ? []
          : [found]
        : (await store.jobs({ taskId: of.taskId, status: ['queued', 'running'], limit: EXPLAIN_LIMIT }))
            .items;
    const taskId = 'taskId' in of ? of.taskId : (found?.taskId ?? null);
    const task = taskId === null ? null : await store.taskById(taskId);
    const isOpen = jobs.some(({ status }) => status === 'queued' || status === 'running');
    return {
      queued: jobs.filter(({ status }) => status === 'queued'),
      stuck: task?.status === 'needs_you' && !isOpen ? [task] : [],
      running: jobs.filter(({ status }) => status === 'running').length,
      isWhole: true,
    };
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
      if (gates === null) return staleReason(parts.state()?.tickAt ?? null, clock());
      const task = job.taskId === null ? null : await store.taskById(job.taskId);
      const { jobs, urgent } = await store.ahead(job);
      return reasonFor(job, gates, jobs, task?.key, urgent);
    },

    /** Of everything, of a project, of one task or of one job. */
    async explain(of: HistoryFilter) {
      const now = clock();
      const state = parts.state();
      const [asked, counts] = await Promise.all([askedFor(of), store.counts()]);
      const { queued, stuck } = asked;
      const running = asked.running ?? runningIn(counts, of);
      const isEmpty = 'project' in of && running === 0 && queued.length === 0;
      const explanation = explain({
        ...{ queued, running, now, stuck },
        isWhole: asked.isWhole,
        gates: gatesNow(),
        tickAt: state?.tickAt ?? null,
        keys: await keysOf(queued),
        project: 'project' in of ? of.project : null,
        surveys: isEmpty ? await parts.survey(of.project) : [],
        intakes: 'project' in of ? parts.intakes(of.project) : [],
        warnings: 'project' in of ? parts.warnings(of.project) : [],
      });
      return { explanation, counts, state, now };
    },

    /** The same at an instant before, of the jobs that had not ended then. Throws for the future. */
    async explainAt(at: number, of: HistoryFilter) {
      checkPast(at);
      return explainAt(await store.history(at, of, EXPLAIN_LIMIT), at);
    },

    /**
     * What a job, or the job that a task had then, was doing at an instant, and if it waited, why.
     * Throws for the future.
     */
    async at(target: HistoryFilter, at: number): Promise<{ readonly job: Job | null; readonly was: JobAt }> {
      checkPast(at);
      const { rows, jobs } = await store.history(at, target, EXPLAIN_LIMIT);
      const history = jobs.at(-1);
      return history === undefined
        ? { job: null, was: { kind: 'absent' } }
        : { job: history.job, was: jobAt(history, rows, at) };
    },
  };
}

function runningIn(counts: Counts, of: HistoryFilter): number {
  const project = 'project' in of ? of.project : null;
  return project === null ? counts.jobs.running : (counts.runningByProject.get(project) ?? 0);
}
