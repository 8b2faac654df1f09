import { describe, expect, it } from 'vitest';
import { expiringOf, expiringWarning } from './account-warning.ts';
import type { SignIn } from './sign-in.ts';

const NOW = Date.UTC(2026, 10, 22, 9);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function signIn(endsAt: number | null, fields: Partial<SignIn> = {}): SignIn {
  return {
    state: 'ready',
    source: 'stored_login',
    expiresAt: NOW + HOUR,
    endsAt,
    fingerprint: 'f',
    detail: '',
    ...fields,
  };
}

describe('a login that cannot renew itself', () => {
  it.each([
    ['is not told of before its last three days', 3 * DAY + 1, null],
    ['is told of in its last three days', 3 * DAY, 'soon'],
    ['and so until its last day', DAY + 1, 'soon'],
    ['is told of again on its last day', DAY, 'last_day'],
    ['until it ends', 1, 'last_day'],
    ['and not after: then it needs a person', 0, null],
  ] as const)('%s', (_name, left, level) => {
    expect(expiringOf(signIn(NOW + left), NOW)?.level ?? null).toBe(level);
  });

  it('is told of only while it works, and when its end is known', () => {
    expect(expiringOf(signIn(NOW + DAY, { state: 'login_needed' }), NOW)).toBeNull();
    expect(expiringOf(signIn(null), NOW)).toBeNull();
  });

  it.each([
    [3 * DAY, 'ends in 3 days'],
    [DAY + HOUR, 'ends in 1 day'],
    [23.5 * HOUR, 'ends in 24 hours'],
    [60_000, 'ends in 1 hour'],
  ])('is named with what is left of it', (left, title) => {
    expect(expiringWarning('codex-1', { endsAt: NOW + left, level: 'soon' }, NOW)).toMatchObject({
      code: 'account.expiring',
      title: `Sign-in of codex-1 ${title}`,
      fix: 'orch accounts login codex-1',
    });
  });
});
