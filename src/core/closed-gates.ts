import { accountGates } from './account-reason.ts';
import { endOfDay } from './budget.ts';
import { destinationGates } from './destination-gates.ts';
import {
  type DispatchState,
  gateKey,
  isPaused,
  type Lock,
  type ProjectEntry,
  type Reason,
} from './dispatch-state.ts';
import { standInsOf } from './failover.ts';
import type { Pause } from './model.ts';
import type { ReasonCode } from './reason-codes.ts';

/** After this many failed jobs in a row a project runs one job at a time. */
export const SLOW_AFTER_FAILURES = 5;

/**
 * What holds jobs back at one instant, by scope: as many entries as there are gates, however many jobs
 * wait. Every job's one reason is derived from this, for now and for any instant the ledger remembers.
 */
export interface ClosedGates {
  readonly at: number;
  /** Reasons by `kind:id` of the scope they hold back. */
  readonly byScope: ReadonlyMap<string, readonly Reason[]>;
  /** Accounts and projects that are configured. */
  readonly accounts: ReadonlySet<string>;
  readonly projects: ReadonlySet<string>;
  /** Accounts that take a project's jobs over from the first one, in their order, by `project/first`. */
  readonly standIns: ReadonlyMap<string, readonly string[]>;
  readonly locks: readonly Lock[];
}

export function closedGates(d: DispatchState): ClosedGates {
  const reasons = [
    ...pauses(d),
    ...host(d),
    ...destinationGates(d),
    ...accountGates(d),
    ...projects(d),
    ...workers(d),
  ].map((reason) => {
    const noted = d.since.get(gateKey(reason.code, reason.scope));
    return noted === undefined ? reason : { ...reason, since: Math.min(noted, reason.since) };
  });
  return {
    at: d.tickAt,
    byScope: grouped(reasons),
    accounts: new Set(d.accounts.keys()),
    projects: new Set(d.projects.keys()),
    standIns: standInsOf(d),
    locks: d.locks,
  };
}

export function scopeKey(kind: Reason['scope']['kind'], id: string): string {
  return `${kind}:${id}`;
}

export function grouped(reasons: readonly Reason[]): Map<string, Reason[]> {
  return Map.groupBy(reasons, ({ scope }) => scopeKey(scope.kind, scope.id));
}

function pauses(d: DispatchState): Reason[] {
  return d.pauses.filter((pause) => isPaused(pause, d.tickAt)).map(pauseReason);
}

function pauseReason(pause: Pause): Reason {
  const what =
    pause.scope === 'all' ? 'Dispatch' : `${pause.scope === 'project' ? 'Project' : 'Account'} ${pause.id}`;
  const note = pause.note === '' ? '' : `: "${pause.note}"`;
  return {
    code: 'dispatch.paused',
    scope: { kind: pause.scope, id: pause.id, label: what },
    state: pause.until === null ? 'needs_you' : 'waiting',
    title: `${what} is paused by ${pause.by}${note}`,
    detail: '',
    since: pause.since,
    clearsAt: pause.until,
    clearsWhen: pause.until === null ? 'A person resumes it.' : 'No action needed: it resumes by itself.',
    fix: pause.scope === 'all' ? 'orch resume' : `orch resume --${pause.scope} ${pause.id}`,
  };
}

function host(d: DispatchState): Reason[] {
  if (d.host === null) return [];
  return [
    {
      code: d.host.code,
      scope: { kind: 'host', id: 'host', label: 'This machine' },
      state: 'needs_you',
      title: d.host.detail,
      detail: '',
      since: d.tickAt,
      clearsAt: null,
      clearsWhen: 'A person makes room.',
      fix: 'orch doctor --only machine',
    },
  ];
}

function projects(d: DispatchState): Reason[] {
  return [...d.projects].flatMap(([key, project]) => projectReasons(key, project, d.tickAt));
}

function projectReasons(key: string, project: ProjectEntry, now: number): Reason[] {
  const closed = (
    code: ReasonCode,
    title: string,
    clearsWhen: string,
    more: Partial<Reason> = {},
  ): Reason => ({
    code,
    scope: { kind: 'project', id: key, label: key },
    state: 'waiting',
    title,
    detail: '',
    since: now,
    clearsAt: null,
    clearsWhen: `No action needed: ${clearsWhen}`,
    fix: null,
    ...more,
  });
  const { budget, unmerged, openPrs, running, cap, failedInRow } = project;
  const reasons: Reason[] = [];
  if (budget.level === 'reached')
    reasons.push(
      closed(
        'budget.reached',
        `${key} has reached its budget of today`,
        `it clears when the day ends (UTC). To go on now, raise projects.${key}.budget in orch.yaml.`,
        { detail: budget.detail, clearsAt: endOfDay(now) },
      ),
    );
  if (unmerged >= openPrs)
    reasons.push(
      closed(
        'cap.review',
        `${key} has ${unmerged} pull requests open, ${openPrs} allowed`,
        'it clears when one of them is merged or closed.',
      ),
    );
  if (failedInRow >= SLOW_AFTER_FAILURES && running >= 1)
    reasons.push(
      closed(
        'project.slowed',
        `${key} runs one job at a time after ${failedInRow} failures in a row`,
        'one success ends it.',
      ),
    );
  if (running >= cap)
    reasons.push(
      closed('cap.project', `${key} is at its cap, ${running} of ${cap}`, 'it clears when a run ends.'),
    );
  return reasons;
}

function workers({ workers: { running, slots }, tickAt }: DispatchState): Reason[] {
  if (running < slots) return [];
  return [
    {
      code: 'worker.full',
      scope: { kind: 'worker', id: 'local', label: 'This worker' },
      state: 'waiting',
      title: `All ${slots} slots are in use`,
      detail: '',
      since: tickAt,
      clearsAt: null,
      clearsWhen: 'No action needed: it clears when a run ends.',
      fix: null,
    },
  ];
}
