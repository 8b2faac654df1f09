import { expect, it } from 'vitest';
import type { DispatchState, Reason } from '../core/dispatch-state.ts';
import type { Explained } from '../core/explain.ts';
import { queuedJob } from '../core/test-kit.ts';
import { checksOf } from './checks-wire.ts';

const STATE = {
  accounts: new Map([
    ['a', {}],
    ['b', {}],
  ]),
  projects: new Map([
    ['api', { budget: { level: 'near', detail: '' } }],
    ['web', { budget: { level: 'within', detail: '' } }],
  ]),
  workers: { running: 2, slots: 4 },
} as unknown as DispatchState;
const FACTS = { state: STATE, room: 61 * 1024 ** 3 };

function because(...reasons: readonly (readonly [code: string, kind: string, id: string])[]): Explained {
  return {
    ...{ verdict: 'waiting', headline: '', oldestReady: null },
    counts: { running: 0, queued: 0, waiting: 0, needsYou: 0 },
    reasons: reasons.map(([code, kind, id]) => ({
      reason: { code, scope: { kind, id, label: id }, state: 'waiting', title: `${code} of ${id}` } as Reason,
      jobs: [queuedJob({ id: 1 }), queuedJob({ id: 2 })],
    })),
  };
}
const values = (...of: Parameters<typeof checksOf>) =>
  Object.fromEntries(checksOf(...of).map(({ code, value }) => [code, value]));

it('says of each open gate where it stands', () => {
  expect(values(because(), FACTS)).toEqual({
    ...{ dispatch: 'on', host: '61.0 GB free', dependency: 'none open', approval: 'none open' },
    ...{ budget: '1 nearly spent', tracker: 'answers', forge: 'answers', account: 'all usable' },
    ...{ breaker: 'none open', backoff: 'none waits', cap: 'none reached', worker: '2 of 4 slots' },
  });
});

it('says of each closed gate how much of it is, in two words', () => {
  const held = because(
    ['account.signed_out', 'account', 'a'],
    ['account.limit', 'account', 'a'],
    ['approval.pending', 'job', '1'],
    ['question.pending', 'job', '2'],
    ['retry.backoff', 'job', '3'],
    ['dispatch.paused', 'all', ''],
    ['worker.full', 'worker', 'local'],
  );
  expect(values(held, FACTS)).toMatchObject({
    ...{ account: '1 of 2 out', approval: '2 open', backoff: '2 waiting', worker: '2 of 4 slots' },
    dispatch: 'dispatch.paused of ',
  });
  const broken = because(['account.limit', 'account', 'a'], ['gate.failed', 'project', 'api']);
  expect(values(broken, FACTS)['account']).toBe('gate.failed of api');
});

it('claims nothing of what nobody looked at', () => {
  expect(new Set(Object.values(values(because(), null)))).toEqual(new Set(['not ticked']));
  const past = values(because(['account.limit', 'account', 'a']), 'past');
  expect(past).toMatchObject({ worker: 'clear', account: 'account.limit of a' });
});

it('leaves out what closes no gate: a sign-in that ends before long, a task that waits for a person', () => {
  const { reasons, ...rest } = because(
    ['account.expiring', 'account', 'a'],
    ['forge.conflict', 'task', 'API-1'],
    ['agent.denied', 'task', 'API-2'],
  );
  const explained = { ...rest, reasons: reasons.map(({ reason }) => ({ reason, jobs: [] })) };
  expect(new Set(checksOf(explained, FACTS).map(({ state }) => state))).toEqual(new Set(['ok']));
});
