import { describe, expect, it } from 'vitest';
import { nearest } from './suggest.ts';

describe('nearest', () => {
  it.each([
    ['max_concurency', 'max_concurrency'],
    ['prot', 'port'],
    ['PORT', 'port'],
    ['x', null],
    ['something_else', null],
  ])('of %s is %s', (word, meant) => {
    expect(nearest(word, ['port', 'host', 'max_concurrency', 'y'])).toBe(meant);
  });
});
