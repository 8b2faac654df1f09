import fc from 'fast-check';
import { expect, it } from 'vitest';
import { approve } from '../core/approvals.ts';
import { type CommandContext } from '../core/command.ts';
import { cancel, retry } from '../core/commands.ts';
import { AppError } from '../core/errors.ts';
import type { StageOutcome } from '../core/evidence.ts';
import { VERDICTS, type Verdict } from '../core/failure.ts';
import type { Job, Task, TaskStatus } from '../core/model.ts';
import type { Stage } from '../core/pipeline.ts';
import { decideSettle, type SettleInput } from '../core/settle.ts';
import { jobForStage, type ProjectRules } from '../core/task.ts';
import { judgement, rules as projectRules, stage } from '../core/test-kit.ts';
import { setUrgent } from '../core/urgent.ts';
import type { ClaimRequest, RunRef } from './store.ts';
import {
  AUDIT,
  claimRequest,
  EVERYTHING,
  MINUTE,
  newJob,
  newTask,
  type OpenStore,
  project,
  refOf,
  SECOND,
  T0,
} from './store-rows.contract.ts';

/**
 * What every job and task must look like after any history, by hand: random steps are done to the store and to
 * this model, and then they are compared. `ORCH_TEST_SEQUENCES` sets how many histories are walked.
 */
export function followsTheModel(open: OpenStore): void {
  const sequences = Number(process.env['ORCH_TEST_SEQUENCES'] ?? 200);
  it(
    `follows the model through ${sequences} random histories`,
    async () => {
      const statistics = { steps: 0, claims: 0, settles: 0 };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
          const history = await createHistory(open, statistics);
          try {
            for (const next of steps) await history.take(next);
          } finally {
            await history.discard();
          }
        }),
        { numRuns: sequences, endOnFailure: false },
      );
      // A model that never got to the interesting states would prove nothing.
      expect(statistics.claims).toBeGreaterThan(sequences);
      expect(statistics.settles).toBeGreaterThan(sequences / 2);
    },
    60_000 + sequences * 200,
  );
}

const PIPELINE: readonly Stage[] = [
  stage('development', { agent: 'developer' }),
  stage('review', { agent: 'reviewer', onReject: 'development', maxRounds: 1, account: 'b' }),
  stage('deploy', { kind: 'deploy', agent: null, approval: 'required' }),
];
const PROJECTS = [
  project('p0', { maxConcurrency: 1 }),
  project('p1', { maxConcurrency: 2, weight: 2 }),
  project('p2', { maxConcurrency: 3, weight: 0.5 }),
];
const MAX_ATTEMPTS = 2;
const BUDGETS = {
  maxTransientAttempts: 2,
  maxLostAttempts: 2,
  backoff: { baseMs: 10 * SECOND, maxMs: 15 * SECOND },
};
const BREAKER = { threshold: 3, cooldownMs: MINUTE };
const HEAD = 'c0ffee';

const projectIndex = fc.nat({ max: PROJECTS.length - 1 });
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      project: projectIndex,
      item: fc.nat({ max: 2 }),
      urgent: fc.constantFrom(false, false, true),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('enqueue' as const),
      project: projectIndex,
      account: fc.constantFrom('a', 'b', null),
      priority: fc.nat({ max: 1 }),
      urgent: fc.constantFrom(false, false, true),
      rework: fc.boolean(),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      accounts: fc.oneof(
        {
          weight: 3,
          arbitrary: fc.constant([
            { id: 'a', slots: 3 },
            { id: 'b', slots: 2 },
          ]),
        },
        {
          weight: 1,
          arbitrary: fc.uniqueArray(fc.record({ id: fc.constantFrom('a', 'b'), slots: fc.nat({ max: 2 }) }), {
            selector: (a) => a.id,
            maxLength: 2,
          }),
        },
      ),
      slots: fc.constantFrom(9, 9, 9, 2, 1),
      probe: fc.constantFrom(false, false, false, true),
      ofHold: fc.boolean(),
      /** Whether the look is older than the pauses. */
      late: fc.boolean(),
      /** Whether the accounts that were refused are still held. */
      held: fc.constantFrom(false, false, false, true),
      withoutAccount: fc.constantFrom(true, true, false),
      withoutAgents: fc.constantFrom([], [], [], ['p1']),
      agentsOnly: fc.constantFrom([], [], [], ['p2']),
      withoutNewWork: fc.constantFrom([], [], ['p0', 'p2']),
      failover: fc.constantFrom(
        [],
        [],
        [{ project: 'p1', from: 'a', to: 'b' }],
        [
          { project: 'p2', from: 'b', to: 'a' },
          { project: 'p0', from: 'a', to: 'b' },
        ],
      ),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat(),
      verdict: fc.oneof(fc.constant('success' as const), fc.constantFrom(...VERDICTS)),
      outcome: fc.constantFrom(
        'advance' as const,
        'advance' as const,
        'send_back' as const,
        'ask' as const,
        'no_evidence' as const,
      ),
      retryAfterMs: fc.constantFrom(null, 0, 3 * SECOND),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('settle late' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(), whole: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('retry' as const), which: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('approve' as const), which: fc.nat(), stale: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('urgent' as const), which: fc.nat(), on: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('pause' as const),
      project: projectIndex,
      on: fc.constantFrom(true, false, false),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, SECOND, 4 * SECOND, MINUTE),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type StepOf<K extends Step['do']> = Extract<Step, { do: K }>;

/** The part of a job the model speaks of. */
const SEEN = [
  'id',
  'taskId',
  'project',
  'branch',
  'stage',
  'agent',
  'account',
  'status',
  'attempts',
  'transientAttempts',
  'lostAttempts',
  'fence',
  'priority',
  'urgent',
  'rework',
  'availableAt',
  'hold',
  'cancelRequested',
  'movedFrom',
  'fresh',
] as const satisfies readonly (keyof Job)[];
type ModelJob = { -readonly [K in (typeof SEEN)[number]]: Job[K] };
interface ModelTask {
  readonly id: number;
  readonly key: string;
  stage: string;
  status: TaskStatus;
  rounds: number;
  hasHead: boolean;
  urgent: boolean;
}

/** One random history: every step is done to the store and to the model, and then they are compared. */
async function createHistory(
  open: OpenStore,
  statistics: { steps: number; claims: number; settles: number },
) {
  let now = T0;
  const opened = await open(() => now);
  let { store } = opened;
  await store.configure(PROJECTS, ['a', 'b']);
  const jobs = new Map<number, ModelJob>();
  const tasks = new Map<number, ModelTask>();
  const refs: RunRef[] = [];
  const paused = new Set<string>();
  const failedInRow = new Map<string, number>();
  const rules = (key: string) => projectRules(PIPELINE, { key });
  const contextOf = (job: Job): CommandContext => ({
    project: rules(job.project),
    maxAttempts: MAX_ATTEMPTS,
    by: 'mara',
    now,
  });

  const live = () =>
    refs.filter(
      (ref) => jobs.get(ref.jobId)?.status === 'running' && jobs.get(ref.jobId)?.fence === ref.fence,
    );
  const running = (count: (job: ModelJob) => boolean) =>
    [...jobs.values()].filter((job) => job.status === 'running' && count(job)).length;
  const pick = <T>(from: readonly T[], which: number): T | undefined =>
    from.length === 0 ? undefined : from[which % from.length];
  const isLatest = (job: ModelJob) =>
    job.taskId === null ||
    ![...jobs.values()].some((other) => other.taskId === job.taskId && other.id > job.id);
  const taskOf = (job: ModelJob) => (job.taskId === null ? undefined : tasks.get(job.taskId));

  /** New rows must be exactly the expected ones; from then on the model knows their ids. */
  async function adopt(expected: readonly Omit<ModelJob, 'id'>[]): Promise<void> {
    const { items } = await store.jobs({ after: Math.max(0, ...jobs.keys()), limit: EVERYTHING });
    expect(items.map((job) => ({ ...seen(job), id: 0 }))).toEqual(
      expected.map((job) => ({ ...job, id: 0, branch: job.branch === '' ? expect.any(String) : job.branch })),
    );
    for (const job of items) jobs.set(job.id, seen(job));
  }

  function fresh(fields: Partial<ModelJob>): Omit<ModelJob, 'id'> {
    return {
      taskId: null,
      project: 'p0',
      branch: '',
      stage: null,
      agent: 'developer',
      account: 'a',
      status: 'queued',
      attempts: 0,
      transientAttempts: 0,
      lostAttempts: 0,
      fence: 0,
      priority: 0,
      urgent: false,
      rework: false,
      availableAt: null,
      hold: null,
      cancelRequested: false,
      movedFrom: null,
      fresh: false,
      ...fields,
    };
  }

  function freshStage(job: ModelJob, stage: string, rework: boolean): Omit<ModelJob, 'id'> {
    const { taskId, project: key, branch, priority } = job;
    const urgent = taskOf(job)?.urgent ?? false;
    const own = {
      development: { agent: 'developer', account: 'a' },
      review: { agent: 'reviewer', account: 'b' },
      deploy: { agent: null, account: null, hold: 'approval.pending' },
    }[stage];
    const hasHead = taskOf(job)?.hasHead ?? true;
    return fresh({ taskId, project: key, branch, priority, urgent, stage, rework, fresh: !hasHead, ...own });
  }

  async function submit({ project: index, item, urgent }: StepOf<'submit'>): Promise<void> {
    const key = `P${index}-${item}`;
    const known = [...tasks.values()].some((task) => task.key === key);
    const { task, created } = await store.submit(
      newTask({ project: `p${index}`, workItemId: String(item), key, branch: `orch/${key}`, urgent }),
      (made: Task) =>
        jobForStage(made, PIPELINE[0] as Stage, rules(made.project), {
          maxAttempts: MAX_ATTEMPTS,
          rework: false,
          context: {},
        }),
    );
    expect(created).toBe(!known);
    if (!created) return;
    tasks.set(task.id, {
      id: task.id,
      key,
      stage: 'development',
      status: 'active',
      rounds: 0,
      hasHead: false,
      urgent,
    });
    await adopt([
      fresh({
        taskId: task.id,
        project: task.project,
        branch: task.branch,
        stage: 'development',
        fresh: true,
        urgent,
      }),
    ]);
  }

  async function enqueue({ do: _do, project: index, account, ...order }: StepOf<'enqueue'>): Promise<void> {
    await store.enqueue(
      newJob({ project: `p${index}`, account, ...order, maxAttempts: MAX_ATTEMPTS }),
      (id) => `orch/job-${id}`,
    );
    await adopt([fresh({ project: `p${index}`, account, ...order })]);
  }

  function mayStart(job: ModelJob, request: ClaimRequest): boolean {
    const cap =
      (failedInRow.get(job.project) ?? 0) >= 5
        ? 1
        : (PROJECTS.find((p) => p.key === job.project)?.maxConcurrency ?? 0);
    const isAllowed =
      job.agent === null
        ? request.withoutAccount && !request.agentsOnly.includes(job.project)
        : placeFor(job, request) !== null && !request.withoutAgents.includes(job.project);
    return (
      job.status === 'queued' &&
      job.hold === null &&
      (job.availableAt === null || job.availableAt <= now) &&
      !paused.has(job.project) &&
      running(() => true) < request.slots &&
      running((other) => other.project === job.project) < cap &&
      isAllowed &&
      !(job.fresh && request.withoutNewWork.includes(job.project)) &&
      running((other) => other.branch === job.branch) === 0
    );
  }

  /** Its own account if that has a free slot, else the first of its failover that has one. */
  function placeFor(job: ModelJob, request: ClaimRequest): string | null {
    const moves = request.failover.filter((f) => f.project === job.project && f.from === job.account);
    const free = [job.account, ...moves.map((move) => move.to)].find((id) => {
      const slots = request.accounts.find((each) => each.id === id)?.slots ?? 0;
      return running((other) => other.agent !== null && other.account === id) < slots;
    });
    return free ?? null;
  }

  async function claim({ slots, held, late, do: _do, ...asked }: StepOf<'claim'>): Promise<void> {
    const { probe, ofHold } = asked;
    if (!held)
      for (const { id } of await store.accounts())
        await store.updateAccount(id, (account) => ({ ...account, hold: null }));
    const request = claimRequest({
      ...asked,
      slots,
      closedProjects: late ? [] : [...paused],
      now,
    });
    const closed = probe && ofHold ? [] : (await store.accounts()).filter(({ hold }) => hold !== null);
    const open = {
      ...request,
      accounts: request.accounts.filter(({ id }) => !closed.some((account) => account.id === id)),
    };
    const mayBe = [...jobs.values()].filter((job) => mayStart(job, open));
    const taken = await store.claim(request);
    for (const job of jobs.values())
      if (due(job) && (taken !== null || running(() => true) < slots)) job.availableAt = null;
    if (taken === null) {
      expect(mayBe, 'these jobs could have started').toEqual([]);
      return;
    }
    const job = jobs.get(taken.job.id);
    expect(mayBe).toContain(job);
    if (job === undefined) return;
    const first = probe
      ? mayBe.toSorted(
          (a, b) =>
            Number(a.attempts > 0) - Number(b.attempts > 0) ||
            a.transientAttempts - b.transientAttempts ||
            a.id - b.id,
        )[0]
      : mayBe
          .filter((other) => other.project === job.project)
          .toSorted(
            (a, b) =>
              Number(b.urgent) - Number(a.urgent) ||
              b.priority - a.priority ||
              Number(b.rework) - Number(a.rework) ||
              a.id - b.id,
          )[0];
    expect(job).toEqual(first);
    const place = job.agent === null ? job.account : placeFor(job, open);
    expect([taken.job.account, taken.run.account]).toEqual([place, place]);
    job.movedFrom = place === job.account ? null : job.account;
    job.account = place;
    job.status = 'running';
    job.attempts += 1;
    job.fence += 1;
    job.cancelRequested = false;
    refs.push(refOf(taken));
    statistics.claims += 1;
  }

  const due = (job: ModelJob) =>
    job.status === 'queued' && job.hold === null && job.availableAt !== null && job.availableAt <= now;

  async function settle({ which, verdict, outcome, retryAfterMs }: StepOf<'settle'>): Promise<void> {
    const ref = pick(live(), which);
    const job = ref === undefined ? undefined : jobs.get(ref.jobId);
    if (ref === undefined || job === undefined) return;
    const evidence = job.taskId === null || verdict !== 'success' ? null : OUTCOMES[outcome];
    expect(
      await store.settle(ref, (state) =>
        decideSettle(state, settleInput(rules(job.project), verdict, evidence, retryAfterMs), now),
      ),
    ).toBe('ok');
    statistics.settles += 1;
    await adopt(expectSettled(job, verdict, evidence?.kind ?? null, retryAfterMs));
  }

  /** The table of the specification, by hand: what each verdict does to the job, and the task with it. */
  function expectSettled(
    job: ModelJob,
    came: Verdict,
    outcome: StageOutcome['kind'] | null,
    retryAfterMs: number | null,
  ): Omit<ModelJob, 'id'>[] {
    const verdict = job.cancelRequested
      ? 'cancelled'
      : came === 'success' && outcome === 'no_evidence'
        ? 'permanent'
        : came;
    const task = taskOf(job);
    const asked = verdict === 'success' && outcome === 'ask';
    const cancelled = job.cancelRequested;
    const account = job.movedFrom ?? job.account;
    const released = (): Omit<ModelJob, 'id'>[] => {
      if (job.status === 'queued') Object.assign(job, { account, movedFrom: null });
      return [];
    };
    if (came === 'success' && task !== undefined) {
      task.hasHead = true;
      for (const other of jobs.values()) if (other.taskId === task.id) other.fresh = false;
    }
    job.availableAt = null;
    job.cancelRequested = false;
    job.hold = null;
    const givesBack = asked || !['success', 'no_change', 'permanent', 'timeout', 'stalled'].includes(verdict);
    if (givesBack) job.attempts -= 1;
    if (verdict === 'transient') job.transientAttempts += 1;
    if (verdict === 'lost') job.lostAttempts += 1;
    const spent = givesBack
      ? job.transientAttempts >= 2 && verdict === 'transient'
        ? true
        : verdict === 'lost' && job.lostAttempts >= 2
      : job.attempts >= MAX_ATTEMPTS;
    if (asked) {
      job.status = 'queued';
      job.hold = 'question.pending';
      if (task !== undefined) task.status = 'needs_you';
      return released();
    }
    if (verdict === 'success') {
      job.status = 'done';
      failedInRow.set(job.project, 0);
      return task === undefined ? [] : moveOn(job, task, outcome);
    }
    if (verdict === 'cancelled') {
      job.status = cancelled ? 'cancelled' : 'queued';
      return released();
    }
    job.status = spent ? 'failed' : 'queued';
    if (verdict === 'transient' && !spent) job.availableAt = now + (retryAfterMs ?? 5 * SECOND);
    if (spent) {
      failedInRow.set(job.project, (failedInRow.get(job.project) ?? 0) + 1);
      if (task !== undefined) task.status = 'needs_you';
    }
    return released();
  }

  function moveOn(
    job: ModelJob,
    task: ModelTask,
    outcome: StageOutcome['kind'] | null,
  ): Omit<ModelJob, 'id'>[] {
    if (outcome === 'advance') {
      if (job.stage === 'deploy') {
        task.status = 'done';
        return [];
      }
      task.stage = job.stage === 'development' ? 'review' : 'deploy';
      task.status = task.stage === 'deploy' ? 'needs_you' : 'active';
      return [freshStage(job, task.stage, job.rework)];
    }
    if (outcome !== 'send_back') return [];
    const allowed = job.stage === 'review' ? 1 : job.stage === 'deploy' ? 3 : 0;
    task.rounds = (roundsOf.get(`${task.id}:${job.stage}`) ?? 0) + 1;
    roundsOf.set(`${task.id}:${job.stage}`, task.rounds);
    if (task.rounds > allowed) {
      task.status = 'needs_you';
      return [];
    }
    task.stage = 'development';
    task.status = 'active';
    return [freshStage(job, 'development', true)];
  }
  const roundsOf = new Map<string, number>();

  async function settleLate({ which }: StepOf<'settle late'>): Promise<void> {
    const current = new Set(live());
    const ref = pick(
      refs.filter((old) => !current.has(old)),
      which,
    );
    if (ref === undefined) return;
    expect(await store.settle(ref, () => ({ job: { status: 'done', attempts: 0 }, project: 'failed' }))).toBe(
      'stale',
    );
    expect(await store.started(ref, { pid: 1 })).toBe(false);
  }

  async function cancelOne({ which, whole }: StepOf<'cancel'>): Promise<void> {
    const job = pick([...jobs.values()].filter(isLatest), which);
    if (job === undefined) return;
    const task = taskOf(job);
    const refused = whole && task?.status === 'done';
    const done = store.command(
      { kind: 'job', id: job.id },
      (state) => cancel(state, whole, contextOf(state.job)),
      AUDIT,
    );
    if (refused) {
      await expect(done).rejects.toMatchObject({ code: 'task.ended' });
      return;
    }
    await done;
    if (whole && task?.status === 'cancelled') return;
    if (task !== undefined && whole) task.status = 'cancelled';
    if (job.status === 'running') job.cancelRequested = true;
    else if (job.status === 'queued') {
      job.status = 'cancelled';
      job.hold = null;
    } else return;
    if (task !== undefined && !whole) task.status = 'needs_you';
  }

  async function retryOne({ which }: StepOf<'retry'>): Promise<void> {
    // A deploy that was cancelled or failed must be approved again: a rule of `retry`, tested beside it.
    const job = pick(
      [...jobs.values()].filter((j) => isLatest(j) && !(j.stage === 'deploy' && j.status !== 'queued')),
      which,
    );
    if (job === undefined) return;
    const task = taskOf(job);
    const done = store.command(
      { kind: 'job', id: job.id },
      (state) => retry(state, { note: null, fromStage: null, account: null }, contextOf(state.job)),
      AUDIT,
    );
    if (job.status === 'running' || job.status === 'done') {
      await expect(done).rejects.toBeInstanceOf(AppError);
      return;
    }
    await done;
    if (job.status !== 'queued') Object.assign(job, { attempts: 0, transientAttempts: 0, lostAttempts: 0 });
    Object.assign(job, { account: job.movedFrom ?? job.account, movedFrom: null });
    job.status = 'queued';
    job.availableAt = null;
    if (job.hold === 'question.pending') job.hold = null;
    if (task !== undefined && job.hold === null) task.status = 'active';
  }

  async function approveOne({ which, stale }: StepOf<'approve'>): Promise<void> {
    const job = pick([...jobs.values()].filter(isLatest), which);
    if (job === undefined) return;
    const task = taskOf(job);
    const done = store.command(
      { kind: 'job', id: job.id },
      (state) => approve(state, stale ? 'beef' : HEAD.slice(0, 4), contextOf(state.job)),
      AUDIT,
    );
    // The rounds of this stage are spent: approving goes on in spite of the findings.
    if (!stale && job.status === 'done' && task?.status === 'needs_you') {
      await done;
      await adopt(moveOn(job, task, 'advance'));
      return;
    }
    if (stale || task === undefined || job.status !== 'queued' || job.hold !== 'approval.pending') {
      await expect(done).rejects.toBeInstanceOf(AppError);
      return;
    }
    await done;
    job.hold = null;
    task.status = 'active';
  }

  async function urgentOne({ which, on }: StepOf<'urgent'>): Promise<void> {
    const job = pick([...jobs.values()].filter(isLatest), which);
    if (job === undefined) return;
    const task = taskOf(job);
    const done = store.command({ kind: 'job', id: job.id }, (state) => setUrgent(state, on), AUDIT);
    if (task === undefined ? job.status === 'done' : task.status === 'done' || task.status === 'cancelled') {
      await expect(done).rejects.toBeInstanceOf(AppError);
      return;
    }
    await done;
    job.urgent = on;
    if (task !== undefined) task.urgent = on;
  }

  async function pause({ project: index, on }: StepOf<'pause'>): Promise<void> {
    const key = `p${index}`;
    if (on)
      await store.pause({ scope: 'project', id: key, note: '', by: 'mara', since: now, until: null }, AUDIT);
    else expect(await store.resume('project', key, AUDIT)).toBe(paused.has(key));
    if (on) paused.add(key);
    else paused.delete(key);
  }

  async function compare(): Promise<void> {
    const stored = (await store.jobs({ limit: EVERYTHING })).items;
    expect(stored.map(seen)).toEqual([...jobs.values()]);
    const storedTasks = (await store.tasks({ limit: EVERYTHING })).items;
    expect(storedTasks.map(({ id, key, stage, status }) => ({ id, key, stage, status }))).toEqual(
      [...tasks.values()].map(({ id, key, stage, status }) => ({ id, key, stage, status })),
    );
    expect((await store.running()).map(({ run }) => [run.jobId, run.fence])).toEqual(
      live().map((ref) => [ref.jobId, ref.fence]),
    );
    const counts = await store.counts();
    for (const status of ['queued', 'running', 'done', 'failed', 'cancelled'] as const)
      expect(counts.jobs[status]).toBe(stored.filter((job) => job.status === status).length);
    expect(new Map([...failedInRow].filter(([, n]) => n > 0))).toEqual(counts.failedInRow);
    for (const { key, maxConcurrency } of PROJECTS)
      expect(running((job) => job.project === key)).toBeLessThanOrEqual(maxConcurrency);
    // No work is lost: an active task always has exactly one job that waits or runs.
    for (const task of tasks.values()) {
      const alive = [...jobs.values()].filter(
        (job) => job.taskId === task.id && (job.status === 'queued' || job.status === 'running'),
      );
      if (task.status === 'active') expect(alive, `${task.key} is active`).toHaveLength(1);
      else expect(alive.length).toBeLessThanOrEqual(1);
    }
  }

  return {
    async take(next: Step): Promise<void> {
      statistics.steps += 1;
      switch (next.do) {
        case 'submit':
          await submit(next);
          break;
        case 'enqueue':
          await enqueue(next);
          break;
        case 'claim':
          await claim(next);
          break;
        case 'settle':
          await settle(next);
          break;
        case 'settle late':
          await settleLate(next);
          break;
        case 'cancel':
          await cancelOne(next);
          break;
        case 'retry':
          await retryOne(next);
          break;
        case 'approve':
          await approveOne(next);
          break;
        case 'urgent':
          await urgentOne(next);
          break;
        case 'pause':
          await pause(next);
          break;
        case 'wait':
          now += next.ms;
          break;
        case 'restart':
          store = await opened.reopen();
          break;
      }
      await compare();
    },
    discard: () => opened.discard(),
  };
}

const OUTCOMES: Readonly<Record<StageOutcome['kind'], StageOutcome>> = {
  advance: { kind: 'advance', noChange: null },
  send_back: {
    kind: 'send_back',
    findings: [{ severity: 'high', file: null, line: null, title: 'wrong', detail: '' }],
  },
  wait: { kind: 'wait', awaits: { detail: '2 checks still run on 9c41f0e', merges: false } },
  ask: { kind: 'ask', code: 'question.pending', detail: 'which one?' },
  no_evidence: { kind: 'no_evidence', verdict: 'permanent', reason: 'no evidence: nothing' },
};

function settleInput(
  rules: ProjectRules,
  verdict: Verdict,
  outcome: StageOutcome | null,
  retryAfterMs: number | null,
): SettleInput {
  return {
    judgement: judgement(verdict, { rule: 'model', realAnswer: verdict === 'success', retryAfterMs }),
    end: { exitCode: 0, signal: null, stoppedBy: null, vanished: false },
    outcome,
    head: verdict === 'success' ? HEAD : null,
    pr: null,
    finalCode: null,
    ran: true,
    credentialFingerprint: null,
    project: rules,
    maxAttempts: MAX_ATTEMPTS,
    budgets: BUDGETS,
    breaker: BREAKER,
    jitter: 0,
  };
}

function seen(job: Job): ModelJob {
  return Object.fromEntries(SEEN.map((key) => [key, job[key]])) as ModelJob;
}
