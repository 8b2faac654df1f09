import { keepPreviousData } from '@tanstack/react-query';
import type {
  AccountWire,
  ApprovalWire,
  AuditEntryWire,
  Explain,
  JobWire,
  NowWire,
  OneRunWire,
  ProjectWire,
  StatusWire,
  TaskDetailWire,
  TaskWire,
  UsageWire,
} from '../../../src/http/contract.ts';
import { get, type Query } from './client.ts';
import { pollMs } from './connection.ts';

/** What is asked of the server, each with the key that its events make old. */

interface Asked {
  signal: AbortSignal;
}

export function ask<T>(key: readonly unknown[], path: string, query: Query = {}) {
  return {
    queryKey: key,
    queryFn: ({ signal }: Asked) => get<T>(path, query, signal),
    refetchInterval: pollMs,
    placeholderData: keepPreviousData<T>,
  };
}

export function explainQuery(project?: string) {
  return ask<Explain>(['explain', project ?? ''], '/explain', { project });
}

export function statusQuery(project?: string) {
  return ask<StatusWire>(['status', project ?? ''], '/status', { project });
}

export function jobsQuery(query: {
  status?: string;
  state?: string;
  sort?: 'id' | '-id';
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
  return ask<OneRunWire>(['run', id], `/runs/${encodeURIComponent(id)}`);
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

export function nowQuery(project?: string) {
  return ask<NowWire>(['now', project ?? ''], '/now', { project });
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

export function approvalQuery(id: string) {
  return ask<{ approval: ApprovalWire }>(['approval', id], `/approvals/${encodeURIComponent(id)}`);
}

export function taskDiffQuery(key: string) {
  return ask<{ diff: { patch: string; cut: boolean } }>(
    ['diff', key],
    `/tasks/${encodeURIComponent(key)}/diff`,
  );
}

export function usageQuery(query: { by: string; since: string; project: string | undefined }) {
  return { ...ask<UsageWire>(['usage', query], '/usage', query), refetchInterval: 60_000 };
}

export function auditQuery(query: Query) {
  return ask<{ entries: AuditEntryWire[]; next: number | null }>(['audit', query], '/audit', query);
}

/** Whether there is no admin yet; answered to anybody. */
export function setupQuery() {
  return { ...ask<{ needed: boolean }>(['setup'], '/setup'), refetchInterval: false as const };
}
