import { type AccountEntry, isBusy } from './account-gate.ts';
import { type DispatchState, isAccountPaused } from './dispatch-state.ts';
import type { Job } from './model.ts';

/** A project's jobs that wait for `from` may run on `to`, for now. */
export interface Failover {
  readonly project: string;
  readonly from: string;
  readonly to: string;
}

/** The failover in force: later accounts of a project that may start something, while its first is held. */
export function failovers(d: DispatchState): Failover[] {
  return [...d.projects.keys()].flatMap((project) => {
    const from = d.projects.get(project)?.failover[0];
    return from === undefined ? [] : standIns(project, from, d).map((to) => ({ project, from, to }));
  });
}

/** The account a queued job would start on now: its own, or while that is held the first later one with a free slot. */
export function placeOf(job: Pick<Job, 'project' | 'account'>, d: DispatchState): string | null {
  if (job.account === null) return null;
  const others = standIns(job.project, job.account, d);
  const free = others.find((id) => {
    const entry = d.accounts.get(id);
    return entry !== undefined && entry.running < entry.slots;
  });
  return free ?? others[0] ?? job.account;
}

function standIns(project: string, from: string, d: DispatchState): string[] {
  const [first, ...later] = d.projects.get(project)?.failover ?? [];
  const entry = d.accounts.get(from);
  // A person who paused the first account meant its jobs to wait.
  if (first !== from || entry === undefined || !isHeld(entry) || isAccountPaused(d, from)) return [];
  return later.filter((id) => {
    const other = d.accounts.get(id);
    return other !== undefined && other.kind !== 'closed' && !isBusy(other) && !isAccountPaused(d, id);
  });
}

function isHeld(entry: AccountEntry): boolean {
  return entry.kind !== 'open' && entry.held;
}
