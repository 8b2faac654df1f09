/**
 * The vendor of the agents, and the accounts that people have with it: sign-ins that end, are renewed and come
 * back, plan limits with resets that are stated, guessed or late, overload, and a CLI that does not start. What
 * the engine sees of an account is what lies in its home (`signIn`, `version`); what a run meets is what the
 * vendor thinks of it (`meets`). Both change only by the calls here, so a scenario is a list of them.
 */
import type { Agent, AgentAccount } from '../src/agents/agent.ts';
import { AppError } from '../src/core/errors.ts';
import { REFRESH_BEFORE_MS, type SignIn } from '../src/core/sign-in.ts';
import type { Trace } from './trace.ts';

export interface Limit {
  /** When the vendor takes requests again. */
  readonly until: number;
  /** What it says of that; null = nothing. */
  readonly stated: number | null;
  readonly window: '5-hour' | 'weekly';
}

/** What a request on an account comes to now. */
export type Meeting =
  | { readonly kind: 'answer' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'limited'; readonly limit: Limit }
  | { readonly kind: 'overloaded'; readonly retryAfterMs: number | null };

export interface VendorAccount {
  readonly id: string;
  /** `stored`: a login with an end that the CLI renews. `key`: one that nobody can judge offline. */
  readonly source: 'stored' | 'key';
  /** The login in the home is whole. */
  signedIn: boolean;
  /** The vendor has taken it back, which no file shows. */
  revoked: boolean;
  expiresAt: number;
  /** Counts the logins and renewals. */
  version: number;
  limit: Limit | null;
  overloadedUntil: number;
  /** The CLI does not answer before then. */
  brokenUntil: number;
  /** Every credential there was, with when it came: what may have ended a hold. */
  readonly history: { readonly at: number; readonly fingerprint: string | null }[];
}

const LOGIN_LASTS_MS = 8 * 60 * 60 * 1000;

export interface Vendor {
  readonly accounts: ReadonlyMap<string, VendorAccount>;
  /** How the engine sees an account: its home and its CLI. */
  readonly agent: Agent;
  home(id: string): AgentAccount;
  /** A person signs in. */
  login(id: string): void;
  /** The login is gone from the home. */
  logout(id: string): void;
  /** The login stays in the home, and is worth nothing. */
  revoke(id: string): void;
  limit(id: string, limit: Limit): void;
  overload(id: string, forMs: number): void;
  breakCli(id: string, forMs: number): void;
  /** All is well again. */
  heal(id: string): void;
  /** What a request on the account comes to; a login near its end is renewed by it. */
  meets(id: string): Meeting;
  fingerprint(id: string): string | null;
}

export function createVendor(parts: {
  accounts: readonly { readonly id: string; readonly source: VendorAccount['source'] }[];
  wall: () => number;
  trace: Trace;
}): Vendor {
  const { wall, trace } = parts;
  const accounts = new Map<string, VendorAccount>(
    parts.accounts.map(({ id, source }) => [
      id,
      {
        ...{ id, source, signedIn: true, revoked: false, expiresAt: wall() + LOGIN_LASTS_MS, version: 1 },
        ...{ limit: null, overloadedUntil: 0, brokenUntil: 0 },
        history: [{ at: wall(), fingerprint: `${id}#1` }],
      },
    ]),
  );

  function of(id: string): VendorAccount {
    const account = accounts.get(id);
    if (account === undefined) throw new Error(`no account ${id} in this world`);
    return account;
  }

  function fingerprint(id: string): string | null {
    const account = of(id);
    return account.signedIn ? `${id}#${account.version}` : null;
  }

  function renew(account: VendorAccount): void {
    account.version++;
    account.expiresAt = wall() + LOGIN_LASTS_MS;
    changed(account);
  }

  function changed(account: VendorAccount): void {
    account.history.push({ at: wall(), fingerprint: fingerprint(account.id) });
  }

  function signIn(account: VendorAccount): SignIn {
    const own = { source: account.source === 'key' ? 'key_helper' : 'stored_login', expiresAt: null };
    if (!account.signedIn)
      return { state: 'logged_out', ...own, source: null, fingerprint: null, detail: 'no login' };
    const print = fingerprint(account.id);
    if (account.source === 'key')
      return { state: 'unknown', ...own, fingerprint: print, detail: 'a helper gives the key' };
    const { expiresAt } = account;
    const due = expiresAt - REFRESH_BEFORE_MS <= wall();
    return {
      state: due ? 'ready_refresh_due' : 'ready',
      ...own,
      expiresAt,
      fingerprint: print,
      detail: due ? 'the login is renewed by the next run' : 'signed in',
    };
  }

  const agent: Agent = {
    kind: 'scripted',
    recordedVersions: null,
    async version(account) {
      if (of(account.id).brokenUntil > wall())
        throw new AppError('the CLI does not start', { code: 'agent.unavailable' });
      return '1.0.0';
    },
    signIn: async (account) => signIn(of(account.id)),
    credentialFiles: () => [],
    loginCommand: (account) => `login ${account.id}`,
    canResume: async () => true,
    judge: () => Promise.reject(new Error('runs of this world are judged where they are scripted')),
    invocation: () => {
      throw new Error('runs of this world have no process');
    },
  };

  return {
    accounts,
    agent,
    home: (id) => ({
      id,
      home: `/home/${id}`,
      bin: 'scripted',
      /** Read anew at each look: a changed login is seen as a changed file is. */
      get env() {
        const { signedIn, version } = of(id);
        return { LOGIN: signedIn ? String(version) : 'none' };
      },
    }),
    login(id) {
      const account = of(id);
      account.signedIn = true;
      account.revoked = false;
      renew(account);
      trace.note(`a person signs ${id} in`);
    },
    logout(id) {
      of(id).signedIn = false;
      changed(of(id));
      trace.note(`the login of ${id} is gone`);
    },
    revoke(id) {
      of(id).revoked = true;
      trace.note(`the vendor revokes the login of ${id}`);
    },
    limit(id, limit) {
      of(id).limit = limit;
      trace.note(`${id} is at its ${limit.window} limit`);
    },
    overload(id, forMs) {
      of(id).overloadedUntil = wall() + forMs;
      trace.note(`the vendor is overloaded for ${id}`);
    },
    breakCli(id, forMs) {
      of(id).brokenUntil = wall() + forMs;
      trace.note(`the CLI of ${id} does not start`);
    },
    heal(id) {
      const account = of(id);
      account.limit = null;
      account.overloadedUntil = 0;
      account.brokenUntil = 0;
      if (account.signedIn && !account.revoked && (account.source === 'key' || account.expiresAt > wall()))
        return;
      account.signedIn = true;
      account.revoked = false;
      renew(account);
    },
    meets(id) {
      const account = of(id);
      if (!account.signedIn || account.revoked) return { kind: 'refused' };
      if (account.source === 'stored' && account.expiresAt - REFRESH_BEFORE_MS <= wall()) renew(account);
      if (account.limit !== null && account.limit.until > wall())
        return { kind: 'limited', limit: account.limit };
      if (account.overloadedUntil > wall()) return { kind: 'overloaded', retryAfterMs: null };
      return { kind: 'answer' };
    },
    fingerprint,
  };
}
