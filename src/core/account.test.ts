import { describe, expect, it } from 'vitest';
import {
  type AccountGate,
  type AccountRules,
  type AccountView,
  accountAfterRun,
  accountGate,
  holdIsOver,
} from './account.ts';
import { CLOSED_BREAKER } from './breaker.ts';
import { type Judgement, VERDICTS, type Verdict } from './failure.ts';
import type { AccountHold, AccountState } from './model.ts';
import type { SignIn, SignInState } from './sign-in.ts';
import { account, judgement } from './test-kit.ts';

const NOW = 1_000_000_000;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const RULES: AccountRules = {
  threshold: 3,
  cooldownMs: 2 * MINUTE,
  probeIntervalMs: 5 * MINUTE,
  expirySkewMs: MINUTE,
  checkAuth: true,
  authStrict: false,
};

function hold(fields: Partial<AccountHold> = {}): AccountHold {
  return {
    reason: 'signed_out',
    since: NOW - MINUTE,
    until: null,
    guessed: false,
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
      detail: 'Not logged in',
      fingerprint: 'old',
    });
    expect(learned.provenFingerprint).toBeNull();
    expect(learned.breaker.failures).toBe(2);
  });

  it.each([
    ['at the stated reset', NOW + 3 * 60 * MINUTE, NOW + 3 * 60 * MINUTE],
    ['no sooner than in a minute', NOW + 5, NOW + MINUTE],
    ['no sooner than in a minute when the reset lies in the past', NOW - DAY, NOW + MINUTE],
    ['in eight days at the latest', NOW + 90 * DAY, NOW + 8 * DAY],
    ['at a time nobody knows, when none is stated', null, null],
  ])('a usage limit holds the account, to end %s', (_name, resetAt, until) => {
    const learned = after(account(), 'usage_limit', { resetAt });
    expect(learned.hold).toMatchObject({ reason: 'limit', since: NOW, until, guessed: false });
    expect(learned.breaker).toEqual(CLOSED_BREAKER);
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

  it('keeps the plan windows it last saw, with their age', () => {
    const windows = [{ name: 'five_hour', utilization: 0.6, resetAt: NOW + DAY }];
    const learned = after(account(), 'success', { windows });
    expect([learned.windows, learned.windowsAt]).toEqual([windows, NOW]);
    expect(
      accountAfterRun(
        learned,
        { startedAt: NOW, judgement: judgement('success'), fingerprint: null },
        RULES,
        NOW + DAY,
      ),
    ).toMatchObject({ windows, windowsAt: NOW });
  });
});

describe('a hold is over', () => {
  it.each<[string, Partial<AccountHold>, SignIn, string | null, boolean]>([
    ['when the stated reset has come', { reason: 'limit', until: NOW }, signIn(), 'old', true],
    ['not a moment before it', { reason: 'limit', until: NOW + 1 }, signIn(), 'old', false],
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
});

describe('the gate of an account', () => {
  const open: AccountView = { account: account(), versionError: null, signIn: signIn(), fingerprint: 'old' };
  const gate = (view: Partial<AccountView>, rules: Partial<AccountRules> = {}) =>
    accountGate({ ...open, ...view }, { ...RULES, ...rules }, NOW);
  const closed = (code: string, fields: object = {}) =>
    expect.objectContaining({ kind: 'closed', code, ...fields });
  const single = (code: string, probe: boolean) => expect.objectContaining({ kind: 'single', code, probe });
  const OPEN: AccountGate = { kind: 'open' };
  const openBreaker = { state: 'open', failures: 3, probeAt: NOW + MINUTE, since: NOW - 5 } as const;
  const nearExpiry = signIn('ready_refresh_due', { expiresAt: NOW + 4 * MINUTE });
  const pastSkew = signIn('ready_refresh_due', { expiresAt: NOW + MINUTE });

  it.each<[string, Partial<AccountView>, Partial<AccountRules>, unknown]>([
    ['is open for a good sign-in', {}, {}, OPEN],
    ['is open for a login that ends soon', { signIn: signIn('ready_login_ends_soon') }, {}, OPEN],
    [
      'is open when no expiry is stated',
      { signIn: signIn('ready_expiry_unknown', { expiresAt: null }) },
      {},
      OPEN,
    ],
    [
      'is closed when the CLI does not answer',
      { versionError: 'no answer in 10 s' },
      {},
      closed('gate.failed', { state: 'needs_you', detail: 'no answer in 10 s' }),
    ],
    [
      'is closed when the CLI does not answer, whatever else holds it',
      { versionError: 'x', account: account({ hold: hold() }) },
      {},
      closed('gate.failed'),
    ],
    [
      'is closed when signed out',
      { signIn: signIn('logged_out') },
      {},
      closed('account.signed_out', { state: 'needs_you', clearsAt: null }),
    ],
    [
      'is closed when a login is needed',
      { signIn: signIn('login_needed') },
      {},
      closed('account.signed_out'),
    ],
    [
      'does not look at the sign-in when told not to',
      { signIn: signIn('logged_out') },
      { checkAuth: false },
      OPEN,
    ],
    [
      'stays held when told not to look at the sign-in',
      { account: account({ hold: hold() }) },
      { checkAuth: false },
      closed('account.signed_out'),
    ],

    [
      'lets one start renew a sign-in that is due',
      { signIn: nearExpiry },
      {},
      single('account.probing', false),
    ],
    [
      'makes that start a canary past the limit of expiry',
      { signIn: pastSkew },
      {},
      single('account.probing', true),
    ],
    [
      'forbids the canary when strict',
      { signIn: pastSkew },
      { authStrict: true },
      closed('account.signed_out'),
    ],
    [
      'does not forbid the renewal before that limit, even when strict',
      { signIn: nearExpiry },
      { authStrict: true },
      single('account.probing', false),
    ],
    [
      'is strict about stored logins only',
      { signIn: signIn('ready', { source: 'CLAUDE_CODE_OAUTH_TOKEN', expiresAt: NOW }) },
      { authStrict: true },
      OPEN,
    ],

    [
      'tries a sign-in that cannot be judged offline with one run',
      { signIn: signIn('unknown', { expiresAt: null }) },
      {},
      single('account.probing', true),
    ],
    [
      'is open for it once it has answered',
      { signIn: signIn('unknown', { expiresAt: null }), account: account({ provenFingerprint: 'old' }) },
      {},
      OPEN,
    ],
    [
      'tries it again when the credential is another one',
      { signIn: signIn('unknown', { expiresAt: null }), account: account({ provenFingerprint: 'older' }) },
      {},
      single('account.probing', true),
    ],
    [
      'never takes a sign-in that has no fingerprint as proven',
      { signIn: signIn('unknown', { expiresAt: null, fingerprint: null }), fingerprint: null },
      {},
      single('account.probing', true),
    ],

    [
      'is closed by a hold, whatever the preflight says',
      { account: account({ hold: hold() }) },
      {},
      closed('account.signed_out', { state: 'needs_you', since: NOW - MINUTE, detail: 'Please run /login' }),
    ],
    [
      'says since when it is signed out',
      { signIn: signIn('logged_out'), account: account({ hold: hold() }) },
      {},
      closed('account.signed_out', { since: NOW - MINUTE }),
    ],
    [
      'waits for a stated reset',
      { account: account({ hold: hold({ reason: 'limit', until: NOW + DAY }) }) },
      {},
      closed('account.limit', { state: 'waiting', clearsAt: NOW + DAY }),
    ],
    [
      'needs a person when no reset is stated',
      { account: account({ hold: hold({ reason: 'limit' }) }) },
      {},
      closed('account.limit', { state: 'needs_you', clearsAt: null }),
    ],
    [
      'lets one canary through after the interval',
      { account: account({ hold: hold({ since: NOW - 5 * MINUTE }) }) },
      {},
      single('account.probing', true),
    ],
    [
      'not before it',
      { account: account({ hold: hold({ since: NOW - 5 * MINUTE + 1 }) }) },
      {},
      closed('account.signed_out'),
    ],
    [
      'and not again before the interval since the last one',
      { account: account({ hold: hold({ since: NOW - DAY }), lastProbeAt: NOW - 5 * MINUTE + 1 }) },
      {},
      closed('account.signed_out'),
    ],
    [
      'but then again',
      { account: account({ hold: hold({ since: NOW - DAY }), lastProbeAt: NOW - 5 * MINUTE }) },
      {},
      single('account.probing', true),
    ],
    [
      'sends no canary to an account that is signed out by its files',
      { signIn: signIn('logged_out'), account: account({ hold: hold({ since: NOW - DAY }) }) },
      {},
      closed('account.signed_out'),
    ],

    [
      'pauses as the vendor asked',
      { account: account({ notBefore: NOW + 1 }) },
      {},
      closed('account.limit', { state: 'waiting', clearsAt: NOW + 1 }),
    ],
    ['and no longer', { account: account({ notBefore: NOW }) }, {}, OPEN],
    [
      'is closed by an open breaker',
      { account: account({ breaker: openBreaker }) },
      {},
      closed('breaker.open', { state: 'waiting', since: NOW - 5, clearsAt: NOW + MINUTE }),
    ],
    [
      'lets one probe through a half-open breaker',
      { account: account({ breaker: { ...openBreaker, probeAt: NOW } }) },
      {},
      single('breaker.probing', true),
    ],
    [
      'explains a hold before the breaker',
      { account: account({ hold: hold(), breaker: openBreaker }) },
      {},
      closed('account.signed_out'),
    ],
    [
      'explains the sign-in before the breaker',
      { signIn: signIn('logged_out'), account: account({ breaker: openBreaker }) },
      {},
      closed('account.signed_out'),
    ],
    [
      'explains an open breaker before a renewal that is due',
      { signIn: nearExpiry, account: account({ breaker: openBreaker }) },
      {},
      closed('breaker.open'),
    ],
  ])('%s', (_name, view, rules, expected) => {
    expect(gate(view, rules)).toEqual(expected);
  });
});
