import { keepPreviousData } from '@tanstack/react-query';
import type { Answer, Asking, PathOf, Query } from '../../../src/http/contract.ts';
import { type Given, get, read } from './client.ts';
import { pollMs } from './connection.ts';

/** What is asked of the server, each with the key that its events make old. */

interface Context {
  signal: AbortSignal;
}

export function ask<P extends PathOf<'GET'>>(
  key: readonly unknown[],
  path: P,
  ...asking: Asking<`GET ${P}`>
) {
  const [given] = asking as [given?: Given];
  return {
    queryKey: key,
    queryFn: ({ signal }: Context) => read<Answer<`GET ${P}`>>(path, { ...given, signal }),
    refetchInterval: pollMs,
    placeholderData: keepPreviousData<Answer<`GET ${P}`>>,
  };
}

export function explainQuery(project?: string) {
  return ask(['explain', project ?? ''], '/explain', { query: { project } });
}

export function statusQuery(project?: string) {
  return ask(['status', project ?? ''], '/status', { query: { project } });
}

export function jobsQuery(query: Query<'GET /jobs'>) {
  return ask(['jobs', query], '/jobs', { query });
}

export function tasksQuery(query: Query<'GET /tasks'>) {
  return ask(['tasks', query], '/tasks', { query });
}

export function taskQuery(key: string) {
  return ask(['task', key], '/tasks/{key}', { params: { key } });
}

export function runQuery(id: string) {
  return ask(['run', id], '/runs/{id}', { params: { id } });
}

export function jobQuery(id: string) {
  return ask(['job', id], '/jobs/{id}', { params: { id } });
}

export function accountsQuery() {
  return ask(['accounts'], '/accounts');
}

export function versionQuery() {
  return { ...ask(['version'], '/version'), refetchInterval: 60_000 };
}

export function projectsQuery() {
  return { ...ask(['projects'], '/projects'), refetchInterval: 60_000 };
}

/** Of all projects: the server has one answer for everybody. */
export function nowQuery(project?: string) {
  return ask(['now', project ?? ''], '/now');
}

/** Titles of tasks by their key, for lists of jobs: a job does not carry one. */
export function titlesQuery() {
  return {
    queryKey: ['tasks', 'titles'],
    queryFn: async ({ signal }: Context): Promise<Readonly<Record<string, string>>> => {
      const { tasks } = await get('/tasks', { query: { limit: 1000 }, signal });
      return Object.fromEntries(tasks.map(({ key, title }) => [key, title]));
    },
    refetchInterval: 30_000,
  };
}

export function approvalQuery(id: string) {
  return ask(['approval', id], '/approvals/{id}', { params: { id } });
}

export function taskDiffQuery(key: string) {
  return ask(['diff', key], '/tasks/{key}/diff', { params: { key } });
}

export function usageQuery(query: Query<'GET /usage'>) {
  return { ...ask(['usage', query], '/usage', { query }), refetchInterval: 60_000 };
}

export function auditQuery(query: Query<'GET /audit'>) {
  return ask(['audit', query], '/audit', { query });
}

/** Whether there is no admin yet; answered to anybody. */
export function setupQuery() {
  return { ...ask(['setup'], '/setup'), refetchInterval: false as const };
}
