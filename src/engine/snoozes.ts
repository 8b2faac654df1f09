import type { Reason } from '../core/dispatch-state.ts';
import { AppError } from '../core/errors.ts';
import { isSnoozed, type Snoozable, type Snooze } from '../core/snooze.ts';
import type { Clock } from '../lib/clock.ts';
import type { Store } from '../store/store.ts';
import type { Actor } from './intake.ts';

export type SnoozeTarget = Pick<Snooze, 'code' | 'kind' | 'id'>;

/** What each person put off. */
export function createSnoozes(parts: {
  readonly store: Store;
  readonly why: {
    explain(of: { project: null }): Promise<{
      explanation: { reasons: readonly { reason: Reason; jobs: readonly unknown[] }[] };
    }>;
  };
  readonly lastOutputAt: (runId: number) => Promise<number | null>;
  readonly clock: Clock;
}) {
  const { store, clock } = parts;

  /** What needs a person now, by code and scope; of a live run, that it may be silent for too long. */
  async function looker(): Promise<(of: SnoozeTarget) => Promise<Snoozable | null>> {
    const { explanation } = await parts.why.explain({ project: null });
    const live = new Map((await store.running()).map(({ run }) => [`run_${run.id}`, run]));
    return async ({ code, kind, id }) => {
      const run = code === 'run.stalled' && kind === 'run' ? live.get(id) : undefined;
      if (run !== undefined)
        return { since: (await parts.lastOutputAt(run.id)) ?? run.startedAt, jobsHeld: 0 };
      const found = explanation.reasons.find(
        ({ reason }) =>
          reason.state === 'needs_you' &&
          reason.code === code &&
          reason.scope.kind === kind &&
          reason.scope.id === id,
      );
      return found === undefined ? null : { since: found.reason.since, jobsHeld: found.jobs.length };
    };
  }

  return {
    /** Those in force. */
    async of(who: string): Promise<readonly Snooze[]> {
      const now = clock();
      const own = (await store.users.snoozes(who)).filter(({ until }) => now < until);
      if (own.length === 0) return [];
      const look = await looker();
      const kept: Snooze[] = [];
      for (const snooze of own) {
        const found = await look(snooze);
        if (found !== null && isSnoozed(snooze, found, now)) kept.push(snooze);
      }
      return kept;
    },

    /** Puts something off for the one who asks. Safe to repeat: the last word counts. Throws `not_found`. */
    async put(target: SnoozeTarget, forMs: number, actor: Actor): Promise<Snooze> {
      const found = await (await looker())(target);
      if (found === null)
        throw new AppError(`nothing like ${target.code} of ${target.id || 'everything'} needs a person`, {
          code: 'not_found',
          hint: 'orch why',
        });
      const at = clock();
      const snooze = { ...target, at, until: at + forMs, held: found.jobsHeld };
      await store.users.snooze(actor.by, snooze, {
        ...actor,
        action: 'snooze',
        target: `${target.code} ${target.id}`.trim(),
        at,
      });
      return snooze;
    },

    /** Takes it back; false when it was not put off. */
    drop: (target: SnoozeTarget, who: string): Promise<boolean> => store.users.unsnooze(who, target),
  };
}
