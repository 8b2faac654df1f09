import type { Breaker } from '../../core/breaker.ts';
import type { CliVersion } from '../../core/cli-version.ts';
import type { PlanWindow, Verdict } from '../../core/failure.ts';
import type {
  AccountHold,
  AccountState,
  Checked,
  ForgeMemory,
  Job,
  JobContext,
  JobStatus,
  Pause,
  PinnedCli,
  PullRequest,
  Run,
  SeenWindow,
  Task,
  TaskSession,
  TaskStatus,
} from '../../core/model.ts';
import { EMPTY_CONTEXT, NOTHING_HEARD } from '../../core/model.ts';
import type { TraceMatrix } from '../../core/trace.ts';

/** Rows as SQLite returns them, and their way into the model. */
export type Row = Record<string, string | number | null | undefined>;

const text = (value: Row[string]): string => String(value ?? '');
const textOrNull = (value: Row[string]): string | null =>
  value === null || value === undefined ? null : String(value);
const count = (value: Row[string]): number => Number(value ?? 0);
const countOrNull = (value: Row[string]): number | null =>
  value === null || value === undefined ? null : Number(value);

function json<T>(value: Row[string], otherwise: T): T {
  return value === null || value === undefined ? otherwise : (JSON.parse(String(value)) as T);
}

export function jobOf(row: Row): Job {
  return {
    id: count(row['id']),
    taskId: countOrNull(row['task_id']),
    project: text(row['project']),
    repo: text(row['repo']),
    branch: text(row['branch']),
    stage: textOrNull(row['stage']),
    agent: textOrNull(row['agent']),
    account: textOrNull(row['account']),
    status: text(row['status']) as JobStatus,
    attempts: count(row['attempts']),
    maxAttempts: count(row['max_attempts']),
    transientAttempts: count(row['transient_attempts']),
    lostAttempts: count(row['lost_attempts']),
    fence: count(row['fence']),
    priority: count(row['priority']),
    urgent: row['urgent'] === 1,
    rework: row['rework'] === 1,
    availableAt: countOrNull(row['available_at']),
    hold: textOrNull(row['hold']),
    holdSince: countOrNull(row['hold_since']),
    cancelRequested: row['cancel_requested'] === 1,
    error: textOrNull(row['error']),
    verdict: textOrNull(row['verdict']) as Verdict | null,
    context: { ...EMPTY_CONTEXT, ...json<Partial<JobContext>>(row['context'], {}) },
    movedFrom: textOrNull(row['moved_from']),
    fresh: row['fresh'] === 1,
    createdAt: count(row['created_at']),
    startedAt: countOrNull(row['started_at']),
    finishedAt: countOrNull(row['finished_at']),
  };
}

export function runOf(row: Row): Run {
  const cost = countOrNull(row['cost_micro_usd']);
  const ok = countOrNull(row['result_ok']);
  return {
    id: count(row['id']),
    jobId: count(row['job_id']),
    taskId: countOrNull(row['task_id']),
    attempt: count(row['attempt']),
    fence: count(row['fence']),
    agent: textOrNull(row['agent']),
    cliKind: textOrNull(row['cli_kind']),
    cliVersion: textOrNull(row['cli_version']),
    cliBin: textOrNull(row['cli_bin']),
    model: textOrNull(row['model']),
    account: textOrNull(row['account']),
    pid: countOrNull(row['pid']),
    directory: text(row['directory']),
    status: text(row['status']) as Run['status'],
    probe: row['probe'] === 1,
    exitCode: countOrNull(row['exit_code']),
    signal: textOrNull(row['signal']),
    resultOk: ok === null ? null : ok === 1,
    verdict: textOrNull(row['verdict']) as Verdict | null,
    reason: textOrNull(row['reason']),
    rule: textOrNull(row['rule']),
    sessionId: textOrNull(row['session_id']),
    usage: {
      inputTokens: count(row['input_tokens']),
      outputTokens: count(row['output_tokens']),
      cacheReadTokens: count(row['cache_read_tokens']),
      cacheWriteTokens: count(row['cache_write_tokens']),
      turns: count(row['turns']),
      costUsd: cost === null ? null : cost / 1e6,
    },
    startedAt: count(row['started_at']),
    finishedAt: countOrNull(row['finished_at']),
  };
}

export function taskOf(row: Row): Task {
  const code = textOrNull(row['reason_code']);
  return {
    id: count(row['id']),
    key: text(row['key']),
    project: text(row['project']),
    workItemId: text(row['work_item_id']),
    repo: text(row['repo']),
    branch: text(row['branch']),
    title: text(row['title']),
    body: text(row['body']),
    url: textOrNull(row['url']),
    thread: text(row['thread']),
    stage: text(row['stage']),
    status: text(row['status']) as TaskStatus,
    reason: code === null ? null : { code, detail: text(row['reason_detail']) },
    head: textOrNull(row['head']),
    pr: json<PullRequest | null>(row['pr'], null),
    rounds: json<Record<string, number>>(row['rounds'], {}),
    costMicroUsd: count(row['cost_micro_usd']),
    unknownCosts: count(row['unknown_costs']),
    budgetFromMicroUsd: count(row['budget_from_micro_usd']),
    priority: count(row['priority']),
    urgent: row['urgent'] === 1,
    pipeline: text(row['pipeline']),
    labels: json<readonly string[]>(row['labels'], []),
    size: textOrNull(row['size']),
    trace: json<TraceMatrix | null>(row['trace'], null),
    ticked: json<readonly string[]>(row['ticked'], []),
    session: json<TaskSession | null>(row['session'], null),
    checked: checkedOf(row),
    loops: json<Task['loops']>(row['loops'], {}),
    forge: { ...NOTHING_HEARD, ...json<Partial<ForgeMemory>>(row['forge'], {}) },
    createdAt: count(row['created_at']),
    updatedAt: count(row['updated_at']),
  };
}

export function accountOf(row: Row): AccountState {
  const hold = json<AccountHold | null>(row['hold'], null);
  const windows = json<readonly (PlanWindow & Partial<SeenWindow>)[]>(row['windows'], []);
  return {
    id: text(row['id']),
    // Rows of an earlier build lack what was added since.
    hold: hold === null ? null : { ...hold, refusals: hold.refusals ?? 0 },
    breaker: {
      state: text(row['breaker_state']) as Breaker['state'],
      failures: count(row['breaker_failures']),
      probeAt: countOrNull(row['breaker_probe_at']),
      since: countOrNull(row['breaker_since']),
    },
    notBefore: countOrNull(row['not_before']),
    lastProbeAt: countOrNull(row['last_probe_at']),
    provenFingerprint: textOrNull(row['proven_fingerprint']),
    windows: windows.map((window) => ({ ...window, seenAt: window.seenAt ?? count(row['windows_at']) })),
    pinned: json<PinnedCli | null>(row['pinned'], null),
  };
}

export function cliVersionOf(row: Row): CliVersion {
  return {
    kind: text(row['kind']),
    version: text(row['version']),
    bin: textOrNull(row['bin']),
    firstSuccessAt: countOrNull(row['first_success_at']),
    lastSuccessAt: countOrNull(row['last_success_at']),
    trustedBy: textOrNull(row['trusted_by']),
    trustedAt: countOrNull(row['trusted_at']),
  };
}

export function pauseOf(row: Row): Pause {
  return {
    scope: text(row['scope']) as Pause['scope'],
    id: text(row['id']),
    note: text(row['note']),
    by: text(row['by']),
    since: count(row['since']),
    until: countOrNull(row['until']),
  };
}

function checkedOf(row: Row): Checked | null {
  const head = textOrNull(row['checked_head']);
  return head === null
    ? null
    : { head, green: count(row['checks_green']), total: count(row['checks_total']) };
}
