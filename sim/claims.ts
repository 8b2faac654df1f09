/**
 * What a claim may do, worked out again from the rows: caps, locks, gates, canaries and the fair order. Small
 * and slow on purpose, and it shares no line with the statement that it judges.
 */
import type { ClaimRequest } from '../src/store/store.ts';
import type { AccountRow, Eye, JobRow } from './eye.ts';
import type { Trace } from './trace.ts';

export interface ClaimChecks {
  /** Call it before a claim; the returned function, right after it: it gives the job that was started. */
  around(request: ClaimRequest): () => JobRow | null;
  /** Weights or projects have changed: the fair order begins anew. */
  reconfigured(): void;
}

const SLOW_AFTER = 5;
/** Turns a project may borrow by urgent work, and how much longer others may wait while somebody does. */
const MOST_BORROWED = 4;
const LANE = 4 / 3;

/** A project that could be served and is not. */
interface Wait {
  claims: number;
  /** One of these claims was of urgent work: it may have gone out of turn. */
  lane: boolean;
}

export function createClaimChecks(parts: {
  eye: Eye;
  trace: Trace;
  wall: () => number;
  /** Slots of an account, and of the whole worker (null), by every configuration that may still be acted on. */
  slotsOf: (account: string | null) => number;
  probeIntervalMs: () => number;
}): ClaimChecks {
  const { eye, trace } = parts;
  /** Fair claims since a project that could have been served was. */
  const waited = new Map<string, Wait>();
  /** Claims of urgent work since a project's last other one: each may be a turn that it pays back. */
  const borrowed = new Map<string, number>();
  /** A project may still stand where a weight of before has put it. */
  const weightsSeen = new Set<number>();

  function judge(job: JobRow, running: readonly JobRow[], account: AccountRow | undefined): void {
    const at = `job_${job.id}`;
    const others = running.filter(({ id }) => id !== job.id);
    const twin = others.find(
      (other) =>
        other.project === job.project &&
        (other.branch === job.branch || (job.task_id !== null && other.task_id === job.task_id)),
    );
    if (twin !== undefined)
      trace.broken('one.job', `${at} starts while job_${twin.id} of the same task or branch is running`);
    if (running.length > parts.slotsOf(null))
      trace.broken(
        'cap.worker',
        `${at} is one of ${running.length} running jobs, ${parts.slotsOf(null)} allowed`,
      );
    const project = eye.projects().find(({ key }) => key === job.project);
    const inProject = running.filter((other) => other.project === job.project).length;
    const cap = project === undefined ? 0 : project.failed_in_row >= SLOW_AFTER ? 1 : project.max_concurrency;
    if (inProject > cap)
      trace.broken('cap.project', `${at} is one of ${inProject} running in ${job.project}, ${cap} allowed`);
    if (job.account === null) return;
    const onAccount = running.filter((other) => other.account === job.account).length;
    if (onAccount > parts.slotsOf(job.account))
      trace.broken(
        'cap.account',
        `${at} is one of ${onAccount} running on ${job.account}, ${parts.slotsOf(job.account)} allowed`,
      );
    if (account !== undefined) judgeStart(job, account);
  }

  /** `account` is the row before the claim. */
  function judgeStart(job: JobRow, account: AccountRow): void {
    const run = eye.liveRuns().find((each) => each.job_id === job.id && each.fence === job.fence);
    const isProbe = run?.probe === 1;
    const otherProbe = eye
      .liveRuns()
      .find((each) => each.account === account.id && each.probe === 1 && each.id !== run?.id);
    if (isProbe && otherProbe !== undefined)
      trace.broken('canary.one', `run_${run?.id} probes ${account.id} beside run_${otherProbe.id}`);
    if (account.hold === null) return;
    if (!isProbe)
      trace.broken('hold.start', `job_${job.id} starts on ${account.id}, which is held: ${account.hold}`);
    const since = account.last_probe_at === null ? null : parts.wall() - account.last_probe_at;
    if (isProbe && since !== null && since < parts.probeIntervalMs())
      trace.broken(
        'canary.interval',
        `${account.id} is probed ${Math.round(since / 1000)} s after its last canary: ${account.hold}, ${parts.wall()}`,
      );
  }

  /** Projects that could be served by this request, with a job each. */
  function eligible(request: ClaimRequest): Map<string, JobRow> {
    const open = eye.openJobs();
    const running = open.filter(({ status }) => status === 'running');
    const found = new Map<string, JobRow>();
    const pauses = eye.pauses().filter(({ until }) => until === null || request.now < until);
    const isPaused = (scope: string, id: string) =>
      pauses.some((pause) => pause.scope === scope && pause.id === id);
    if (running.length >= request.slots || isPaused('all', '')) return found;
    const canary = request.probe && request.ofHold === true;
    const free = new Set(
      request.accounts
        .filter(({ id }) => !isPaused('account', id) && (canary || eye.account(id)?.hold == null))
        .filter(({ id, slots }) => running.filter((job) => job.account === id).length < slots)
        .map(({ id }) => id),
    );
    for (const { key, active, failed_in_row, max_concurrency } of eye.projects()) {
      const mine = running.filter(({ project }) => project === key);
      if (active !== 1 || request.closedProjects.includes(key) || isPaused('project', key)) continue;
      if (mine.length >= (failed_in_row >= SLOW_AFTER ? 1 : max_concurrency)) continue;
      const job = open.find(
        (each) =>
          each.project === key &&
          each.status === 'queued' &&
          each.hold === null &&
          (each.available_at === null || each.available_at <= request.now) &&
          hasPlace(each, request, free, isPaused) &&
          !(each.fresh === 1 && request.withoutNewWork.includes(key)) &&
          !mine.some(
            (other) =>
              other.branch === each.branch || (each.task_id !== null && other.task_id === each.task_id),
          ),
      );
      if (job !== undefined) found.set(key, job);
    }
    return found;
  }

  function hasPlace(
    job: JobRow,
    request: ClaimRequest,
    free: ReadonlySet<string>,
    isPaused: (scope: string, id: string) => boolean,
  ): boolean {
    if (job.agent === null) return request.withoutAccount && !request.agentsOnly.includes(job.project);
    if (job.account === null || request.withoutAgents.includes(job.project)) return false;
    const moved = request.failover.filter(
      ({ project, from }) => project === job.project && from === job.account && !isPaused('account', from),
    );
    return free.has(job.account) || moved.some(({ to }) => free.has(to));
  }

  function judgeOrder(could: ReadonlyMap<string, JobRow>, { project: served, urgent }: JobRow): void {
    const weights = eye.projects().filter(({ active }) => active === 1);
    for (const { weight } of weights) weightsSeen.add(weight);
    const ratio = Math.max(...weightsSeen) / Math.min(...weightsSeen);
    const bound = weights.length * Math.ceil(ratio);
    borrowed.set(served, urgent === 1 ? Math.min(MOST_BORROWED, (borrowed.get(served) ?? 0) + 1) : 0);
    for (const { key } of weights) {
      if (!could.has(key) || key === served) {
        waited.delete(key);
        continue;
      }
      const before = waited.get(key) ?? { claims: 0, lane: false };
      const wait = { claims: before.claims + 1, lane: before.lane || urgent === 1 };
      waited.set(key, wait);
      const turns = (borrowed.get(key) ?? 0) + 1;
      if (wait.claims >= Math.ceil(turns * bound * (wait.lane ? LANE : 1)))
        trace.broken(
          'fairness',
          `${key} could have been served in each of ${wait.claims} claims, and was in none (${turns - 1} turns borrowed)`,
        );
    }
  }

  return {
    reconfigured: () => waited.clear(),
    around(request) {
      const before = new Set(eye.running().map(({ id }) => id));
      const accounts = new Map(eye.accounts().map((row) => [row.id, row]));
      const could = eligible(request);
      return () => {
        const running = eye.running();
        const started = running.filter(({ id }) => !before.has(id));
        const [job] = started;
        if (job === undefined) {
          const [missed] = could.values();
          if (missed !== undefined)
            trace.broken('claim.missed', `job_${missed.id} could start, and the claim gave nothing`);
          return null;
        }
        if (started.length > 1) trace.broken('claim.one', `one claim started ${started.length} jobs`);
        if (!could.has(job.project))
          trace.broken('claim.gate', `job_${job.id} started, though nothing of ${job.project} may start`);
        judge(job, running, job.account === null ? undefined : accounts.get(job.account));
        if (request.probe) waited.delete(job.project);
        else judgeOrder(could, job);
        return job;
      };
    },
  };
}
