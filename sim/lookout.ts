/**
 * Looks at a sleeping engine as a person does: every queued job has one reason, nothing that could start is
 * left lying, and a settle of an old claim changes nothing.
 */
import type { Effects } from '../src/core/effects.ts';
import type { VirtualClock } from './clock.ts';
import type { Eye } from './eye.ts';
import type { Installation } from './installation.ts';
import type { Trace } from './trace.ts';

export interface Lookout {
  /** Call it after each event of the clock. */
  afterStep(step: number): Promise<void>;
  /** A settle that comes too late, on purpose. */
  tryStale(): void;
  /** The kind world has waited long enough: what has not come to an end? */
  tellWhatIsLeft(): void;
}

const LOOK_EVERY = 25;
/** Longer than a few slow ticks: what could start and does not by then never will. */
const LEFT_LYING_MS = 20 * 60_000;

/** The grace, and a store that is busy for a while. */
const CANCEL_MS = 3 * 60_000;

/** Every code that may be the reason of a queued job. */
const CODES = new Set(
  `dispatch.paused host.disk host.memory worker.none worker.no_match worker.full approval.pending
   question.pending dependency.open checks.pending budget.reached cap.review forge.unreachable account.signed_out account.limit account.reserved account.probing
   gate.failed agent.unproven_version breaker.open breaker.probing retry.backoff lock.worktree
   project.slowed cap.project cap.stage cap.account queue.position`.split(/\s+/),
);

export function createLookout(parts: {
  eye: Eye;
  trace: Trace;
  clock: VirtualClock;
  installation: Installation;
}): Lookout {
  const { eye, trace, clock, installation } = parts;
  /** Since when each job was next and did not start, at every look. */
  const lying = new Map<number, number>();

  /** Since when a running job is to end, by a person's word. */
  const cancelled = new Map<number, number>();

  async function look(): Promise<void> {
    const told = await installation.explain();
    if (told === null || told.state === null) return;
    const { explanation, state } = told;
    const queued = eye.openJobs().filter(({ status }) => status === 'queued');
    const held = explanation.reasons.filter(({ jobs }) => jobs.length > 0);
    const explained = held.flatMap(({ jobs }) => jobs.map(({ id }) => id));
    const next = queued.filter(({ id }) => !explained.includes(id));
    if (explanation.verdict === 'unknown') return;
    if (
      new Set(explained).size !== explained.length ||
      explained.length + explanation.counts.queued !== queued.length
    )
      trace.broken('reason.one', `${queued.length} jobs are queued, ${explained.length} have a reason`);
    for (const { reason, jobs } of held) {
      const [job] = jobs;
      if (!CODES.has(reason.code)) trace.broken('reason.code', `job_${job?.id} waits for ${reason.code}`);
      if (reason.title === '' || reason.clearsWhen === '')
        trace.broken('reason.words', `${reason.code} of job_${job?.id} does not say what it is`);
    }
    for (const gate of state.accounts.values())
      if (
        gate.kind === 'closed' &&
        gate.held &&
        gate.state === 'waiting' &&
        gate.clearsAt === null &&
        gate.probeAt === null
      )
        trace.broken('hold.forever', `an account is held (${gate.code}) without an end, a probe or a person`);
    const doomed = eye.running().filter((job) => job.cancel_requested === 1);
    for (const id of cancelled.keys()) if (!doomed.some((job) => job.id === id)) cancelled.delete(id);
    for (const job of doomed) {
      const since = cancelled.get(job.id) ?? clock.elapsed();
      cancelled.set(job.id, since);
      if (clock.elapsed() - since > CANCEL_MS)
        trace.broken('cancel.lost', `job_${job.id} was cancelled, and its run goes on`);
    }
    for (const id of lying.keys()) if (!next.some((job) => job.id === id)) lying.delete(id);
    for (const job of next) {
      const since = lying.get(job.id) ?? clock.elapsed();
      lying.set(job.id, since);
      if (clock.elapsed() - since > LEFT_LYING_MS)
        trace.broken(
          'queue.left',
          `job_${job.id} could start since ${Math.round((clock.elapsed() - since) / 1000)} s`,
        );
    }
  }

  return {
    async afterStep(step) {
      const life = installation.life();
      if (life === null || !life.alive || life.pending > 0) return;
      if (step % LOOK_EVERY === 0) await look();
    },
    tryStale() {
      const old = eye.runs().findLast(({ status, id, job_id }) => {
        if (status !== 'ended') return false;
        return eye.runs().some((run) => run.job_id === job_id && run.id > id);
      });
      if (old === undefined || installation.life() === null) return;
      const before = eye.everything();
      const effects: Effects = { job: { status: 'failed', attempts: 99 }, project: 'failed' };
      const ref = { runId: old.id, jobId: old.job_id, fence: old.fence };
      void installation.store().settle(ref, () => effects);
      if (eye.everything() !== before)
        trace.broken('fence', `a settle of run_${old.id} with its old fence ${old.fence} changed rows`);
    },
    tellWhatIsLeft() {
      const tasks = eye.unfinished().map((task) => `${task.key} ${task.status} ${task.reason_code ?? ''}`);
      const jobs = eye.openJobs().map((job) => `job_${job.id} ${job.status} ${job.hold ?? ''}`);
      const rows = eye.outbox().map(({ key, status }) => `${key} ${status}`);
      trace.broken(
        'drain',
        `a kind world does not end: ${[...tasks, ...jobs, ...rows].slice(0, 12).join('; ')}`,
      );
    },
  };
}
