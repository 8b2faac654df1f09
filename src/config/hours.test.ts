import { describe, expect, it } from 'vitest';
import { formatHours, hoursAt, parseHours } from './hours.ts';

describe('weekly hours', () => {
  it.each([
    ['Mon-Fri 08-18', [1, 2, 3, 4, 5], 480, 1080],
    ['sat,sun 10:30-16', [0, 6], 630, 960],
    ['Fri-Mon 9-17', [0, 1, 5, 6], 540, 1020],
    ['22-07', [0, 1, 2, 3, 4, 5, 6], 1320, 420],
    ['00-24', [0, 1, 2, 3, 4, 5, 6], 0, 1440],
  ])('reads %j', (text, days, fromMinute, toMinute) => {
    const hours = parseHours(text);
    expect(hours).toEqual({ days, fromMinute, toMinute });
    expect(hours && parseHours(formatHours(hours))).toEqual(hours);
  });

  it.each([
    '',
    'noon',
    'Mon',
    'Mon-Fri',
    '08',
    '8-8',
    '08-25',
    '08:60-09',
    'Mon-Fri-Sat 8-9',
    'Xyz 8-9',
    'Mon 8-9 x',
    '1-2-3',
  ])('refuses %j', (text) => {
    expect(parseHours(text)).toBeNull();
  });
});

describe('an instant in weekly hours', () => {
  // Local time, as the hours are: 2 March 2026 is a Monday.
  const at = (day: number, hour: number, minute = 0) => new Date(2026, 2, day, hour, minute).getTime();
  const within = (text: string, now: number) => {
    const hours = parseHours(text);
    return hours === null ? undefined : hoursAt(hours, now);
  };
  it.each([
    ['Mon-Fri 08-18', at(2, 8), { until: at(2, 18) }],
    ['Mon-Fri 08-18', at(2, 7, 59), null],
    ['Mon-Fri 08-18', at(2, 18), null],
    ['Mon-Fri 08-18', at(7, 12), null],
    ['22-07', at(3, 23), { until: at(4, 7) }],
    ['22-07', at(4, 6), { until: at(4, 7) }],
    ['Mon 22-07', at(3, 6), { until: at(3, 7) }],
    ['Mon 22-07', at(2, 6), null],
    ['Mon,Tue 00-24', at(2, 12), { until: at(4, 0) }],
    ['00-24', at(2, 12), { until: null }],
  ])('%s', (text, now, expected) => {
    expect(within(text, now)).toEqual(expected);
  });
});
