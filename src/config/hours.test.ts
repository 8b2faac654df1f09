import { describe, expect, it } from 'vitest';
import { formatHours, parseHours } from './hours.ts';

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
