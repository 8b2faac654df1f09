import { type AccountEntry, isBusy } from './account-gate.ts';
import { waysOut } from './announce.ts';
import type { DispatchState, Reason } from './dispatch-state.ts';

/** What each account holds back: closed, busy with its one start, or full. */
export function accountGates(d: DispatchState): Reason[] {
  return [...d.accounts].flatMap(([id, entry]) => {
    const shut = shutReason(id, entry, d.tickAt);
    const full = entry.running < entry.slots ? [] : [fullReason(id, entry, d.tickAt)];
    return shut === null ? full : [shut, ...full];
  });
}

function shutReason(id: string, entry: AccountEntry, now: number): Reason | null {
  if (entry.kind === 'closed') {
    return accountReason(id, {
      code: entry.code,
      state: entry.state,
      title: accountTitle(entry.code, id),
      detail: entry.detail,
      since: entry.since ?? now,
      clearsAt: entry.clearsAt,
      clearsWhen: clearsWhen(entry),
      fix: fixOf(entry.code, entry.state, id),
    });
  }
  if (!isBusy(entry) || entry.kind !== 'single') return null;
  return accountReason(id, {
    code: entry.code,
    title: `Account ${id} runs one job at a time for now`,
    detail: entry.detail,
    since: now,
    clearsWhen: 'No action needed: it clears when that run has answered.',
  });
}

function clearsWhen(entry: Extract<AccountEntry, { kind: 'closed' }>): string {
  if (entry.state === 'needs_you') return CLEARED_BY[entry.code] ?? 'A person acts.';
  return entry.guessed
    ? 'No action needed: one run is tried then. The time is a guess, the vendor named none that holds.'
    : 'No action needed.';
}

function fullReason(id: string, { slots }: AccountEntry, now: number): Reason {
  return accountReason(id, {
    code: 'cap.account',
    title: `Account ${id} uses all ${slots} of its slots`,
    since: now,
    clearsWhen: 'No action needed: it clears when a run ends.',
  });
}

/** What a person does about a closed account; the rest of their codes need none. */
const CLEARED_BY: Readonly<Record<string, string>> = {
  'account.signed_out': 'A person signs in; the jobs start by themselves.',
  'agent.unproven_version':
    'A person trusts the version, or goes back to the last good one; the jobs start by themselves.',
};

function fixOf(code: string, state: Reason['state'], account: string): string | null {
  if (code === 'account.signed_out') return `orch accounts login ${account}`;
  return code === 'agent.unproven_version' && state === 'needs_you' ? waysOut(account) : null;
}

function accountTitle(code: string, account: string): string {
  switch (code) {
    case 'account.signed_out':
      return `Account ${account} is signed out`;
    case 'account.limit':
      return `Usage limit on ${account}`;
    case 'account.reserved':
      return `Account ${account} keeps the rest of its plan for people`;
    case 'account.probing':
      return `Account ${account} is being checked`;
    case 'agent.unproven_version':
      return `Account ${account} has a new version of its CLI`;
    case 'breaker.open':
      return `Breaker for ${account} is open`;
    default:
      return `Preflight of account ${account} failed`;
  }
}

function accountReason(
  id: string,
  fields: Pick<Reason, 'code' | 'title' | 'since' | 'clearsWhen'> & Partial<Reason>,
): Reason {
  return {
    scope: { kind: 'account', id, label: id },
    state: 'waiting',
    detail: '',
    clearsAt: null,
    fix: null,
    ...fields,
  };
}
