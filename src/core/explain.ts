import { type AccountWarning, warningReason } from './account-warning.ts';
import type { ClosedGates } from './closed-gates.ts';
import { isUnreachable } from './destination-gates.ts';
import type { Reason } from './dispatch-state.ts';
import { type IntakeWait, intakeReasons } from './intake.ts';
import type { Job, Task } from './model.ts';
import { reasonFor } from './reason.ts';
import { reasonCodeOf } from './reason-codes.ts';
import { staleFor, staleReason } from './stale.ts';

/** Held jobs grouped by their one reason, most jobs first, `needs_you` before `waiting`. */
export interface Explained {
  readonly verdict: 'working' | 'idle' | 'waiting' | 'needs_you' | 'unknown';
  readonly headline: string;
  readonly counts: {
    readonly running: number;
    readonly queued: number;
    readonly waiting: number;
    readonly needsYou: number;
  };
  readonly reasons: readonly { readonly reason: Reason; readonly jobs: readonly Job[] }[];
  /** Of the queued ones that nothing holds, the one that waits the longest; null = none. */
  readonly oldestReady: Job | null;
}

export interface Explanation extends Explained {
  readonly nextChange: { readonly at: number; readonly what: string } | null;
}

export interface Explainable {
  readonly queued: readonly Job[];
  /** False when there are too many: the counts are without the rest. */
  readonly isWhole: boolean;
  readonly running: number;
  /** What the last tick saw; null = there was none for too long, and everything is unknown. */
  readonly gates: ClosedGates | null;
  /** When it was. */
  readonly tickAt: number | null;
  readonly now: number;
  /** Keys of tasks by their id, for the jobs that have one. */
  readonly keys: ReadonlyMap<number, string>;
  /** Only this project's; null = all. */
  readonly project: string | null;
  /** Tasks that wait for a person, with no job queued. */
  readonly stuck: readonly Task[];
  /** What the trackers have, looked at when nothing is queued. */
  readonly surveys: readonly Survey[];
  /** Items that wait outside of the lines; left out = none. */
  readonly intakes?: readonly IntakeWait[];
  /** What will hold accounts before long; left out = nothing. */
  readonly warnings?: readonly AccountWarning[];
}

/** What a tracker had for a project when it was last looked at. */
export interface Survey {
  readonly project: string;
  /** Names the tracker: "Orch's own board", "Plane". */
  readonly source: string;
  /** The rule that an item has to match to be taken on, in words. */
  readonly rule: string;
  readonly lookedAt: number;
  readonly seen: number;
  readonly matching: number;
  /** The items that come nearest, and what each of them lacks. */
  readonly nearest: readonly { readonly key: string; readonly why: string }[];
}

/** Explains the queue by what the last tick saw. */
export function explain(of: Explainable): Explanation {
  const { queued, running, gates, now } = of;
  if (gates === null) {
    return {
      verdict: 'unknown',
      headline: `Unknown: the scheduler has not ticked ${staleFor(of.tickAt, now)}.`,
      counts: { running, queued: queued.length, waiting: 0, needsYou: 0 },
      reasons: [{ reason: staleReason(of.tickAt, now), jobs: [] }],
      oldestReady: null,
      nextChange: null,
    };
  }
  const outside = intakeReasons(of.intakes ?? []);
  let position = 0;
  const held = explainAll(
    queued.map((job) => {
      const key = job.taskId === null ? undefined : of.keys.get(job.taskId);
      const reason = reasonFor(job, gates, position, key);
      if (reason.code === 'queue.position') position++;
      return { job, reason };
    }),
    running,
    of.stuck.length,
    outside.length,
  );
  const upcoming = held.reasons
    .map((r) => r.reason)
    .filter((r) => r.clearsAt !== null)
    .sort((a, b) => (a.clearsAt ?? 0) - (b.clearsAt ?? 0))[0];
  const isEmpty = running === 0 && queued.length === 0;
  const more = of.isWhole ? '' : ` There are more than ${queued.length} queued: the rest was not looked at.`;
  return {
    ...held,
    headline: `${held.headline}${more}`,
    reasons: [
      ...held.reasons,
      ...unreachable(gates, held, of.project),
      ...of.stuck.map((task) => ({ reason: stuckReason(task), jobs: [] })),
      ...outside.map((reason) => ({ reason, jobs: [] })),
      ...(of.warnings ?? []).map((warning) => ({ reason: warningReason(warning), jobs: [] })),
      ...(isEmpty
        ? of.surveys
            .filter(({ project }) => !outside.some(({ scope }) => scope.id === project))
            .map((survey) => ({ reason: emptyReason(survey, now), jobs: [] }))
        : []),
    ],
    nextChange: upcoming === undefined ? null : { at: upcoming.clearsAt ?? now, what: upcoming.title },
  };
}

/** A tracker or forge that does not answer is said also while no job waits for it. */
function unreachable(gates: ClosedGates, held: Explained, project: string | null): Explained['reasons'] {
  const isHeld = (reason: Reason) =>
    held.reasons.some((h) => h.reason.code === reason.code && h.reason.scope.id === reason.scope.id);
  return [...gates.byScope.values()]
    .flat()
    .filter((reason) => isUnreachable(reason) && !isHeld(reason))
    .filter(({ scope }) => project === null || scope.id === project)
    .map((reason) => ({ reason, jobs: [] }));
}

function stuckReason(task: Task): Reason {
  return {
    code: reasonCodeOf(task.reason?.code),
    scope: { kind: 'task', id: task.key, label: task.key },
    state: 'needs_you',
    title: `${task.key} needs you`,
    detail: task.reason?.detail ?? '',
    since: task.updatedAt,
    clearsAt: null,
    clearsWhen: 'A person looks at it and lets it go on, or cancels it.',
    fix: stuckFix(task),
  };
}

/** What a person can do about a task that waits for one, with no job of it queued. */
export function stuckFix({ key, reason }: { readonly key: string; readonly reason: Task['reason'] }): string {
  return reason?.code.startsWith('rounds.') === true
    ? `orch approve ${key} to go on in spite of it, or orch retry ${key} --from-stage STAGE --note "..."`
    : `orch retry ${key}`;
}

/** A wrong rule looks just like an empty backlog: this tells them apart. */
function emptyReason(survey: Survey, now: number): Reason {
  const { project, source, rule, seen, matching, nearest } = survey;
  const age = Math.max(0, Math.round((now - survey.lookedAt) / 1000));
  const misses = nearest.map(({ key, why }) => `${key}: ${why}`).join('; ');
  return {
    code: 'nothing.queued',
    scope: { kind: 'project', id: project, label: project },
    state: 'waiting',
    title: `Nothing is queued for ${project}. ${source} was looked at ${age === 0 ? 'just now' : `${age} s ago`}, ${matching} of ${seen} items match`,
    detail: `Rule: ${rule}${misses === '' ? '' : `. Nearest: ${misses}`}`,
    since: survey.lookedAt,
    clearsAt: null,
    clearsWhen: 'No action needed: an item that matches is taken on.',
    fix: null,
  };
}

/**
 * Groups jobs by the reason each of them has; those that only wait for their turn are counted as queued.
 * A line at rest is not idle while one of `stuck` tasks waits for a person, or items of `outside` projects do.
 */
export function explainAll(
  waits: readonly { readonly job: Job; readonly reason: Reason }[],
  running: number,
  stuck = 0,
  outside = 0,
): Explained {
  const held = new Map<string, { reason: Reason; jobs: Job[] }>();
  let queued = 0;
  let oldestReady: Job | null = null;
  for (const { job, reason } of waits) {
    if (reason.code === 'queue.position') {
      queued++;
      if (oldestReady === null || readySince(job) < readySince(oldestReady)) oldestReady = job;
      continue;
    }
    const key = `${reason.code}:${reason.scope.kind}:${reason.scope.id}`;
    const group = held.get(key) ?? { reason, jobs: [] };
    group.jobs.push(job);
    held.set(key, group);
  }
  const reasons = [...held.values()].sort(
    (a, b) => rank(a.reason) - rank(b.reason) || b.jobs.length - a.jobs.length,
  );
  const needsYou = sum(reasons, 'needs_you');
  const waiting = sum(reasons, 'waiting');
  return {
    verdict:
      running > 0 || queued > 0
        ? 'working'
        : needsYou + stuck + outside > 0
          ? 'needs_you'
          : waiting > 0
            ? 'waiting'
            : 'idle',
    headline: headline(running, queued, waiting, needsYou, stuck, outside),
    counts: { running, queued, waiting, needsYou },
    reasons,
    oldestReady,
  };
}

/** Since when a job waits for its turn alone, as far as the job itself knows. */
export function readySince({ createdAt, availableAt }: Pick<Job, 'createdAt' | 'availableAt'>): number {
  return Math.max(createdAt, availableAt ?? 0);
}

function rank(reason: Reason): number {
  return reason.state === 'needs_you' ? 0 : 1;
}

function sum(groups: readonly { reason: Reason; jobs: readonly Job[] }[], state: Reason['state']): number {
  return groups.filter((g) => g.reason.state === state).reduce((n, g) => n + g.jobs.length, 0);
}
function headline(
  running: number,
  queued: number,
  waiting: number,
  needsYou: number,
  stuck: number,
  outside: number,
): string {
  const held = waiting + needsYou;
  const why = [
    ...(needsYou > 0 ? [`${needsYou} ${needsYou === 1 ? 'needs' : 'need'} you`] : []),
    ...(waiting > 0 ? [`${waiting} ${waiting === 1 ? 'clears by itself' : 'clear by themselves'}`] : []),
  ].join(', ');
  const sentences = [
    ...(held > 0 ? [`${held} ${held === 1 ? 'job waits' : 'jobs wait'}: ${why}.`] : []),
    ...(stuck > 0 ? [stuck === 1 ? '1 task needs you.' : `${stuck} tasks need you.`] : []),
    ...(outside > 0 ? ['Items wait to be let in or taken on.'] : []),
  ];
  if (running + queued === 0)
    return sentences.length === 0 ? 'Nothing is queued.' : ['Nothing is running.', ...sentences].join(' ');
  const flow = `${running} running, ${queued} queued`;
  return sentences.length === 0 ? `${flow}, all clear.` : [`${flow}.`, ...sentences].join(' ');
}
