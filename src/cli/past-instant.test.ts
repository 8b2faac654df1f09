import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { pastInstant } from './past-instant.ts';

const NOW = new Date(2026, 0, 31, 10, 0, 0);

describe('--at', () => {
  it.each([
    ['2h', new Date(2026, 0, 31, 8, 0, 0)],
    ['90s', new Date(2026, 0, 31, 9, 58, 30)],
    ['09:30', new Date(2026, 0, 31, 9, 30, 0)],
    ['9:30:15', new Date(2026, 0, 31, 9, 30, 15)],
    ['23:10', new Date(2026, 0, 30, 23, 10, 0)],
    ['2026-01-30T12:00:00Z', new Date(Date.UTC(2026, 0, 30, 12))],
    ['2026-01-30T12:00', new Date(2026, 0, 30, 12)],
  ])('%s is that instant', (text, at) => {
    expect(pastInstant(text, NOW)).toEqual(at);
  });

  it.each(['', 'yesterday', '25:00', '2026-13-40', '2026-02-01T00:00'])('refuses %j', (text) => {
    expect(() => pastInstant(text, NOW)).toThrow(AppError);
  });
});
