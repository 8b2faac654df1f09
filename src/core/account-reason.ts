import { isBusy } from './account-gate.ts';
import { waysOut } from './announce.ts';
import { type Gate, type Reason, sinceOf } from './dispatch-state.ts';
import { placeOf } from './failover.ts';
import type { Job } from './model.ts';

/** Nobody here could ever run it, whatever else opens. */
export const workerMatchGate: Gate = (job, d) => {
  if (job.agent === null || (job.account !== null && d.accounts.has(job.account))) return null;
  return accountReason(
    job,
    'worker.no_match',
    'needs_you',
    job.account === null
      ? `No account is configured for ${job.project}`
      : `Account ${job.account} is not configured`,
    '',
    job.createdAt,
    null,
    job.account === null
      ? 'A person adds an account to the project.'
      : `A person adds ${job.account} to orch.yaml.`,
    null,
  );
};

export const accountClosedGate: Gate = (job, d, now) => {
  const gate = job.account === null ? undefined : d.accounts.get(job.account);
  if (job.account === null || gate === undefined || placeOf(job, d) !== job.account) return null;
  if (gate.kind === 'closed') {
    const since = gate.since ?? sinceOf(d, gate.code, job.account, now);
    const clears =
      gate.state === 'needs_you'
        ? (CLEARED_BY[gate.code] ?? 'A person acts.')
        : gate.guessed
          ? 'No action needed: one run is tried then. The time is a guess, the vendor named none that holds.'
          : 'No action needed.';
    return accountReason(
      job,
      gate.code,
      gate.state,
      accountTitle(gate.code, job.account),
      gate.detail,
      since,
      gate.clearsAt,
      clears,
      fixOf(gate.code, gate.state, job.account),
    );
  }
  if (gate.kind === 'single' && isBusy(gate))
    return accountReason(
      job,
      gate.code,
      'waiting',
      `Account ${job.account} runs one job at a time for now`,
      gate.detail,
      sinceOf(d, gate.code, job.account, now),
      null,
      'No action needed: it clears when that run has answered.',
      null,
    );
  return null;
};

export const accountFullGate: Gate = (job, d, now) => {
  const place = placeOf(job, d);
  const gate = place === null ? undefined : d.accounts.get(place);
  if (place === null || gate === undefined || gate.running < gate.slots) return null;
  return accountReason(
    { ...job, account: place },
    'cap.account',
    'waiting',
    `Account ${place} uses all ${gate.slots} of its slots`,
    '',
    sinceOf(d, 'cap.account', place, now),
    null,
    'No action needed: it clears when a run ends.',
    null,
  );
};

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
  job: Job,
  code: string,
  state: Reason['state'],
  title: string,
  detail: string,
  since: number,
  clearsAt: number | null,
  clearsWhen: string,
  fix: string | null,
): Reason {
  const id = job.account ?? '';
  return {
    code,
    scope: { kind: 'account', id, label: id },
    state,
    title,
    detail,
    since,
    clearsAt,
    clearsWhen,
    fix,
  };
}
