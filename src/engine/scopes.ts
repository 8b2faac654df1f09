import { AppError } from '../core/errors.ts';
import type { Pause } from '../core/model.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';
import type { Attempts } from './attempt.ts';
import type { Actor } from './intake.ts';
import type { Runtime } from './runtime.ts';

/** What people stop and let go on as a whole: everything, a project, an account. Throws `project.unknown`, `account.unknown`. */
export function createScopes(parts: {
  readonly store: Store;
  readonly attempts: Attempts;
  readonly runtime: () => Runtime;
  readonly clock: Clock;
}) {
  const { store, attempts, clock } = parts;
  type Scope = Pause['scope'];
  const nameOf = (scope: Scope, id: string) => (scope === 'all' ? 'all' : `${scope}:${id}`);

  function check(scope: Scope, id: string): void {
    const { projects, accounts } = parts.runtime();
    if (scope === 'project' && !projects.has(id))
      throw new AppError(`there is no project ${id}`, {
        code: 'project.unknown',
        hint: `one of ${[...projects.keys()].join(', ')}`,
      });
    if (scope === 'account' && !accounts.has(id))
      throw new AppError(`there is no account ${id}`, {
        code: 'account.unknown',
        hint: `one of ${[...accounts.keys()].join(', ')}`,
      });
  }

  return {
    /** Nothing starts there any more; live runs go on. */
    async pause(scope: Scope, id: string, note: string, forMs: number | null, actor: Actor): Promise<Pause> {
      check(scope, id);
      const now = clock();
      const until = forMs === null ? null : now + forMs;
      const pause: Pause = { scope, id, note, by: actor.by, since: now, until };
      await store.pause(pause, { ...actor, action: 'pause', target: nameOf(scope, id), at: now });
      return pause;
    },
    /** False: it was not paused. */
    async resume(scope: Scope, id: string, actor: Actor): Promise<boolean> {
      check(scope, id);
      const audit = { ...actor, action: 'resume', target: nameOf(scope, id), at: clock() };
      return store.resume(scope, id, audit);
    },
    /** Ends live runs in a scope: their jobs go back to the queue, work and session are kept. */
    async endRuns(scope: Scope, id: string, now: boolean): Promise<number> {
      const isMeant = ({ run, job }: ReturnType<Attempts['live']>[number]) =>
        scope === 'all' || (scope === 'project' ? job.project === id : run.account === id);
      const meant = attempts.live().filter(isMeant);
      await Promise.all(meant.map(({ run }) => attempts.stop(run.id, { now })));
      return meant.length;
    },
  };
}
