import { describe, expect, it } from 'vitest';
import { MINUTE_MS, ticksOf } from './ticks.ts';

const NOON = new Date(2026, 10, 22, 12).getTime();

describe('the ticks of a span of time', () => {
  it.each([
    ['seconds', 14, 31_000, 15_000],
    ['minutes', 2 * 60, 55 * MINUTE_MS, 15 * MINUTE_MS],
    ['hours', 30 * 60, 9 * 60 * MINUTE_MS, 120 * MINUTE_MS],
  ])('are round, the same apart and never more than five: %s', (_what, aheadSeconds, span, step) => {
    const first = NOON + aheadSeconds * 1000;
    const ticks = ticksOf(first, first + span);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThanOrEqual(5);
    expect(new Set(ticks.map((at) => (at - NOON) % step))).toEqual(new Set([0]));
    expect(ticks.slice(1).map((at, i) => at - (ticks[i] ?? 0))).toEqual(ticks.slice(1).map(() => step));
    for (const at of ticks) expect(at > first && at < first + span).toBe(true);
  });

  it('end, however long the span', () => {
    expect(ticksOf(NOON, NOON + 400 * 24 * 60 * MINUTE_MS).length).toBeLessThanOrEqual(6);
  });
});
