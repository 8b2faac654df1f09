import { unreachableCovers } from '../core/destination-gates.ts';
import { type DispatchState, isPaused } from '../core/dispatch-state.ts';
import { type Covers, NO_COVERS } from '../core/incident-plan.ts';
import { aboutOf, type Matter } from '../core/matter.ts';
import type { Store } from '../store/store.ts';

/** Jobs looked at for the words about what a matter holds back. */
const MAX_HELD = 1000;

/** Troubles of which others are the consequence, as the last tick saw them. */
export function coversOf(state: DispatchState | null, now: number, staleAfterMs: number): Covers {
  if (state === null) return NO_COVERS;
  const pauses = state.pauses.filter((pause) => isPaused(pause, now));
  return {
    paused: pauses.some(({ scope }) => scope === 'all'),
    pausedProjects: pauses.flatMap(({ scope, id }) => (scope === 'project' ? [id] : [])),
    host: state.host !== null || now - state.tickAt > staleAfterMs,
    unreachable: unreachableCovers(state),
  };
}

/** "7 jobs held (api 5, web 2)" for a trouble of an account; null when it holds none, or is no such trouble. */
export async function heldBy(
  matter: Matter,
  store: Store,
  state: DispatchState | null,
): Promise<string | null> {
  const about = aboutOf(matter);
  if (state === null || about?.kind !== 'account' || matter.key.startsWith('expiring:')) return null;
  const { items } = await store.jobs({ status: ['queued'], limit: MAX_HELD });
  const held = items.filter(({ account, hold }) => account === about.id && hold === null);
  if (held.length === 0) return null;
  const byProject = [...Map.groupBy(held, ({ project }) => project)].map(
    ([project, jobs]) => `${project} ${jobs.length}`,
  );
  return `${held.length} ${held.length === 1 ? 'job' : 'jobs'} held (${byProject.join(', ')})`;
}
