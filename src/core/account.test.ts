import { describe, expect, it } from 'vitest';
import { accountAfterRun, holdIsOver, versionHoldIsOver } from './account.ts';
import { CLOSED_BREAKER } from './breaker.ts';
import { type Judgement, VERDICTS, type Verdict } from './failure.ts';
import type { AccountHold, AccountState } from './model.ts';
import type { SignIn, SignInState } from './sign-in.ts';
import { account, judgement } from './test-kit.ts';

const NOW = 1_000_000_000;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const RULES = { threshold: 3, cooldownMs: 2 * MINUTE };

function hold(fields: Partial<AccountHold> = {}): AccountHold {
  return {
    reason: 'signed_out',
    since: NOW - MINUTE,
    until: null,
    guessed: false,
    refusals: 0,
    detail: 'Please run /login',
    fingerprint: 'old',
    ...fields,
  };
}

function signIn(state: SignInState = 'ready', fields: Partial<SignIn> = {}): SignIn {
  return {
    state,
    source: 'stored_login',
    expiresAt: NOW + DAY,
    fingerprint: 'old',
    detail: state,
    ...fields,
  };
}

/** A run that started a second after a hold of `hold()` began, and ends now. */
function after(
  before: AccountState,
  verdict: Verdict,
  fields: Partial<Judgement> = {},
  startedAt = NOW - MINUTE + 1000,
  fingerprint: string | null = 'old',
): AccountState {
  return accountAfterRun(
    before,
    { startedAt, judgement: judgement(verdict, fields), fingerprint },
    RULES,
    NOW,
  );
}

describe('what an ended run teaches about its account', () => {
  it('a sign-in failure holds the account until a person or a canary ends it, and leaves the breaker alone', () => {
    const learned = after(
      account({ provenFingerprint: 'old', breaker: { ...CLOSED_BREAKER, failures: 2 } }),
      'auth',
      { reason: 'Not logged in' },
    );
    expect(learned.hold).toEqual({
      reason: 'signed_out',
      since: NOW,
      until: null,
      guessed: false,
      refusals: 0,
      detail: 'Not logged in',
      fingerprint: 'old',
    });
    expect(learned.provenFingerprint).toBeNull();
    expect(learned.breaker.failures).toBe(2);
  });

  it.each([
    ['at the stated reset', NOW + 3 * 60 * MINUTE, NOW + 3 * 60 * MINUTE, false],
    ['no sooner than in a minute', NOW + 5, NOW + MINUTE, false],
    ['at a guess in a minute, when the reset lies in the past', NOW - DAY, NOW + MINUTE, true],
    ['at a guess in eight days, when it lies further away', NOW + 90 * DAY, NOW + 8 * DAY, true],
    ['at a time nobody knows, when none is stated', null, null, false],
  ])('a usage limit holds the account, to end %s', (_name, resetAt, until, guessed) => {
    const learned = after(account(), 'usage_limit', { resetAt });
    expect(learned.hold).toMatchObject({ reason: 'limit', since: NOW, until, guessed, refusals: 0 });
    expect(learned.breaker).toEqual(CLOSED_BREAKER);
  });

  it('without a stated reset, guesses the one of the window that looks used up', () => {
    const windows = [
      { name: 'five_hour', utilization: 0.97, resetAt: NOW + 30 * MINUTE, seenAt: NOW - DAY },
      { name: 'seven_day', utilization: 0.5, resetAt: NOW + 3 * DAY, seenAt: NOW - DAY },
    ];
    expect(after(account({ windows }), 'usage_limit').hold).toMatchObject({
      until: NOW + 30 * MINUTE,
      guessed: true,
    });
    expect(
      after(account({ windows: windows.map((w) => ({ ...w, resetAt: NOW - 1 })) }), 'usage_limit').hold,
    ).toMatchObject({ until: null, guessed: false });
  });

  it('counts the canaries that a limit refuses, and takes a reset that is told again for no more than a guess', () => {
    const held = account({ hold: hold({ reason: 'limit', until: NOW + 5000 }) });
    expect(after(held, 'usage_limit', { resetAt: NOW + 5000 }).hold).toMatchObject({
      since: NOW - MINUTE,
      until: NOW + MINUTE,
      guessed: true,
      refusals: 1,
    });
    expect(after(held, 'usage_limit', { resetAt: NOW + DAY }).hold).toMatchObject({
      until: NOW + DAY,
      guessed: false,
      refusals: 1,
    });
    expect(after(held, 'usage_limit').hold).toMatchObject({ until: null, refusals: 1 });
  });

  it('does not count a run from before the hold as a refused canary, nor lose the reset for its sake', () => {
    const held = account({ hold: hold({ reason: 'limit', until: NOW + DAY }) });
    expect(after(held, 'usage_limit', {}, NOW - MINUTE).hold).toMatchObject({
      until: NOW + DAY,
      guessed: false,
      refusals: 0,
    });
  });

  it('ends the proof of a sign-in that cannot be judged offline with any hold', () => {
    expect(after(account({ provenFingerprint: 'old' }), 'usage_limit').provenFingerprint).toBeNull();
  });

  it('is not taken for a new sign-in when the CLI renewed its own on the way to the limit', () => {
    const learned = accountAfterRun(
      account(),
      {
        startedAt: NOW - MINUTE,
        judgement: judgement('usage_limit'),
        fingerprint: 'old',
        endFingerprint: 'renewed',
      },
      RULES,
      NOW,
    );
    const renewed = signIn('ready', { fingerprint: 'renewed' });
    expect(holdIsOver(learned.hold ?? hold(), renewed, 'renewed', NOW)).toBe(false);
  });

  it('keeps since when it is held, however often it is refused again', () => {
    expect(after(account({ hold: hold({ since: NOW - DAY }) }), 'auth').hold?.since).toBe(NOW - DAY);
    expect(
      after(account({ hold: hold({ reason: 'limit', since: NOW - DAY }) }), 'usage_limit').hold?.since,
    ).toBe(NOW - DAY);
    expect(after(account({ hold: hold({ reason: 'limit', since: NOW - DAY }) }), 'auth').hold?.since).toBe(
      NOW,
    );
  });

  it.each(VERDICTS.filter((v) => v !== 'auth' && v !== 'usage_limit'))(
    'a real answer of a run started after the hold ends it, whatever its verdict (%s)',
    (verdict) => {
      expect(after(account({ hold: hold() }), verdict, { realAnswer: true }).hold).toBeNull();
    },
  );

  it.each(VERDICTS.filter((v) => v !== 'auth' && v !== 'usage_limit'))(
    'without an answer of the model nothing ends a hold (%s)',
    (verdict) => {
      expect(after(account({ hold: hold() }), verdict).hold).toEqual(hold());
    },
  );

  it('a run from before the hold does not end it, however well it went', () => {
    const held = hold();
    expect(after(account({ hold: held }), 'success', { realAnswer: true }, held.since).hold).toEqual(held);
    expect(after(account({ hold: held }), 'success', { realAnswer: true }, held.since - DAY).hold).toEqual(
      held,
    );
  });

  it('an answer proves the credential it was given under', () => {
    expect(after(account(), 'success', { realAnswer: true }).provenFingerprint).toBe('old');
    expect(after(account(), 'permanent').provenFingerprint).toBeNull();
  });

  it('a run that started before a new sign-in and is refused does not take the new sign-in for the refused one', () => {
    const held = hold({ since: NOW - MINUTE, fingerprint: 'old' });
    const learned = after(account({ hold: held }), 'auth', {}, NOW - DAY, 'new');
    expect(learned.hold).not.toBeNull();
    expect(holdIsOver(learned.hold ?? held, signIn('ready', { fingerprint: 'new' }), 'new', NOW)).toBe(true);
  });

  it('a canary under a new sign-in that is refused too waits for the next change', () => {
    const learned = after(account({ hold: hold() }), 'auth', {}, NOW - 1000, 'new');
    expect(holdIsOver(learned.hold ?? hold(), signIn('ready', { fingerprint: 'new' }), 'new', NOW)).toBe(
      false,
    );
  });

  it('transient failures feed the breaker, and an answer in between starts the count anew', () => {
    const twice = after(after(account(), 'transient'), 'transient');
    expect(twice.breaker).toMatchObject({ state: 'closed', failures: 2 });
    expect(after(twice, 'transient').breaker).toMatchObject({
      state: 'open',
      failures: 3,
      probeAt: NOW + RULES.cooldownMs,
    });
    expect(after(twice, 'permanent', { realAnswer: true }).breaker).toEqual(CLOSED_BREAKER);
    expect(after(twice, 'permanent').breaker.failures).toBe(2);
  });

  it.each([
    'auth',
    'usage_limit',
    'lost',
    'timeout',
    'stalled',
    'cancelled',
    'permanent',
    'no_change',
  ] as const)('%s never feeds the breaker', (verdict) => {
    expect(after(account({ breaker: { ...CLOSED_BREAKER, failures: 2 } }), verdict).breaker).toEqual({
      ...CLOSED_BREAKER,
      failures: 2,
    });
  });

  it('a stated delay stops new starts until then, for a minute at most, and never shortens an earlier one', () => {
    expect(after(account(), 'transient', { retryAfterMs: 20_000 }).notBefore).toBe(NOW + 20_000);
    expect(after(account(), 'transient', { retryAfterMs: DAY }).notBefore).toBe(NOW + MINUTE);
    expect(after(account({ notBefore: NOW + 50_000 }), 'transient', { retryAfterMs: 20_000 }).notBefore).toBe(
      NOW + 50_000,
    );
    expect(after(account({ notBefore: NOW + 50_000 }), 'transient').notBefore).toBe(NOW + 50_000);
  });

  it('keeps each plan window as it last saw it, with its age', () => {
    const fiveHour = { name: 'five_hour', utilization: 0.6, resetAt: NOW + DAY };
    const sevenDay = { name: 'seven_day', utilization: 0.1, resetAt: null, seenAt: NOW - DAY };
    const learned = after(
      account({ windows: [{ ...fiveHour, utilization: 0.2, seenAt: 1 }, sevenDay] }),
      'success',
      {
        windows: [fiveHour],
      },
    );
    expect(learned.windows).toEqual([{ ...fiveHour, seenAt: NOW }, sevenDay]);
    expect(after(learned, 'success').windows).toEqual(learned.windows);
  });
});

describe('a hold is over', () => {
  it.each<[string, Partial<AccountHold>, SignIn, string | null, boolean]>([
    ['when the stated reset has come', { reason: 'limit', until: NOW }, signIn(), 'old', true],
    ['not a moment before it', { reason: 'limit', until: NOW + 1 }, signIn(), 'old', false],
    ['not at a time that is a guess', { reason: 'limit', until: NOW, guessed: true }, signIn(), 'old', false],
    ['when the credential changed and looks good', {}, signIn(), 'new', true],
    [
      'when the credential changed to one that cannot be judged offline: one run tries it',
      {},
      signIn('unknown'),
      'new',
      true,
    ],
    ['not when the credential changed and is no good', {}, signIn('logged_out'), 'new', false],
    ['not when the new credential needs a login', {}, signIn('login_needed'), 'new', false],
    ['not because the sign-in looks good: it looked good before', {}, signIn(), 'old', false],
    [
      'not when there was no credential and still is none',
      { fingerprint: null },
      signIn('unknown'),
      null,
      false,
    ],
  ])('%s', (_name, fields, seen, fingerprint, over) => {
    expect(holdIsOver(hold(fields), seen, fingerprint, NOW)).toBe(over);
  });

  it('waits a minute longer for the answer of a canary that lives', () => {
    const held = hold({ reason: 'limit', until: NOW });
    expect(
      [NOW, NOW + MINUTE - 1, NOW + MINUTE].map((now) => holdIsOver(held, signIn(), 'old', now, true)),
    ).toEqual([false, false, true]);
  });
});

describe('a hold because of what a new version showed', () => {
  const cli = { kind: 'codex', versions: ['0.170.0'] };
  const unproven = { cli, detail: 'codex 0.170.0 is new here' };
  const shown = (before: AccountState) =>
    accountAfterRun(
      before,
      {
        startedAt: NOW - 1000,
        judgement: judgement('permanent', { unknownShape: 'codex:ab', realAnswer: true }),
        fingerprint: 'old',
        unproven,
      },
      RULES,
      NOW,
    ).hold;
  const HELD = hold({ reason: 'unproven_version', cli, detail: unproven.detail });
  const nothing = () => false;

  it('begins with such an end, and keeps its beginning when a late run shows it again', () => {
    expect(shown(account())).toMatchObject({
      reason: 'unproven_version',
      since: NOW,
      until: null,
      cli,
      detail: unproven.detail,
    });
    expect(shown(account({ hold: HELD }))).toMatchObject({ since: HELD.since });
  });

  it('takes the place of another hold only when its own canary showed it', () => {
    const limit = (since: number) => account({ hold: hold({ reason: 'limit', since, until: NOW + DAY }) });
    expect(shown(limit(NOW - 1000))).toMatchObject({ reason: 'limit', until: NOW + DAY });
    const silent = accountAfterRun(
      limit(NOW - 1001),
      {
        startedAt: NOW - 1000,
        judgement: judgement('permanent', { unknownShape: 'codex:ab' }),
        fingerprint: 'old',
        unproven,
      },
      RULES,
      NOW,
    );
    expect(silent.hold).toMatchObject({ reason: 'unproven_version', since: NOW });
  });

  it.each(VERDICTS.filter((verdict) => verdict !== 'auth' && verdict !== 'usage_limit'))(
    'outlives a run that ends %s with an answer of the model, and a new login',
    (verdict) => {
      expect(after(account({ hold: HELD }), verdict, { realAnswer: true }).hold).toEqual(HELD);
      expect(holdIsOver(HELD, signIn('ready', { fingerprint: 'new' }), 'new', NOW)).toBe(false);
    },
  );

  it('ends when the CLI answers with another version, new or not', () => {
    expect(versionHoldIsOver(HELD, '0.170.0', nothing)).toBe(false);
    expect(versionHoldIsOver(HELD, null, nothing)).toBe(false);
    expect(versionHoldIsOver(HELD, '0.171.0', nothing)).toBe(true);
    expect(versionHoldIsOver(HELD, '0.169.0', nothing)).toBe(true);
  });

  it('ends when all that the run called itself is proven by now', () => {
    const wrapped = { ...HELD, cli: { kind: 'codex', versions: ['wrapper 1', '0.170.0'] } };
    expect(versionHoldIsOver(HELD, '0.170.0', (version) => version === '0.170.0')).toBe(true);
    expect(versionHoldIsOver(wrapped, 'wrapper 1', (version) => version === 'wrapper 1')).toBe(false);
    expect(versionHoldIsOver(wrapped, 'wrapper 1', () => true)).toBe(true);
  });

  it('is the only hold that a version ends', () => {
    expect(versionHoldIsOver(hold(), '0.171.0', () => true)).toBe(false);
  });
});
