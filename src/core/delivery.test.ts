import { describe, expect, it } from 'vitest';
import {
  afterFailure,
  DELIVERY_BACKOFF,
  type DeliveryFailure,
  failureOf,
  GIVE_UP_AFTER_MS,
  MAX_OWN_FAILURES,
  type Unanswered,
} from './delivery.ts';
import { AppError } from './errors.ts';

const NOW = 1_000_000_000_000;
const ROW = { tries: 1, dueFrom: NOW, unsure: false };
const lost: DeliveryFailure = { kind: 'unreachable', error: 'cut', done: 'unknown', retryAfterMs: null };
const after = (
  failure: DeliveryFailure,
  before: Unanswered | null = null,
  row: Partial<typeof ROW> = {},
  now = NOW,
) => afterFailure({ ...ROW, ...row }, failure, before, now, 1);

describe('what an error of a receiver means', () => {
  const error = (code: string, facts: Record<string, unknown> = {}) => new AppError('what', { code, facts });
  it.each([
    ['a refusal', error('tracker.refused', { status: 422 }), { kind: 'refused', error: 'what' }],
    ['an answer that got lost', error('forge.unreachable'), lostAs('what')],
    ['an error whose code says nothing', error('project.unknown'), { kind: 'failed', error: 'what' }],
    ['a bug', new TypeError('x is not a function'), { kind: 'failed', error: 'x is not a function' }],
    [
      'a limit with a stated time',
      error('notifier.unreachable', { done: 'no', retryAfterMs: 7000 }),
      { kind: 'unreachable', error: 'what', done: 'no', retryAfterMs: 7000 },
    ],
  ])('%s', (_what, thrown, failure) => {
    expect(failureOf(thrown)).toEqual(failure);
  });
});

function lostAs(error: string): DeliveryFailure {
  return { kind: 'unreachable', error, done: 'unknown', retryAfterMs: null };
}

describe('what follows a delivery that failed', () => {
  it('is given up at once when the receiver refused it, and the receiver did answer', () => {
    expect(after({ kind: 'refused', error: 'no such item' })).toEqual({
      error: 'no such item',
      retryAt: null,
      unsure: false,
      unanswered: null,
    });
  });

  it('is another try after a delay that doubles to 15 minutes, counted for the destination', () => {
    let unanswered: Unanswered | null = null;
    let now = NOW;
    const delays: number[] = [];
    for (let n = 0; n < 12; n++) {
      const next = afterFailure(ROW, lost, unanswered, now, 1);
      unanswered = next.unanswered ?? null;
      delays.push((next.retryAt ?? 0) - now);
      expect(unanswered).toEqual({
        since: NOW,
        failures: n + 1,
        error: 'cut',
        triedAt: now,
        nextTryAt: next.retryAt,
      });
      now = next.retryAt ?? 0;
    }
    expect(delays).toEqual([
      ...[1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((s) => s * 1000),
      900_000,
      900_000,
    ]);
    expect(DELIVERY_BACKOFF.maxMs).toBe(900_000);
  });

  it('obeys a stated delay, whatever the backoff says', () => {
    const stated = { ...lost, retryAfterMs: 40 * 60_000 };
    expect(after(stated).retryAt).toBe(NOW + 40 * 60_000);
    expect(after(stated).unanswered).toMatchObject({ nextTryAt: NOW + 40 * 60_000 });
  });

  it('is unsure unless the receiver certainly did nothing', () => {
    expect(after(lost).unsure).toBe(true);
    expect(after({ ...lost, done: 'no' }).unsure).toBe(false);
    expect(after({ kind: 'failed', error: 'x' }).unsure).toBe(true);
  });

  it('stays unsure whatever comes after: the try before may have acted', () => {
    const before = { unsure: true };
    expect(after({ ...lost, done: 'no' }, null, before).unsure).toBe(true);
    expect(after({ kind: 'refused', error: 'no' }, null, before).unsure).toBe(true);
  });

  it('is the end only when it could not be delivered for a week', () => {
    const long: Unanswered = {
      since: NOW - GIVE_UP_AFTER_MS,
      failures: 99,
      error: '',
      triedAt: 0,
      nextTryAt: 0,
    };
    expect(after(lost, long).retryAt).not.toBeNull();
    expect(after(lost, long, { tries: 500, dueFrom: NOW - GIVE_UP_AFTER_MS + 1 }).retryAt).not.toBeNull();
    expect(after(lost, long, { dueFrom: NOW - GIVE_UP_AFTER_MS })).toMatchObject({
      retryAt: null,
      unanswered: { failures: 100 },
    });
  });

  it('says nothing of the destination when the fault is ours, and ends after a number of tries', () => {
    const ours: DeliveryFailure = { kind: 'failed', error: 'x' };
    expect(after(ours, null, { tries: 3 })).toEqual({ error: 'x', retryAt: NOW + 4000, unsure: true });
    expect(after(ours, null, { tries: MAX_OWN_FAILURES - 1 }).retryAt).not.toBeNull();
    expect(after(ours, null, { tries: MAX_OWN_FAILURES }).retryAt).toBeNull();
  });
});
