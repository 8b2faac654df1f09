import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reservedBy } from './reserve.ts';

const HOUR = 60 * 60 * 1000;
const NOW = 1000 * HOUR;
const RESERVE = { fiveHour: 0.4, sevenDay: 0.15, until: null };
const window = (name: string, utilization: number | null, fields: object = {}) => ({
  name,
  utilization,
  resetAt: NOW + HOUR,
  seenAt: NOW,
  ...fields,
});

describe('the share of a plan that is kept for people', () => {
  it.each([
    ['no window is known', [], null],
    ['its use is unknown', [window('five_hour', null)], null],
    ['more than the share is left', [window('five_hour', 0.59)], null],
    ['no more than the share is left', [window('five_hour', 0.6)], NOW + HOUR],
    ['it is used up', [window('five_hour', 1.02)], NOW + HOUR],
    ['the window has reset since', [window('five_hour', 0.9, { resetAt: NOW })], null],
    [
      'what is known is older than the window',
      [window('five_hour', 0.9, { resetAt: null, seenAt: NOW - 5 * HOUR })],
      null,
    ],
    [
      'its reset is not known',
      [window('five_hour', 0.9, { resetAt: null, seenAt: NOW - HOUR })],
      NOW + 4 * HOUR,
    ],
    ['the week is near its share', [window('seven_day', 0.85, { resetAt: NOW + 9 * HOUR })], NOW + 9 * HOUR],
    [
      'both are: the later reset counts',
      [window('five_hour', 0.9), window('seven_day', 0.9, { resetAt: NOW + 9 * HOUR })],
      NOW + 9 * HOUR,
    ],
    ['another window is used up', [window('seven_day_opus', 1)], null],
  ])('%s', (_name, windows, clearsAt) => {
    expect(reservedBy(windows, RESERVE, NOW)?.clearsAt ?? null).toBe(clearsAt);
  });

  it('clears when the hours end, if that is sooner', () => {
    const windows = [window('five_hour', 0.9)];
    expect(reservedBy(windows, { ...RESERVE, until: NOW + 5 }, NOW)).toEqual({
      detail: 'five_hour is used to 90 %, and 40 % of it is kept for people',
      clearsAt: NOW + 5,
    });
    expect(reservedBy(windows, { ...RESERVE, until: NOW + 5 * HOUR }, NOW)?.clearsAt).toBe(NOW + HOUR);
  });

  it('blocks exactly where used and kept share fill the window', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 1, max: 100 }), (used, kept) => {
        const reserve = { fiveHour: kept / 100, sevenDay: null, until: null };
        expect(reservedBy([window('five_hour', used / 100)], reserve, NOW) !== null).toBe(used + kept >= 100);
      }),
    );
  });
});
