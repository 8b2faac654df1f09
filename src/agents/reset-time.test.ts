import { describe, expect, it } from 'vitest';
import { epochMsOf, readResetTime } from './reset-time.ts';
import { readRetryAfter } from './retry-after.ts';

/** A Sunday. */
const NOW = Date.UTC(2026, 10, 22, 9, 0, 0);

describe('a reset time', () => {
  it.each([
    ['usage limit reached|1795347759', '2026-11-22T11:42:39Z'],
    ['usage limit reached|1795347759000', '2026-11-22T11:42:39Z'],
    ['· resets 10:59am (UTC)', '2026-11-22T10:59:00Z'],
    ['resets 9am (UTC)', '2026-11-22T09:00:00Z'],
    ['resets 8:58am (UTC)', '2026-11-23T08:58:00Z'],
    ['resets 12am', '2026-11-23T00:00:00Z'],
    ['resets 12:30pm', '2026-11-22T12:30:00Z'],
    ['resets at 15:45', '2026-11-22T15:45:00Z'],
    ['resets 3:45\u202fPM', '2026-11-22T15:45:00Z'],
    ['resets 9:30 p.m. (UTC)', '2026-11-22T21:30:00Z'],
    ['Your limit will reset at 3pm (America/New_York).', '2026-11-22T20:00:00Z'],
    ['resets 1am (Asia/Tokyo)', '2026-11-22T16:00:00Z'],
    ['resets 3pm PST', '2026-11-22T23:00:00Z'],
    ['resets 3pm (GMT+2)', '2026-11-22T13:00:00Z'],
    ['resets 3pm (whenever)', '2026-11-22T15:00:00Z'],
    ['resets Nov 27, 12:46am (UTC)', '2026-11-27T00:46:00Z'],
    ['resets Nov 27 at 12:46am (America/New_York)', '2026-11-27T05:46:00Z'],
    ['resets Aug 16 at 1am (Asia/Tokyo)', '2027-08-15T16:00:00Z'],
    ['resets Jan 2, 3pm (UTC)', '2027-01-02T15:00:00Z'],
    ['try again at Nov 24th, 2026 11:13 AM.', '2026-11-24T11:13:00Z'],
    ['try again on 24 November 2026', '2026-11-24T00:00:00Z'],
    ['resets Nov 22', '2026-11-22T00:00:00Z'],
    ['resets Mon 12:00am', '2026-11-23T00:00:00Z'],
    ['resets Tuesday', '2026-11-24T00:00:00Z'],
    ['resets Sunday at 8am', '2026-11-29T08:00:00Z'],
    ['resets tomorrow at 3pm', '2026-11-23T15:00:00Z'],
    ['resets in 2 hours', '2026-11-22T11:00:00Z'],
    ['resets in about an hour', '2026-11-22T10:00:00Z'],
    ['try again in 2h 13m', '2026-11-22T11:13:00Z'],
    ['try again in 3 days 1 hour and 5 minutes', '2026-11-25T10:05:00Z'],
    ['Your quota will reset after 3h20m10s.', '2026-11-22T12:20:10Z'],
    ['resets 2 Mar at 1am', '2027-03-02T01:00:00Z'],
    ['You will regain access on 2026-12-01 at 00:00 UTC.', '2026-12-01T00:00:00Z'],
    ['resets 2026-11-22T10:59:00+02:00', '2026-11-22T08:59:00Z'],
    ['reset your settings. Limit resets at 4pm', '2026-11-22T16:00:00Z'],
  ])('%s', (words, expected) => {
    expect(new Date(readResetTime(words, { after: NOW, timeZone: 'UTC' }) ?? 0).toISOString()).toBe(
      expected.replace('Z', '.000Z'),
    );
  });

  it.each([
    '',
    'Credit balance is too low',
    'resets soon',
    'resets 25:99',
    'resets 13pm',
    'hit your 5-hour limit',
    'a|b|12',
  ])('is not read out of "%s"', (words) => {
    expect(readResetTime(words, { after: NOW, timeZone: 'UTC' })).toBeNull();
  });

  it('is told in the zone of the run where the words name none, across a change to winter time', () => {
    const after = Date.UTC(2026, 9, 31, 20, 0, 0);
    expect(readResetTime('resets Nov 1, 3pm', { after, timeZone: 'America/New_York' })).toBe(
      Date.UTC(2026, 10, 1, 20),
    );
    expect(readResetTime('resets 5pm', { after, timeZone: 'America/New_York' })).toBe(
      Date.UTC(2026, 9, 31, 21),
    );
  });

  it('of a clock cut to the minute is not put off by a day', () => {
    expect(readResetTime('resets 9am', { after: NOW + 59_000, timeZone: 'UTC' })).toBe(NOW);
    expect(readResetTime('resets 9am', { after: NOW + 60_000, timeZone: 'UTC' })).toBe(NOW + 24 * 3_600_000);
  });

  it('as a number is taken for seconds or milliseconds by its size', () => {
    expect(epochMsOf(1_795_345_161)).toBe(1_795_345_161_000);
    expect(epochMsOf(1_795_345_161_000)).toBe(1_795_345_161_000);
    expect(epochMsOf('1795345161')).toBe(1_795_345_161_000);
    expect(epochMsOf('2026-11-22T10:59:21Z')).toBe(1_795_345_161_000);
    for (const odd of [null, undefined, 0, -1, Number.NaN, 'soon', {}]) expect(epochMsOf(odd)).toBeNull();
  });
});

describe('a stated delay', () => {
  it.each([
    ['overloaded_error: 429 rate limit. Retry-After: 12', 12_000],
    ['retry-after=7', 7000],
    ['"retry_after": 1.5', 1500],
    ['retry_after_ms: 2500', 2500],
    ['Retry-After: 20ms', 20],
    ['retry after 12 seconds', 12_000],
    ['Please retry after 2 minutes', 120_000],
    ['Please try again in 5s', 5000],
    ['Please try again in 1m30.5s.', 90_500],
    ['Please retry in 36.5s.', 36_500],
    ['try again in 2 hours and 5 minutes', 7_500_000],
    ['Suggested retry after 36s.', 36_000],
    ['retry-after-ms: 1500', 1500],
    ['try again in 5 files', null],
    ['Retry-After: Sun, 22 Nov 2026 09:00:30 GMT', 30_000],
    ['Retry-After: Sun, 22 Nov 2026 08:00:00 GMT', 0],
    ['Retrying in 4 seconds (attempt 1/10)', null],
    ['try again later', null],
    ['try again in a moment', null],
    ['Retry-After: soon', null],
  ])('%s', (words, expected) => {
    expect(readRetryAfter(words, NOW)).toBe(expected);
  });
});
