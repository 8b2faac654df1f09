/**
 * Stands between the engine and the real store and judges every write by the rows before and after it: budgets
 * recounted, holds that end for a reason, one open job per task, evidence before every step. It works out what
 * must be true by small rules of its own.
 */
import type { Audit } from '../src/core/audit.ts';
import type { Effects } from '../src/core/effects.ts';
import type { AccountHold } from '../src/core/model.ts';
import type { RunRef, Store, Target } from '../src/store/store.ts';
import type { ClaimChecks } from './claims.ts';
import type { Eye, JobRow, RunRow } from './eye.ts';
import type { Runs } from './runs.ts';
import type { Trace } from './trace.ts';
import type { Vendor } from './vendor.ts';

export interface Watch {
  watched(store: Store): Store;
  /** Heads that a person approved, by task key. */
  readonly approvals: ReadonlyMap<string, ReadonlySet<string>>;
  /** Runs that were settled while their project was not in the configuration. */
  readonly unruled: ReadonlySet<number>;
  readonly figures: { claims: number; settles: number; stale: number };
}

interface Spent {
  attempts: number;
  transient: number;
  lost: number;
}

/** Verdicts that give the attempt back. */
const GIVEN_BACK = ['transient', 'auth', 'usage_limit', 'lost', 'cancelled'];
/** Ends that may count as a stage's work. */
const MAY_COUNT = ['good', 'no change needed', 'request changes'];
/** The credential that a preflight has in its cache may be this old. */
const SEEN_LATE_MS = 30 * 60_000;

export function createWatch(parts: {
  eye: Eye;
  trace: Trace;
  vendor: Vendor;
  runs: Runs;
  claims: ClaimChecks;
  wall: () => number;
  /** Whether a project may be out of the configuration that is acted on now. */
  isOut: (project: string) => boolean;
  limits: () => { readonly maxTransientAttempts: number; readonly maxLostAttempts: number };
}): Watch {
  const { eye, trace, runs, wall } = parts;
  const spent = new Map<number, Spent>();
  const approvals = new Map<string, Set<string>>();
  const unruled = new Set<number>();
  /** Comments that had an effect. */
  const handled = new Set<string>();
  const figures = { claims: 0, settles: 0, stale: 0 };

  function spentOf(job: number): Spent {
    const known = spent.get(job) ?? { attempts: 0, transient: 0, lost: 0 };
    spent.set(job, known);
    return known;
  }

  /** After every write. */
  function always(what: string): void {
    const open = new Map<number, JobRow>();
    for (const job of eye.openJobs()) {
      if (job.task_id === null) continue;
      const other = open.get(job.task_id);
      if (other !== undefined)
        trace.broken(
          'one.open',
          `${what}: task ${job.task_id} has both job_${other.id} and job_${job.id} open`,
        );
      open.set(job.task_id, job);
    }
    for (const task of eye.unfinished()) {
      const job = open.get(task.id);
      if (task.status === 'active' && job === undefined)
        trace.broken('job.lost', `${what}: ${task.key} is active, and no job of it is open`);
      if (task.status === 'needs_you' && (task.reason_code ?? '') === '')
        trace.broken('reason.missing', `${what}: ${task.key} needs somebody, and does not say why`);
    }
  }

  function recount(job: JobRow, what: string): void {
    const { attempts, transient, lost } = spentOf(job.id);
    if (job.attempts !== attempts || job.transient_attempts !== transient || job.lost_attempts !== lost)
      trace.broken(
        'budget.exact',
        `${what}: job_${job.id} counts ${job.attempts}/${job.transient_attempts}/${job.lost_attempts} (attempts/transient/lost), its runs come to ${attempts}/${transient}/${lost}`,
      );
  }

  function judgeSettle(before: JobRow, run: RunRow): void {
    const after = eye.job(before.id);
    if (after === undefined) return;
    const verdict = run.verdict ?? '';
    const count = spentOf(before.id);
    const asks =
      after.status === 'queued' &&
      ['question.pending', 'approval.pending', 'checks.pending'].includes(after.hold ?? '');
    if (asks || GIVEN_BACK.includes(verdict)) count.attempts = Math.max(0, count.attempts - 1);
    if (!asks && verdict === 'transient') count.transient++;
    if (!asks && verdict === 'lost') count.lost++;
    recount(after, `settle of run_${run.id} (${verdict})`);
    judgeStatus(after, verdict, asks, run);
    judgeEvidence(before, after, run);
    const process = runs.all.get(run.id);
    if (process !== undefined && process.exit === null && verdict !== 'lost')
      trace.broken('run.alive', `run_${run.id} is settled as ${verdict} while its agent is still alive`);
  }

  function judgeStatus(job: JobRow, verdict: string, asks: boolean, run: RunRow): void {
    const { maxTransientAttempts, maxLostAttempts } = parts.limits();
    const isSpent =
      verdict === 'transient'
        ? job.transient_attempts >= maxTransientAttempts
        : verdict === 'lost'
          ? job.lost_attempts >= maxLostAttempts
          : !GIVEN_BACK.includes(verdict) && job.attempts >= job.max_attempts;
    const wrong = (why: string) =>
      trace.broken(
        'budget.status',
        `run_${run.id} ended ${verdict}, and job_${job.id} is ${job.status}: ${why}`,
      );
    if (job.status === 'running') wrong('it is still running');
    if (asks || verdict === 'cancelled') return;
    if (verdict === 'success') {
      if (job.status !== 'done') wrong('the run was a success');
    } else if (job.status === 'done') wrong('nothing was done');
    else if (isSpent && job.status !== 'failed') wrong('its budget is spent');
    else if (!isSpent && job.status === 'failed' && GIVEN_BACK.includes(verdict))
      wrong('its budget is not spent');
  }

  /** A stage of an agent goes on only by work that was really done. */
  function judgeEvidence(before: JobRow, after: JobRow, run: RunRow): void {
    const process = runs.all.get(run.id);
    if (before.task_id === null || before.agent === null || after.status !== 'done') return;
    if (run.verdict !== 'success')
      trace.broken('evidence', `job_${before.id} is done by run_${run.id}, which ended ${run.verdict}`);
    const name = process?.script.name ?? 'never started';
    const earlier = [...runs.all.values()].some(
      (each) => each.job.taskId === before.task_id && each.run.id < run.id && each.script.changes.length > 0,
    );
    const isConflict = before.context.includes('"conflict":{');
    const counts =
      (isConflict && (name === 'nothing changed' || name === 'documentation only')) ||
      MAY_COUNT.includes(name) ||
      (earlier && (name === 'nothing changed' || name === 'documentation only'));
    if (!counts)
      trace.broken(
        'evidence',
        `${before.stage} went on by run_${run.id}, whose agent did no such work: ${name}`,
      );
  }

  function holdOf(account: string | null): AccountHold | null {
    const text = account === null ? null : (eye.account(account)?.hold ?? null);
    return text === null ? null : (JSON.parse(text) as AccountHold);
  }

  function judgeHold(account: string, before: AccountHold | null, run: RunRow | null): void {
    const after = holdOf(account);
    const what = run === null ? 'a look' : `run_${run.id} (${run.verdict})`;
    // A person's cancel decides what becomes of the job; what the run learned of its account stands.
    const learned = run === null ? undefined : runs.all.get(run.id)?.script.judgement.verdict;
    const refused = [run?.verdict, learned].some(
      (verdict) => verdict === 'auth' || verdict === 'usage_limit',
    );
    if (run !== null && after === null && (run.verdict === 'auth' || run.verdict === 'usage_limit'))
      trace.broken('hold.none', `${what} does not hold ${account}`);
    if (before === null || after === null) {
      if (before === null && after !== null && !refused)
        trace.broken('hold.begin', `${account} is held by ${what}`);
      if (before !== null && after === null && !mayEnd(account, before, run))
        trace.broken('hold.end', `the hold of ${account} (${before.reason}) is ended by ${what}`);
      return;
    }
    if (!refused && JSON.stringify(before) !== JSON.stringify(after))
      trace.broken('hold.change', `the hold of ${account} is changed by ${what}`);
    if (after.reason === 'limit' && after.until !== null && after.until > wall() + 8 * 24 * 3_600_000)
      trace.broken('hold.clamp', `${account} is held for more than 8 days`);
  }

  function mayEnd(account: string, hold: AccountHold, run: RunRow | null): boolean {
    if (run !== null) {
      const answered = runs.all.get(run.id)?.script.judgement.realAnswer === true;
      return answered && run.started_at > hold.since;
    }
    if (hold.until !== null && !hold.guessed && wall() >= hold.until) return true;
    const history = parts.vendor.accounts.get(account)?.history ?? [];
    return history.some(
      ({ fingerprint }, i) =>
        fingerprint !== null &&
        fingerprint !== hold.fingerprint &&
        (history[i + 1]?.at ?? Number.POSITIVE_INFINITY) > wall() - SEEN_LATE_MS,
    );
  }

  async function settle(store: Store, ref: RunRef, decide: Parameters<Store['settle']>[1]) {
    const job = eye.job(ref.jobId);
    const run = eye.run(ref.runId);
    const held = holdOf(run?.account ?? null);
    const isFresh =
      job?.status === 'running' &&
      job.fence === ref.fence &&
      run?.status === 'running' &&
      run.fence === ref.fence;
    const jobs = job?.task_id == null ? 0 : eye.jobsOf(job.task_id).length;
    const answer = store.settle(ref, decide);
    const ended = eye.run(ref.runId);
    if (job !== undefined && run !== undefined && ended !== undefined) {
      const later = eye.job(ref.jobId);
      if (
        !isFresh &&
        (JSON.stringify(later) !== JSON.stringify(job) || JSON.stringify(ended) !== JSON.stringify(run))
      )
        trace.broken('fence', `a settle of run_${ref.runId} with fence ${ref.fence} changed job_${job.id}`);
      if (isFresh && ended.status === 'ended') {
        trace.note(
          `run_${run.id} is settled: ${ended.verdict}; job_${job.id} is ${later?.status}${later?.hold == null ? '' : ` (${later.hold})`}`,
        );
        if (parts.isOut(job.project)) unruled.add(run.id);
        judgeSettle(job, ended);
        if (run.account !== null) judgeHold(run.account, held, ended);
        if (job.task_id !== null && eye.jobsOf(job.task_id).length > jobs + 1)
          trace.broken('advance.once', `the settle of run_${run.id} made more than one job`);
      }
      always(`settle of run_${ref.runId}`);
    }
    const result = await answer;
    if (result === 'ok') figures.settles++;
    else figures.stale++;
    return result;
  }

  /** The head that somebody said yes to. */
  function noteYes(job: JobRow, audit: Audit): void {
    const task = audit.action === 'approve' && job.task_id !== null ? eye.task(job.task_id) : undefined;
    if (task?.head != null) approvals.set(task.key, (approvals.get(task.key) ?? new Set()).add(task.head));
  }

  async function command(
    store: Store,
    target: Target,
    decide: Parameters<Store['command']>[1],
    audit: Parameters<Store['command']>[2],
  ) {
    const before = new Map(eye.jobs().map((job) => [job.id, job]));
    const answer = store.command(target, decide, audit);
    for (const job of eye.jobs()) {
      const old = before.get(job.id);
      if (old === undefined) noteYes(job, audit);
      if (old === undefined || JSON.stringify(old) === JSON.stringify(job)) continue;
      const isRevived = audit.action === 'retry' && ['failed', 'cancelled'].includes(old.status);
      if (isRevived && job.status === 'queued') spent.set(job.id, { attempts: 0, transient: 0, lost: 0 });
      recount(job, `${audit.action} ${audit.target}`);
      noteYes(job, audit);
    }
    always(`${audit.action} ${audit.target}`);
    const result = await answer;
    if (result.repeated === true) return result;
    if (audit.by.startsWith('eve'))
      trace.broken('comment.outsider', `${audit.by} had ${audit.action} ${audit.target} done`);
    if (audit.once !== undefined && handled.has(audit.once))
      trace.broken('comment.once', `${audit.once} was handled twice: ${audit.action} ${audit.target}`);
    if (audit.once !== undefined) handled.add(audit.once);
    trace.note(`${audit.by}: ${audit.action} ${audit.target}`);
    return result;
  }

  return {
    approvals,
    unruled,
    figures,
    watched: (store) => ({
      ...store,
      async claim(request) {
        const check = parts.claims.around(request);
        const answer = store.claim(request);
        const started = check();
        if (started !== null) {
          figures.claims++;
          spentOf(started.id).attempts++;
          recount(started, 'claim');
        }
        const claimed = await answer;
        if (claimed === null) return null;
        trace.note(
          `claim: job_${claimed.job.id} (${claimed.task?.key ?? 'no task'} ${claimed.job.stage ?? ''}) as run_${claimed.run.id} on ${claimed.job.account ?? 'no account'}${claimed.run.probe ? ', a probe' : ''}`,
        );
        return claimed;
      },
      settle: (ref, decide: (state: never) => Effects) => settle(store, ref, decide as never),
      command: (target, decide, audit) => command(store, target, decide, audit),
      async submit(item, firstJob) {
        const result = store.submit(item, firstJob);
        always(`submit of ${item.key}`);
        return result;
      },
      async updateAccount(id, change) {
        const before = holdOf(id);
        const answer = store.updateAccount(id, change);
        judgeHold(id, before, null);
        return answer;
      },
    }),
  };
}
