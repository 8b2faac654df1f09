import { expect, it } from 'vitest';
import { dependenciesIn } from './dependency-lines.ts';

it.each([
  ['Depends on WID-3', ['WID-3']],
  ['- blocked by: wid-3, WID-4 and #7', ['WID-3', 'WID-4', '#7']],
  ['**Depends on** #12.', ['#12']],
  ['text\nBlocked by WID-1\nmore\nDepends on WID-1', ['WID-1']],
  ['It depends on WID-3, says Ada', []],
  ['Depends on the weather', []],
  ['Depends on https://x.example/WID-3-b/#4', []],
  [
    `Depends on ${Array.from({ length: 40 }, (_, i) => `#${i}`).join(' ')}`,
    Array.from({ length: 20 }, (_, i) => `#${i}`),
  ],
  [`Depends on${' '.repeat(100_000)}x`, []],
])('%j names %j', (text, names) => {
  expect(dependenciesIn(text)).toEqual(names);
});
