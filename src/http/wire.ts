import type { AccountWarning } from '../core/account-warning.ts';
import type { Reason } from '../core/dispatch-state.ts';
import type { Job, Run, Task } from '../core/model.ts';
import { jobName, runName } from '../core/model.ts';
import type { RunProof } from '../engine/run-proof.ts';
import type { RunTurns } from '../engine/run-turns.ts';
import type { HoldWire, JobWire, OneRunWire, ProofWire, RunWire, TaskWire, WarningWire } from './contract.ts';

/** The model on the wire: ids with their noun, ISO instants, null where nothing is known. */

export function iso(at: number): string {
  return new Date(at).toISOString();
}

export function isoOrNull(at: number | null): string | null {
  return at === null ? null : iso(at);
}

export function jobToWire(job: Job, taskKey: string | null, reason: Reason | null): JobWire {
  return {
    id: jobName(job.id),
    task: taskKey,
    project: job.project,
    repo: job.repo,
    branch: job.branch,
    stage: job.stage,
    agent: job.agent,
    account: job.account,
    status: job.status,
    attempts: job.attempts,
    maxAttempts: job.maxAttempts,
    transientAttempts: job.transientAttempts,
    lostAttempts: job.lostAttempts,
    availableAt: isoOrNull(job.availableAt),
    error: job.error,
    verdict: job.verdict,
    priority: job.priority,
    urgent: job.urgent,
    hold: reason === null ? null : holdToWire(reason),
    createdAt: iso(job.createdAt),
    startedAt: isoOrNull(job.startedAt),
    finishedAt: isoOrNull(job.finishedAt),
  };
}

export function holdToWire(reason: Reason): HoldWire {
  return {
    code: reason.code,
    scope: reason.scope,
    state: reason.state,
    title: reason.title,
    since: iso(reason.since),
    clearsAt: isoOrNull(reason.clearsAt),
    clearsWhen: reason.clearsWhen,
    detail: reason.detail,
    fix: reason.fix,
  };
}

export function runToWire(run: Run): RunWire {
  return {
    id: runName(run.id),
    jobId: jobName(run.jobId),
    taskId: run.taskId,
    attempt: run.attempt,
    agent: run.agent,
    cli: run.cliKind === null ? null : { kind: run.cliKind, version: run.cliVersion },
    account: run.account,
    model: run.model,
    pid: run.pid,
    status: run.status,
    exitCode: run.exitCode,
    signal: run.signal,
    resultOk: run.resultOk,
    verdict: run.verdict,
    reason: run.reason,
    sessionId: run.sessionId,
    usage: run.usage,
    logPath: `${run.directory}/run.log`,
    startedAt: iso(run.startedAt),
    finishedAt: isoOrNull(run.finishedAt),
  };
}

export function proofToWire(proof: RunProof | null): ProofWire | null {
  if (proof === null) return null;
  const { cpuShare, cpuMs, progress, lookedAt } = proof;
  return {
    cpuShare: cpuShare === null ? null : Math.round(cpuShare * 100) / 100,
    cpuSeconds: cpuMs === null ? null : cpuMs / 1000,
    commits: progress?.commits ?? null,
    change: progress?.stat ?? null,
    lookedAt: isoOrNull(lookedAt),
  };
}

export function turnsToWire(turns: RunTurns | null): OneRunWire['turns'] {
  if (turns === null) return null;
  return { count: turns.count, minutes: turns.minutes.map((each) => ({ ...each, at: iso(each.at) })) };
}

export function taskToWire(task: Task): TaskWire {
  return {
    id: task.id,
    key: task.key,
    project: task.project,
    title: task.title,
    stage: task.stage,
    status: task.status,
    urgent: task.urgent,
    reason: task.reason,
    tracker: task.url === null ? null : { url: task.url },
    branch: task.branch,
    head: task.head,
    pr: task.pr,
    rounds: task.rounds,
    costUsd: task.costMicroUsd / 1e6,
    unknownCosts: task.unknownCosts,
    pipeline: task.pipeline,
    labels: [...task.labels],
    size: task.size,
    trace: task.trace,
    createdAt: iso(task.createdAt),
    updatedAt: iso(task.updatedAt),
  };
}

export function warningToWire(warning: AccountWarning): WarningWire {
  return { ...warning, at: iso(warning.at) };
}
