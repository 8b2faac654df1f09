import { describe, expect, it } from 'vitest';
import { lineTime } from './line-time.ts';

const STARTED = '2026-01-05T09:00:00.000Z';

describe('the time of a line', () => {
  it.each([
    ['2026-01-05T09:00:07.400Z', '+0:07'],
    ['2026-01-05T09:12:41.000Z', '+12:41'],
    ['2026-01-05T10:02:07.000Z', '+1:02:07'],
    ['2026-01-05T08:59:59.000Z', '+0:00'],
  ])('of %s since the start is %s', (at, shown) => {
    expect(lineTime(at, 'start', STARTED)).toBe(shown);
  });

  it('is else that of the clock, to the second', () => {
    const at = '2026-01-05T09:00:07.400Z';
    expect(lineTime(at, 'clock', STARTED)).toBe(new Date(at).toTimeString().slice(0, 8));
  });
});
