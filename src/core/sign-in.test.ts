import { describe, expect, it } from 'vitest';
import { isOutdated, REFRESH_BEFORE_MS, type SignIn } from './sign-in.ts';

const ENDS = 1_000_000_000;
const SKEW = 60_000;

describe('a judgement of a sign-in', () => {
  const seen = (expiresAt: number | null, judgedAt: number, now: number) =>
    isOutdated({ state: 'ready', expiresAt } as SignIn, judgedAt, now, SKEW);

  it.each([
    ['counts until its renewal is due', ENDS - REFRESH_BEFORE_MS - 1, false],
    ['is old from then on', ENDS - REFRESH_BEFORE_MS, true],
  ])('%s', (_name, now, outdated) => {
    expect(seen(ENDS, ENDS - REFRESH_BEFORE_MS - 1, now)).toBe(outdated);
  });

  it('made while the renewal was due counts until the limit of its expiry', () => {
    const judgedAt = ENDS - REFRESH_BEFORE_MS;
    expect([ENDS - SKEW - 1, ENDS - SKEW].map((now) => seen(ENDS, judgedAt, now))).toEqual([false, true]);
  });

  it('made after its end, or of one without an end, is not outdated by the clock', () => {
    expect([seen(ENDS, ENDS, ENDS + 1), seen(null, 0, ENDS)]).toEqual([false, false]);
  });
});
