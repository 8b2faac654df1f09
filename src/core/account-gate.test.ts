import { describe, expect, it } from 'vitest';
import {
  type AccountEntry,
  type AccountGate,
  type AccountRules,
  type AccountView,
  accountGate,
  isBusy,
} from './account-gate.ts';
import type { AccountHold } from './model.ts';
import type { SignIn, SignInState } from './sign-in.ts';
import { account } from './test-kit.ts';

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

describe('the gate of an account', () => {
  const open: AccountView = { account: account(), versionError: null, signIn: signIn(), fingerprint: 'old' };
  const gate = (view: Partial<AccountView>, rules: Partial<AccountRules> = {}) =>
    accountGate({ ...open, ...view }, { ...RULES, ...rules }, NOW);
  const closed = (code: string, fields: object = {}) =>
    expect.objectContaining({ kind: 'closed', code, ...fields });
  const single = (code: string, probe: boolean, fields: object = {}) =>
    expect.objectContaining({ kind: 'single', code, probe, ...fields });
  const OPEN: AccountGate = { kind: 'open' };
  const openBreaker = { state: 'open', failures: 3, probeAt: NOW + MINUTE, since: NOW - 5 } as const;
  const keep = { fiveHour: 0.4, sevenDay: null, until: null };
  const used = (utilization: number) => ({
    name: 'five_hour',
    utilization,
    resetAt: NOW + MINUTE,
    seenAt: NOW - MINUTE,
  });
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
      'tries a CLI version that nothing has proven with one run',
      { unproven: 'codex 0.170.0' },
      {},
      single('agent.unproven_version', true, {
        alone: false,
        detail: expect.stringContaining('codex 0.170.0'),
      }),
    ],
    [
      'lets that run renew a sign-in that is due, alone',
      { unproven: 'codex 0.170.0', signIn: nearExpiry },
      {},
      single('agent.unproven_version', true, { alone: true }),
    ],
    [
      'tries it again at once after a canary that proved nothing: its job has budgets of its own',
      { unproven: 'codex 0.170.0', account: account({ lastProbeAt: NOW - 1 }) },
      {},
      single('agent.unproven_version', true),
    ],
    [
      'stays with one run while that canary lives',
      { unproven: 'codex 0.170.0', account: account({ lastProbeAt: NOW - MINUTE }), probing: true },
      {},
      single('agent.unproven_version', true),
    ],
    [
      'looks at the sign-in first',
      { unproven: 'codex 0.170.0', signIn: signIn('logged_out') },
      {},
      closed('account.signed_out'),
    ],
    [
      'looks at a hold first',
      { unproven: 'codex 0.170.0', account: account({ hold: hold() }) },
      {},
      closed('account.signed_out'),
    ],
    [
      'lets no canary past a throttle',
      { unproven: 'codex 0.170.0', account: account({ notBefore: NOW + 5 }) },
      {},
      closed('account.limit'),
    ],
    [
      'lets no canary past an open breaker',
      { unproven: 'codex 0.170.0', account: account({ breaker: openBreaker }) },
      {},
      closed('breaker.open'),
    ],
    [
      'waits for a person when the new version showed what no rule knows, however long it takes',
      {
        unproven: 'codex 0.170.0',
        account: account({
          hold: hold({
            reason: 'unproven_version',
            since: NOW - 9 * DAY,
            detail: 'run_7 ended oddly',
            cli: { kind: 'codex', versions: ['0.170.0'] },
          }),
        }),
      },
      {},
      closed('agent.unproven_version', {
        state: 'needs_you',
        held: true,
        since: NOW - 9 * DAY,
        clearsAt: null,
        probeAt: null,
        detail: 'run_7 ended oddly',
      }),
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
    [
      'keeps every other run away while a sign-in is renewed',
      { signIn: nearExpiry },
      {},
      single('account.probing', false, { alone: true, held: false }),
    ],
    [
      'is being probed while the canary of a hold lives',
      { account: account({ hold: hold(), lastProbeAt: NOW }), probing: true },
      {},
      single('account.probing', true),
    ],
    [
      'sends the canary of a hold beside the runs that live on',
      { account: account({ hold: hold({ since: NOW - 5 * MINUTE }) }) },
      {},
      single('account.probing', true, { alone: false, held: true }),
    ],
    [
      'but alone when its start would renew the sign-in',
      { signIn: nearExpiry, account: account({ hold: hold({ since: NOW - 5 * MINUTE }) }) },
      {},
      single('account.probing', true, { alone: true, held: true }),
    ],
    [
      'sends a canary a little before a stated reset',
      { account: account({ hold: hold({ reason: 'limit', until: NOW + 2000 }) }) },
      {},
      single('account.probing', true),
    ],
    [
      'but not sooner, and says when',
      { account: account({ hold: hold({ reason: 'limit', until: NOW + 2001 }) }) },
      {},
      closed('account.limit', { clearsAt: NOW + 2001, probeAt: NOW + 1, guessed: false }),
    ],
    [
      'nor within the interval since the last canary',
      {
        account: account({
          hold: hold({ reason: 'limit', until: NOW + 1 }),
          lastProbeAt: NOW - 5 * MINUTE + 1,
        }),
      },
      {},
      closed('account.limit', { probeAt: NOW + 1 }),
    ],
    [
      'waits twice as long after the second refused canary, and calls that a guess',
      {
        account: account({
          hold: hold({ reason: 'limit', until: NOW, guessed: true, refusals: 2 }),
          lastProbeAt: NOW - MINUTE,
        }),
      },
      {},
      closed('account.limit', { state: 'waiting', clearsAt: NOW + 9 * MINUTE, guessed: true }),
    ],
    [
      'and an hour at most, however many it refused',
      {
        account: account({
          hold: hold({ reason: 'limit', until: NOW, guessed: true, refusals: 60 }),
          lastProbeAt: NOW,
        }),
      },
      {},
      closed('account.limit', { clearsAt: NOW + 60 * MINUTE }),
    ],
    [
      'shares one canary between hold and breaker: none while the breaker is open',
      { account: account({ hold: hold({ since: NOW - DAY }), breaker: openBreaker }) },
      {},
      closed('account.signed_out', { probeAt: NOW + MINUTE }),
    ],
    [
      'and one when both may be tried',
      {
        account: account({ hold: hold({ since: NOW - DAY }), breaker: { ...openBreaker, probeAt: NOW } }),
      },
      {},
      single('account.probing', true),
    ],

    [
      'keeps the rest of the plan for people',
      { account: account({ windows: [used(0.6)] }), reserve: keep },
      {},
      closed('account.reserved', { state: 'waiting', held: true, clearsAt: NOW + MINUTE }),
    ],
    [
      'is open while more than that is left',
      { account: account({ windows: [used(0.59)] }), reserve: keep },
      {},
      OPEN,
    ],
    [
      'is open outside the hours in which it is kept',
      { account: account({ windows: [used(0.6)] }), reserve: null },
      {},
      OPEN,
    ],
    [
      'explains a hold before the reserve, and the reserve before the breaker',
      { account: account({ windows: [used(0.6)], breaker: openBreaker }), reserve: keep },
      {},
      closed('account.reserved'),
    ],
  ])('%s', (_name, view, rules, expected) => {
    expect(gate(view, rules)).toEqual(expected);
  });
});

describe('an account of which one run at a time is asked', () => {
  it.each<[string, { alone: boolean; running: number; probing: boolean }, boolean]>([
    ['is free when nothing lives on it', { alone: true, running: 0, probing: false }, false],
    ['is busy while its canary lives', { alone: false, running: 1, probing: true }, true],
    [
      'is free beside other runs, if it need not be alone',
      { alone: false, running: 2, probing: false },
      false,
    ],
    ['is busy while any run lives, if it has to be alone', { alone: true, running: 1, probing: false }, true],
    ['is busy with a canary that was counted a moment ago', { alone: true, running: 0, probing: true }, true],
  ])('%s', (_name, { alone, ...lives }, busy) => {
    const single = { kind: 'single', probe: true, held: true, code: 'account.probing', detail: '' } as const;
    const entry: AccountEntry = { ...single, alone, slots: 2, ...lives };
    expect(isBusy(entry)).toBe(busy);
  });
});
