import type { ClosedGates } from './closed-gates.ts';
import type { Reason } from './dispatch-state.ts';
import type { Job } from './model.ts';
import { reasonFor } from './reason.ts';

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
}

export interface Explanation extends Explained {
  readonly nextChange: { readonly at: number; readonly what: string } | null;
}

/** Explains a set of queued jobs by what the last tick saw. A stale tick makes everything unknown. */
export function explain(
  jobs: readonly Job[],
  gates: ClosedGates | null,
  running: number,
  now: number,
  staleAfterMs: number,
  /** Keys of tasks by their id, for the jobs that have one. */
  keys: ReadonlyMap<number, string>,
): Explanation {
  if (gates === null || now - gates.at > staleAfterMs) {
    const age = gates === null ? 'since the start' : `for ${Math.round((now - gates.at) / 1000)} s`;
    return {
      verdict: 'unknown',
      headline: `Unknown: the scheduler has not ticked ${age}.`,
      counts: { running, queued: jobs.length, waiting: 0, needsYou: 0 },
      reasons: [],
      nextChange: null,
    };
  }
  let position = 0;
  const explained = explainAll(
    jobs.map((job) => {
      const key = job.taskId === null ? undefined : keys.get(job.taskId);
      const reason = reasonFor(job, gates, position, key);
      if (reason.code === 'queue.position') position++;
      return { job, reason };
    }),
    running,
  );
  const upcoming = explained.reasons
    .map((r) => r.reason)
    .filter((r) => r.clearsAt !== null)
    .sort((a, b) => (a.clearsAt ?? 0) - (b.clearsAt ?? 0))[0];
  return {
    ...explained,
    nextChange: upcoming === undefined ? null : { at: upcoming.clearsAt ?? now, what: upcoming.title },
  };
}

/** Groups jobs by the reason each of them has; those that only wait for their turn are counted as queued. */
export function explainAll(
  waits: readonly { readonly job: Job; readonly reason: Reason }[],
  running: number,
): Explained {
  const held = new Map<string, { reason: Reason; jobs: Job[] }>();
  let queued = 0;
  for (const { job, reason } of waits) {
    if (reason.code === 'queue.position') {
      queued++;
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
      running > 0 || queued > 0 ? 'working' : needsYou > 0 ? 'needs_you' : waiting > 0 ? 'waiting' : 'idle',
    headline: headline(running, queued, waiting, needsYou),
    counts: { running, queued, waiting, needsYou },
    reasons,
  };
}

function rank(reason: Reason): number {
  return reason.state === 'needs_you' ? 0 : 1;
}

function sum(groups: readonly { reason: Reason; jobs: readonly Job[] }[], state: Reason['state']): number {
  return groups.filter((g) => g.reason.state === state).reduce((n, g) => n + g.jobs.length, 0);
}
function headline(running: number, queued: number, waiting: number, needsYou: number): string {
  const held = waiting + needsYou;
  const who =
    held === 0
      ? ''
      : `${held} ${held === 1 ? 'job waits' : 'jobs wait'}: ${[needsYou > 0 ? `${needsYou} ${needsYou === 1 ? 'needs' : 'need'} you` : '', waiting > 0 ? `${waiting} ${waiting === 1 ? 'clears by itself' : 'clear by themselves'}` : ''].filter((part) => part !== '').join(', ')}.`;
  if (running + queued > 0)
    return held === 0
      ? `${running} running, ${queued} queued, all clear.`
      : `${running} running, ${queued} queued. ${who}`;
  return held === 0 ? 'Nothing is queued.' : `Nothing is running. ${who}`;
}
