import { CLOSED_BREAKER } from './breaker.ts';
import { type Delivery, failureOf } from './delivery.ts';
import { type Judgement, notRun, type Verdict } from './failure.ts';
import { type AccountState, EMPTY_CONTEXT, type Job, NOTHING_HEARD, type Run, type Task } from './model.ts';
import type { Stage } from './pipeline.ts';
import type { ProjectRules } from './task.ts';

/** Whole values for tests: each test names only the fields that it is about. */
export function stage(name: string, fields: Partial<Stage> = {}): Stage {
  return {
    stage: name,
    kind: 'agent',
    agent: name,
    onReject: null,
    maxRounds: 3,
    approval: 'none',
    account: null,
    reviewers: [],
    when: null,
    ...fields,
  };
}

export function rules(pipeline: readonly Stage[], fields: Partial<ProjectRules> = {}): ProjectRules {
  return { key: 'api', repo: 'api.git', accounts: ['a'], pipeline, usageComments: 'tracker', ...fields };
}

/** The development of `activeTask()`, never claimed. */
export function queuedJob(fields: Partial<Job> = {}): Job {
  return {
    id: 17,
    taskId: 4,
    project: 'api',
    repo: 'api.git',
    branch: 'orch/api-1',
    stage: 'development',
    agent: 'developer',
    account: 'a',
    status: 'queued',
    attempts: 0,
    maxAttempts: 3,
    transientAttempts: 0,
    lostAttempts: 0,
    fence: 0,
    priority: 0,
    urgent: false,
    rework: false,
    availableAt: null,
    hold: null,
    holdSince: null,
    cancelRequested: false,
    error: null,
    verdict: null,
    context: EMPTY_CONTEXT,
    movedFrom: null,
    fresh: false,
    createdAt: 0,
    startedAt: null,
    finishedAt: null,
    ...fields,
  };
}

/** As a claim leaves it: the attempt that now runs is already spent. */
export function runningJob(fields: Partial<Job> = {}): Job {
  return queuedJob({ status: 'running', attempts: 1, fence: 1, startedAt: 1, ...fields });
}

export function activeTask(fields: Partial<Task> = {}): Task {
  return {
    id: 4,
    key: 'API-1',
    project: 'api',
    workItemId: '9',
    repo: 'api.git',
    branch: 'orch/api-1',
    title: 'First',
    body: '',
    url: null,
    thread: '',
    stage: 'development',
    status: 'active',
    reason: null,
    head: null,
    pr: null,
    rounds: {},
    costMicroUsd: 0,
    unknownCosts: 0,
    budgetFromMicroUsd: 0,
    priority: 0,
    urgent: false,
    pipeline: 'full',
    labels: [],
    size: null,
    trace: null,
    ticked: [],
    session: null,
    checked: null,
    loops: {},
    forge: NOTHING_HEARD,
    createdAt: 0,
    updatedAt: 0,
    ...fields,
  };
}

/** The one run of a stage, over. */
export function endedRun({ costUsd = 1, ...fields }: Partial<Run> & { costUsd?: number | null } = {}): Run {
  return {
    ...{ id: 8, jobId: 17, taskId: 4, attempt: 1, fence: 1, agent: 'developer', account: 'a', pid: 1 },
    ...{
      cliKind: 'scripted',
      cliVersion: '1',
      cliBin: null,
      model: null,
      directory: '/runs/8',
      status: 'ended',
    },
    ...{ probe: false, exitCode: 0, signal: null, resultOk: true, verdict: 'success', reason: 'done' },
    ...{ rule: 'test', sessionId: null, startedAt: 1, finishedAt: 2 },
    usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0, turns: 1, costUsd },
    ...fields,
  };
}

/** One that nothing is known of yet. */
export function account(fields: Partial<AccountState> = {}): AccountState {
  return {
    id: 'a',
    hold: null,
    breaker: CLOSED_BREAKER,
    notBefore: null,
    lastProbeAt: null,
    provenFingerprint: null,
    windows: [],
    pinned: null,
    ...fields,
  };
}

export function judgement(verdict: Verdict, fields: Partial<Judgement> = {}): Judgement {
  return { ...notRun(verdict, verdict, 'test'), ...fields };
}

/** The first delivery of that key, which nobody gives up; unless `fields` say otherwise. */
export function delivery(key: string, fields: Partial<Delivery> = {}): Delivery {
  return { key, again: false, signal: new AbortController().signal, ...fields };
}

/** What the outbox makes of an act that has to fail. */
export async function failing(act: Promise<unknown>): Promise<ReturnType<typeof failureOf>> {
  return failureOf(
    await act.then(
      () => 'it went well',
      (error: unknown) => error,
    ),
  );
}
