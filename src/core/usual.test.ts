import { expect, it } from 'vitest';
import { usualMs } from './usual.ts';

it.each([
  [[], null],
  [[5, 7], null],
  [[900, 1, 5], 5],
  [[4, 1, 2, 3], 3],
  [[...Array.from({ length: 20 }, () => 10), ...Array.from({ length: 90 }, () => 1)], 10],
])('of %j the usual is %j', (durations, usual) => {
  expect(usualMs(durations)).toBe(usual);
});
