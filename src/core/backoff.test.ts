import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryDelayMs } from './backoff.ts';

const RULE = { baseMs: 10_000, maxMs: 900_000 };
const DAY = 24 * 60 * 60 * 1000;

describe('the delay of a transient retry', () => {
  it.each([
    ['is the stated one', 1, 7_000, 7_000],
    ['is the stated one even beyond the maximum of the backoff', 1, 3_600_000, 3_600_000],
    ['is a day at most, whatever is stated', 1, 9 * DAY, DAY],
    ['is a day when exactly a day is stated', 5, DAY, DAY],
    ['is nothing when nothing is stated to be needed', 3, 0, 0],
    ['is nothing when the stated moment has passed', 3, -5_000, 0],
  ])('%s', (_name, n, stated, expected) => {
    for (const jitter of [0, 0.5, 0.999]) expect(retryDelayMs(n, stated, RULE, jitter)).toBe(expected);
  });

  it('doubles from the base to the maximum where nothing is stated', () => {
    const steps = [1, 2, 3, 4, 5, 6, 7, 8, 9, 60, 5000].map((n) => retryDelayMs(n, null, RULE, 1));
    expect(steps).toEqual([
      10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 900_000, 900_000, 900_000, 900_000,
    ]);
  });

  it('is spread over the second half of its step, so that one outage does not bring all jobs back at once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (n, jitter) => {
          const step = Math.min(RULE.baseMs * 2 ** (n - 1), RULE.maxMs);
          const delay = retryDelayMs(n, null, RULE, jitter);
          expect(delay).toBeGreaterThanOrEqual(step / 2);
          expect(delay).toBeLessThanOrEqual(step);
        },
      ),
    );
    expect(retryDelayMs(1, null, RULE, 0)).toBe(5_000);
  });
});
