import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Breaker,
  breakerAfterAnswer,
  breakerAfterFailure,
  breakerNow,
  CLOSED_BREAKER,
} from './breaker.ts';

const RULE = { threshold: 3, cooldownMs: 120_000 };

describe('the breaker of an account', () => {
  it('opens after the threshold of failures in a row and lets a probe through after the cooldown', () => {
    let breaker = CLOSED_BREAKER;
    for (const now of [10, 20]) {
      breaker = breakerAfterFailure(breaker, RULE, now);
      expect(breakerNow(breaker, now)).toBe('closed');
    }
    breaker = breakerAfterFailure(breaker, RULE, 30);
    expect(breaker).toEqual({ state: 'open', failures: 3, probeAt: 120_030, since: 30 });
    expect([breakerNow(breaker, 120_029), breakerNow(breaker, 120_030)]).toEqual(['open', 'half_open']);
  });

  it('opens again at once when the probe fails, and remembers since when it is open', () => {
    const open: Breaker = { state: 'open', failures: 3, probeAt: 120_030, since: 30 };
    expect(breakerAfterFailure(open, RULE, 130_000)).toEqual({
      state: 'open',
      failures: 4,
      probeAt: 250_000,
      since: 30,
    });
  });

  it('closes with the first answer, and forgets the failures', () => {
    expect(breakerAfterAnswer({ state: 'open', failures: 9, probeAt: 5, since: 1 })).toEqual(CLOSED_BREAKER);
    expect(breakerAfterAnswer({ ...CLOSED_BREAKER, failures: 2 })).toEqual(CLOSED_BREAKER);
  });

  it('is open exactly when the last answer lies a threshold of failures back, in any history', () => {
    const event = fc.record({ answered: fc.boolean(), after: fc.nat({ max: 200_000 }) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (events, threshold) => {
        let now = 0;
        let breaker = CLOSED_BREAKER;
        let inRow = 0;
        let openedAt: number | null = null;
        let lastFailureAt = 0;
        for (const { answered, after } of events) {
          now += after;
          breaker = answered
            ? breakerAfterAnswer(breaker)
            : breakerAfterFailure(breaker, { ...RULE, threshold }, now);
          inRow = answered ? 0 : inRow + 1;
          if (!answered) lastFailureAt = now;
          openedAt = inRow < threshold ? null : (openedAt ?? now);
          expect(breaker.failures).toBe(inRow);
          expect(breaker.since).toBe(openedAt);
          expect(breakerNow(breaker, now)).toBe(openedAt === null ? 'closed' : 'open');
          expect(breakerNow(breaker, lastFailureAt + RULE.cooldownMs)).toBe(
            openedAt === null ? 'closed' : 'half_open',
          );
        }
      }),
    );
  });
});
