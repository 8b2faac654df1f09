import { type ClosedGates, grouped } from './closed-gates.ts';
import { type Lock, type Reason, type Scope } from './dispatch-state.ts';
import { type Explained, explainAll } from './explain.ts';
import { EMPTY_CONTEXT, type Job, type Run } from './model.ts';
import { reasonFor, type WaitingJob } from './reason.ts';
import { reasonCodeOf } from './reason-codes.ts';

/**
 * The decision ledger: why every queued job waited, at any instant that it still remembers. A scope's
 * gate is written once per interval in which it was closed, whatever waits for it; of a job only what is
 * its own (`JobWait`). The reason then is derived by the same rule as the reason now.
 */

/** Something that is so while it is in the list: a closed gate, or a fact that the rule needs. */
export interface LedgerEntry {
  readonly code: string;
  readonly kind: string;
  readonly id: string;
  /** When it changes, one interval ends and another begins; wording that moves with every look is not in it. */
  readonly mark: string;
  readonly value: LedgerValue;
}

type ReasonValue = Omit<Reason, 'code' | 'scope'> & { readonly label: string };
export type LedgerValue = ReasonValue | { readonly accounts: readonly string[] } | null;

/** An interval of the ledger that covers the instant asked for. */
export interface LedgerRow {
  readonly code: string;
  readonly kind: string;
  readonly id: string;
  readonly value: LedgerValue;
  /** First time of this gate; it did not open for longer than a moment since. */
  readonly firstSince: number;
  readonly since: number;
  readonly until: number | null;
}

const CONFIGURED = 'configured';
const STANDS_IN = 'failover';

/** One wait that is a job's own: a hold, a backoff, or a time in which it had ended and was then retried. */
export interface JobWait {
  readonly code: string;
  readonly detail: string;
  readonly since: number;
  readonly until: number | null;
}

export const BACKOFF = 'retry.backoff';
export const ENDED = 'job.ended';

/** Everything the ledger knows of one job up to an instant. */
export interface JobHistory {
  readonly job: Job;
  /** Key of its task. */
  readonly key: string | null;
  /** When its task got its first commit; null while it has none, or belongs to no task. */
  readonly begunAt: number | null;
  readonly runs: readonly Run[];
  readonly waits: readonly JobWait[];
  /** Runs of other jobs that kept it off its branch then. */
  readonly locks: readonly Lock[];
}

export interface LedgerPage {
  readonly rows: readonly LedgerRow[];
  readonly jobs: readonly JobHistory[];
}

/** What is to be noted of one look. */
export function ledgerEntries(gates: ClosedGates): LedgerEntry[] {
  const reasons = [...gates.byScope.values()].flat().map((reason): LedgerEntry => {
    const { code, scope, ...rest } = reason;
    return {
      code,
      kind: scope.kind,
      id: scope.id,
      mark: `${reason.state} ${reason.clearsAt ?? ''}`,
      value: { ...rest, label: scope.label },
    };
  });
  const configured = (kind: string, ids: Iterable<string>): LedgerEntry[] =>
    [...ids].map((id) => ({ code: CONFIGURED, kind, id, mark: '', value: null }));
  return [
    ...reasons,
    ...configured('account', gates.accounts),
    ...configured('project', gates.projects),
    ...[...gates.standIns].map(([id, accounts]) => ({
      code: STANDS_IN,
      kind: 'project',
      id,
      mark: accounts.join(' '),
      value: { accounts },
    })),
  ];
}

/** The gates that were closed at an instant, as `reasonFor` takes them. */
export function gatesAt(rows: readonly LedgerRow[], locks: readonly Lock[], at: number): ClosedGates {
  const ids = (kind: string) =>
    new Set(rows.filter((row) => row.code === CONFIGURED && row.kind === kind).map(({ id }) => id));
  return {
    at,
    byScope: grouped(rows.flatMap((row) => reasonOf(row))),
    accounts: ids('account'),
    projects: ids('project'),
    standIns: new Map(
      rows.flatMap(({ id, value }) => (value !== null && 'accounts' in value ? [[id, value.accounts]] : [])),
    ),
    locks,
  };
}

function reasonOf({ code, kind, id, value, firstSince }: LedgerRow): Reason[] {
  if (value === null || 'accounts' in value) return [];
  const { label, ...rest } = value;
  const scope: Scope = { kind: kind as Scope['kind'], id, label };
  return [{ ...rest, code: reasonCodeOf(code), scope, since: Math.min(rest.since, firstSince) }];
}

export type JobAt =
  | { readonly kind: 'absent' }
  | { readonly kind: 'queued'; readonly reason: Reason }
  | { readonly kind: 'running'; readonly run: Run }
  | { readonly kind: 'ended'; readonly status: 'done' | 'failed' | 'cancelled' };

/** What a job was doing at an instant, and if it waited, its one reason. */
export function jobAt(history: JobHistory, rows: readonly LedgerRow[], at: number): JobAt {
  const { job, runs, waits } = history;
  if (at < job.createdAt) return { kind: 'absent' };
  const run = runs.find(({ startedAt, finishedAt }) => startedAt <= at && (finishedAt ?? Infinity) > at);
  if (run !== undefined) return { kind: 'running', run };
  const own = waits.filter(({ since, until }) => since <= at && (until ?? Infinity) > at);
  const ended = own.find(({ code }) => code === ENDED);
  if (ended !== undefined) return { kind: 'ended', status: endOf(ended.detail) };
  if (job.finishedAt !== null && job.finishedAt <= at) return { kind: 'ended', status: endOf(job.status) };
  const gates = gatesAt(rows, history.locks, at);
  return {
    kind: 'queued',
    reason: reasonFor(waitingAt(history, own, at), gates, null, history.key ?? undefined),
  };
}

function endOf(status: string): 'done' | 'failed' | 'cancelled' {
  return status === 'done' || status === 'cancelled' ? status : 'failed';
}

function waitingAt(
  { job, runs, waits, begunAt }: JobHistory,
  own: readonly JobWait[],
  at: number,
): WaitingJob {
  const hold = own.find(({ code }) => code !== BACKOFF);
  const backoff = own.find(({ code }) => code === BACKOFF);
  const from = waits.findLast(({ code, until }) => code === ENDED && (until ?? Infinity) <= at)?.until ?? 0;
  const before = runs.filter(
    ({ finishedAt }) => finishedAt !== null && finishedAt <= at && finishedAt > from,
  );
  return {
    ...job,
    account: job.movedFrom ?? job.account,
    // What the forge was waited for then is not kept.
    context: EMPTY_CONTEXT,
    fresh: job.taskId !== null && (begunAt === null || at < begunAt),
    hold: hold?.code ?? null,
    holdSince: (hold ?? backoff)?.since ?? null,
    // When it was due; a person may have let it go before.
    availableAt: backoff === undefined ? null : Number(backoff.detail),
    transientAttempts: before.filter(({ verdict }) => verdict === 'transient').length,
    error: before.at(-1)?.reason ?? null,
  };
}

/** Every waiting job of a page with its reason at an instant, by reason; and how many ran. */
export function explainAt({ rows, jobs }: LedgerPage, at: number): Explained & { readonly running: number } {
  let running = 0;
  const waiting: { job: Job; reason: Reason }[] = [];
  for (const history of jobs) {
    const then = jobAt(history, rows, at);
    if (then.kind === 'running') running++;
    if (then.kind === 'queued') waiting.push({ job: history.job, reason: then.reason });
  }
  return { ...explainAll(waiting, running), running };
}
