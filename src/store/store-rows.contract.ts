import type { Audit } from '../core/audit.ts';
import type { NewJob, NewOutboxRow } from '../core/effects.ts';
import { EMPTY_CONTEXT } from '../core/model.ts';
import { NO_USAGE } from '../core/usage.ts';
import type { Claimed, ClaimRequest, NewTask, ProjectRow, RunRef, Store } from './store.ts';

/** A store that a suite of the port opened for itself. The rows the suites put into it follow below. */
export interface OpenedStore {
  readonly store: Store;
  /** Closes the store and opens the same data again, as a restart does. */
  reopen(): Promise<Store>;
  /** Closes the store and throws its data away. */
  discard(): Promise<void>;
}

/** Opens an empty store whose rows are stamped by `clock`. */
export type OpenStore = (clock: () => number) => Promise<OpenedStore>;

export const T0 = Date.UTC(2026, 0, 5, 9);
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const EVERYTHING = 10_000;

export const AUDIT: Audit = { by: 'mara', surface: 'cli', action: 'test', target: 'x', at: T0 };

export const ENDED = {
  exitCode: 0,
  signal: null,
  resultOk: true,
  verdict: 'success',
  reason: 'ended well',
  rule: 'test',
  sessionId: null,
  cliVersion: null,
  usage: NO_USAGE,
} as const;

export function project(key: string, fields: Partial<ProjectRow> = {}): ProjectRow {
  return { key, weight: 1, maxConcurrency: 1, ...fields };
}

export function newJob(fields: Partial<NewJob> = {}): NewJob {
  return {
    taskId: null,
    project: 'api',
    repo: 'api.git',
    branch: '',
    stage: null,
    agent: 'developer',
    account: 'a',
    maxAttempts: 3,
    priority: 0,
    urgent: false,
    rework: false,
    hold: null,
    context: EMPTY_CONTEXT,
    ...fields,
  };
}

export function newTask(fields: Partial<NewTask> = {}): NewTask {
  return {
    project: 'api',
    workItemId: '1',
    pipeline: 'full',
    labels: [],
    size: null,
    key: 'API-1',
    repo: 'api.git',
    branch: 'orch/api-1',
    title: 'First',
    body: '',
    stage: 'development',
    priority: 0,
    urgent: false,
    ...fields,
  };
}

export function claimRequest(fields: Partial<ClaimRequest> & { now: number }): ClaimRequest {
  return {
    accounts: [
      { id: 'a', slots: 99 },
      { id: 'b', slots: 99 },
    ],
    closedProjects: [],
    withoutAgents: [],
    agentsOnly: [],
    withoutNewWork: [],
    failover: [],
    slots: 99,
    probe: false,
    withoutAccount: true,
    directoryFor: (id) => `/runs/${id}`,
    ...fields,
  };
}

export function message(fields: Partial<NewOutboxRow>): NewOutboxRow {
  return {
    destination: 'notify',
    key: 'k',
    orderKey: fields.key ?? 'k',
    availableAt: null,
    message: { kind: 'notify.digest', line: 'x' },
    ...fields,
  };
}

export function refOf({ job, run }: Claimed): RunRef {
  return { runId: run.id, jobId: job.id, fence: job.fence };
}
