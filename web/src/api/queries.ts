import { keepPreviousData } from '@tanstack/react-query';
import type {
  AccountWire,
  ChangesWire,
  DestinationWire,
  Explain,
  JobWire,
  ProjectWire,
  RunWire,
  TaskDetailWire,
  TaskWire,
  WarningWire,
} from '../../../src/http/contract.ts';
import { get, type Query } from './client.ts';

/** What is asked of the server, each with the key that its events make old. */

export interface Status {
  readonly verdict: Explain['verdict'];
  readonly headline: string;
  readonly configProblem: string | null;
  readonly pipelineProblems: readonly { readonly project: string; readonly problem: string }[];
  readonly warnings: readonly WarningWire[];
  readonly schedulerTickAgeMs: number | null;
  readonly jobs: Readonly<Record<JobWire['status'], number>>;
  readonly tasks: Readonly<Record<TaskWire['status'], number>>;
  readonly outbox: readonly DestinationWire[];
  readonly running: readonly {
    readonly run: RunWire;
    readonly job: JobWire;
    readonly lastOutputAt: string | null;
  }[];
}

/** Also without events nothing on the page is older than this. */
const SLOW_MS = 10_000;

interface Asked {
  signal: AbortSignal;
}

export function ask<T>(key: readonly unknown[], path: string, query: Query = {}) {
  return {
    queryKey: key,
    queryFn: ({ signal }: Asked) => get<T>(path, query, signal),
    refetchInterval: SLOW_MS,
    placeholderData: keepPreviousData<T>,
  };
}

export function explainQuery(project?: string) {
  return ask<Explain>(['explain', project ?? ''], '/explain', { project });
}

export function statusQuery(project?: string) {
  return ask<Status>(['status', project ?? ''], '/status', { project });
}

export function jobsQuery(query: {
  status?: string;
  project?: string | undefined;
  limit?: number;
  after?: number;
}) {
  return ask<{ jobs: JobWire[]; next: number | null }>(['jobs', query], '/jobs', query);
}

export function tasksQuery(query: { status?: string; project?: string | undefined; limit?: number }) {
  return ask<{ tasks: TaskWire[]; next: number | null }>(['tasks', query], '/tasks', query);
}

export function taskQuery(key: string) {
  return ask<{ task: TaskDetailWire }>(['task', key], `/tasks/${encodeURIComponent(key)}`);
}

export function runQuery(id: string) {
  return ask<{ run: RunWire }>(['run', id], `/runs/${encodeURIComponent(id)}`);
}

export function jobQuery(id: string) {
  return ask<{ job: JobWire }>(['job', id], `/jobs/${encodeURIComponent(id)}`);
}

export function accountsQuery() {
  return ask<{ accounts: AccountWire[] }>(['accounts'], '/accounts');
}

export function versionQuery() {
  return {
    ...ask<{ version: string; page: string }>(['version'], '/version'),
    refetchInterval: 60_000,
  };
}

export function projectsQuery() {
  return {
    ...ask<{ projects: ProjectWire[]; slots: number }>(['projects'], '/projects'),
    refetchInterval: 60_000,
  };
}

/** What Now shows beside the explanation. */
export interface NowData {
  readonly running: readonly RunningWire[];
  /** The first jobs that have not started, in the order of the queue. */
  readonly nextUp: readonly QueuedWire[];
  readonly notStarted: number;
  readonly lastDay: LastDayWire | null;
}

export interface RunningWire {
  readonly run: RunWire;
  readonly job: JobWire;
  readonly title: string | null;
  readonly progress: ProgressWire;
}

/** What shows that an agent works, or that it does not. */
export interface ProgressWire {
  readonly state: 'working' | 'quiet' | 'stalled';
  readonly lastOutputAt: string | null;
  readonly lastTool: { readonly name: string; readonly detail: string; readonly at: string | null } | null;
  readonly commits: number | null;
  readonly added: number | null;
  readonly removed: number | null;
  readonly files: number | null;
}

export interface QueuedWire {
  readonly job: JobWire;
  readonly title: string | null;
}

export interface LastDayWire {
  readonly tasksDone: number;
  readonly tasksFailed: number;
  readonly costUsd: number;
  readonly unknownCosts: number;
  readonly hours: readonly { readonly from: string; readonly ended: number; readonly failed: number }[];
}

export function nowQuery(project?: string) {
  return {
    queryKey: ['now', project ?? ''],
    refetchInterval: SLOW_MS,
    placeholderData: keepPreviousData<NowData>,
    queryFn: async ({ signal }: Asked): Promise<NowData> => {
      const [status, queued, tasks] = await Promise.all([
        get<Status>('/status', { project }, signal),
        get<{ jobs: JobWire[] }>('/jobs', { status: 'queued', project, limit: 7 }, signal),
        get<{ tasks: TaskWire[] }>('/tasks', { status: 'active,needs_you', project, limit: 1000 }, signal),
      ]);
      const titles = new Map(tasks.tasks.map((task) => [task.key, task.title]));
      const titleOf = (job: JobWire) => (job.task === null ? null : (titles.get(job.task) ?? null));
      return {
        running: status.running.map(({ run, job, lastOutputAt }) => ({
          run,
          job,
          title: titleOf(job),
          progress: {
            state: 'working',
            lastOutputAt,
            lastTool: null,
            commits: null,
            added: null,
            removed: null,
            files: null,
          },
        })),
        nextUp: queued.jobs.map((job) => ({ job, title: titleOf(job) })),
        notStarted: status.jobs.queued,
        lastDay: null,
      };
    },
  };
}

/** Titles of tasks by their key, for lists of jobs: a job does not carry one. */
export function titlesQuery() {
  return {
    queryKey: ['tasks', 'titles'],
    queryFn: async ({ signal }: Asked): Promise<Readonly<Record<string, string>>> => {
      const { tasks } = await get<{ tasks: TaskWire[] }>('/tasks', { limit: 1000 }, signal);
      return Object.fromEntries(tasks.map(({ key, title }) => [key, title]));
    },
    refetchInterval: 30_000,
  };
}

export function changesQuery(key: string) {
  return {
    ...ask<ChangesWire>(['diff', key], `/tasks/${encodeURIComponent(key)}/changes`),
    refetchInterval: 30_000,
  };
}

export interface AuditEntryWire {
  readonly id: number;
  readonly by: string;
  readonly surface: string;
  readonly action: string;
  readonly target: string;
  readonly at: string;
  readonly before: Readonly<Record<string, string | number | boolean | null>> | null;
  readonly after: Readonly<Record<string, string | number | boolean | null>> | null;
}

export function auditQuery(query: Query) {
  return ask<{ entries: AuditEntryWire[]; next: number | null }>(['audit', query], '/audit', query);
}
