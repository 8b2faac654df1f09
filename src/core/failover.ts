import { type AccountEntry, isBusy } from './account-gate.ts';
import { type DispatchState, isAccountPaused } from './dispatch-state.ts';

/** A project's jobs that wait for `from` may run on `to`, for now. */
export interface Failover {
  readonly project: string;
  readonly from: string;
  readonly to: string;
}

/** The failover in force: later accounts of a project that may start something, while its first is held. */
export function failovers(d: DispatchState): Failover[] {
  return [...d.projects].flatMap(
    ([
      project,
      {
        failover: [from, ...later],
      },
    ]) => (from === undefined ? [] : standIns(from, later, d).map((to) => ({ project, from, to }))),
  );
}

/** The same by `standInKey`; without an entry a job waits for its own account. */
export function standInsOf(d: DispatchState): Map<string, string[]> {
  const byFirst = Map.groupBy(failovers(d), ({ project, from }) => standInKey(project, from));
  return new Map([...byFirst].map(([key, found]) => [key, found.map(({ to }) => to)]));
}

export function standInKey(project: string, from: string): string {
  return `${project}/${from}`;
}

function standIns(from: string, later: readonly string[], d: DispatchState): string[] {
  const entry = d.accounts.get(from);
  // A person who paused the first account meant its jobs to wait.
  if (entry === undefined || !isHeld(entry) || isAccountPaused(d, from)) return [];
  return later.filter((id) => {
    const other = d.accounts.get(id);
    return other !== undefined && other.kind !== 'closed' && !isBusy(other) && !isAccountPaused(d, id);
  });
}

function isHeld(entry: AccountEntry): boolean {
  return entry.kind !== 'open' && entry.held;
}
