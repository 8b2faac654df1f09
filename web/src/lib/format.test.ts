import { describe, expect, it } from 'vitest';
import {
  bytes,
  count,
  duration,
  money,
  moneyOrDash,
  relative,
  sentence,
  shortDuration,
  spent,
} from './format.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe('formats', () => {
  it.each([
    [4 * SECOND, '4 s', '4 s'],
    [12 * MINUTE + 41 * SECOND, '12 min 41 s', '12 min'],
    [2 * HOUR, '2 h', '2 h'],
    [26 * HOUR + 5 * MINUTE, '1 d 2 h', '1 d'],
    [-5 * SECOND, '0 s', '0 s'],
  ])('a duration of %i ms', (ms, whole, short) => {
    expect([duration(ms), shortDuration(ms)]).toEqual([whole, short]);
  });

  it('an instant is relative under a day, and a date beyond', () => {
    const now = Date.UTC(2026, 10, 22, 12);
    expect(relative(now - 9 * SECOND, now)).toBe('9 s ago');
    expect(relative(now + 130 * SECOND, now)).toBe('in 2 min');
    expect(relative(now - 30 * 24 * HOUR, now)).toMatch(/^23 Oct/);
  });

  it('an unknown price is a dash and never nothing', () => {
    expect(moneyOrDash(null)).toBe('–');
    expect([money(0), money(0.004), money(1.84), money(331.4)]).toEqual(['$0.00', '<$0.01', '$1.84', '$331']);
    expect(spent({ costUsd: 0, unknownCosts: 3 })).toBe('–');
    expect(spent({ costUsd: 1.84, unknownCosts: 3 })).toBe('$1.84 +');
    expect(spent({ costUsd: 1.84, unknownCosts: 0 })).toBe('$1.84');
  });

  it('numbers, sizes and words', () => {
    expect([count(61204), bytes(214_000), sentence('needs_you')]).toEqual(['61,204', '214 kB', 'Needs you']);
  });
});
