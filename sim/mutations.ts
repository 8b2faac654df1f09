/**
 * Defects, planted between the engine and the store: what the engine would do if one rule of it were broken.
 * They show that the invariants bite. Nothing of them is in the product.
 */
import type { Effects } from '../src/core/effects.ts';
import type { Verdict } from '../src/core/failure.ts';
import type { SettleState } from '../src/core/settle.ts';
import type { Store } from '../src/store/store.ts';
import type { Eye } from './eye.ts';

export const MUTATIONS = ['fence', 'cap', 'outbox', 'advance', 'attempt', 'hold'] as const;
export type Mutation = (typeof MUTATIONS)[number];

const GIVEN_BACK: readonly Verdict[] = ['transient', 'auth', 'usage_limit', 'lost', 'cancelled'];

/** The same store with one defect; null = none. */
export function mutated(store: Store, mutation: Mutation | null, eye: Eye): Store {
  switch (mutation) {
    case null:
      return store;
    case 'fence':
      return { ...store, settle: (ref, decide) => settleWhateverFence(store, ref, decide, eye) };
    case 'cap':
      return {
        ...store,
        claim: (request) =>
          store.claim({
            ...request,
            slots: request.slots + 1,
            accounts: request.accounts.map(({ id, slots }) => ({ id, slots: slots + 1 })),
          }),
      };
    case 'outbox':
      return withEffects(store, ({ outbox = [], ...effects }) => ({ ...effects, outbox: outbox.slice(1) }));
    case 'advance':
      return withEffects(store, (effects) => {
        const [next] = effects.newJobs ?? [];
        return next === undefined ? effects : { ...effects, newJobs: [next, next] };
      });
    case 'attempt':
      return withEffects(store, (effects, { job }) =>
        effects.run !== undefined && GIVEN_BACK.includes(effects.run.verdict) && effects.job !== undefined
          ? { ...effects, job: { ...effects.job, attempts: job.attempts } }
          : effects,
      );
    case 'hold':
      return withEffects(store, (effects) =>
        effects.account === undefined || effects.run?.verdict === 'success'
          ? effects
          : { ...effects, account: { ...effects.account, hold: null } },
      );
  }
}

function withEffects(store: Store, edit: (effects: Effects, state: SettleState) => Effects): Store {
  return {
    ...store,
    settle: (ref, decide) => store.settle(ref, (state) => edit(decide(state), state)),
  };
}

/** A settle of an earlier claim ends the one that is running now. */
async function settleWhateverFence(
  store: Store,
  ref: Parameters<Store['settle']>[0],
  decide: Parameters<Store['settle']>[1],
  eye: Eye,
): Promise<'ok' | 'stale'> {
  const current = eye.liveRuns().find((run) => run.job_id === ref.jobId);
  if (current === undefined) return store.settle(ref, decide);
  return store.settle({ ...ref, runId: current.id, fence: current.fence }, decide);
}
