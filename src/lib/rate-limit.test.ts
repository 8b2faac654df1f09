import { describe, expect, it } from 'vitest';
import { createRateLimit } from './rate-limit.ts';

describe('a rate limit', () => {
  it('lets so many through at once, then one after the other, each key by itself', () => {
    let now = 0;
    const limit = createRateLimit({ most: 3, perMs: 3000, clock: () => now });
    expect([1, 2, 3, 4].map(() => limit.take('a'))).toEqual([0, 0, 0, 1000]);
    expect(limit.take('b')).toBe(0);
    now += 999;
    expect(limit.take('a')).toBe(1);
    now += 1;
    expect([limit.take('a'), limit.take('a')]).toEqual([0, 1000]);
  });

  it('does not count a try that was given back, and never gives more than there is', () => {
    const limit = createRateLimit({ most: 2, perMs: 1000, clock: () => 0 });
    limit.giveBack('a');
    limit.take('a');
    limit.giveBack('a');
    expect([limit.take('a'), limit.take('a'), limit.take('a')]).toEqual([0, 0, 500]);
  });

  it('remembers no more keys than it says', () => {
    const limit = createRateLimit({ most: 1, perMs: 1000, clock: () => 0 });
    for (let i = 0; i < 20_000; i++) limit.take(`key ${i}`);
    expect(limit.take('key 19999')).toBe(1000);
    expect(limit.take('key 0')).toBe(0); // forgotten: the price of a bound
  });
});
