import type { AccountEntry } from './account-gate.ts';
import type { BudgetLevel } from './budget.ts';
import type { DestinationTrouble } from './delivery.ts';
import type { Pause } from './model.ts';
import type { ReasonCode } from './reason-codes.ts';

export interface Scope {
  readonly kind: 'all' | 'host' | 'worker' | 'project' | 'account' | 'task' | 'job';
  readonly id: string;
  readonly label: string;
}

/** Why a queued job waits, in the words that page, CLI, chat and API share. */
export interface Reason {
  readonly code: ReasonCode;
  readonly scope: Scope;
  readonly state: 'waiting' | 'needs_you';
  readonly title: string;
  readonly detail: string;
  readonly since: number;
  readonly clearsAt: number | null;
  readonly clearsWhen: string;
  /** Command that clears it, if a person has to act. */
  readonly fix: string | null;
}

/** Everything the dispatcher looked at in one tick; the claim and the explanation read the same value. */
export interface DispatchState {
  readonly tickAt: number;
  readonly pauses: readonly Pause[];
  readonly host: { readonly code: 'host.disk' | 'host.memory'; readonly detail: string } | null;
  readonly accounts: ReadonlyMap<string, AccountEntry>;
  readonly projects: ReadonlyMap<string, ProjectEntry>;
  readonly workers: { readonly running: number; readonly slots: number };
  /** Branches somebody works on now. */
  readonly locks: readonly Lock[];
  /** Trackers, forges and notifiers that do not answer, or have messages that were given up. */
  readonly troubles: readonly DestinationTrouble[];
  /** First time each closed gate was seen, by `gateKey`; survives restarts in the store. */
  readonly since: ReadonlyMap<string, number>;
}

export interface ProjectEntry {
  readonly running: number;
  readonly cap: number;
  readonly failedInRow: number;
  /** With failover: the accounts in their order, the first of which is used while it is not held. Else empty. */
  readonly failover: readonly string[];
  /** Open pull requests, and how many there may be before new work waits. */
  readonly unmerged: number;
  readonly openPrs: number;
  /** Where today stands. */
  readonly budget: { readonly level: BudgetLevel; readonly detail: string };
}

/** A live run keeps every other job off its task and its branch. */
export interface Lock {
  readonly runId: number;
  readonly jobId: number;
  readonly taskId: number | null;
  readonly project: string;
  readonly branch: string;
  readonly since: number;
}

export function gateKey(code: string, scope: Pick<Scope, 'kind' | 'id'>): string {
  return `${code}:${scope.kind}:${scope.id}`;
}

export function isPaused(pause: Pause, now: number): boolean {
  return pause.until === null || now < pause.until;
}

export function isAccountPaused(d: DispatchState, id: string): boolean {
  return d.pauses.some((p) => p.scope === 'account' && p.id === id && isPaused(p, d.tickAt));
}
