import type { Agent, AgentAccount } from '../agents/agent.ts';
import { holdIsOver, versionHoldIsOver } from '../core/account.ts';
import {
  type AccountEntry,
  type AccountGate,
  type AccountRules,
  accountGate,
  CHECKING,
} from '../core/account-gate.ts';
import { expiringOf } from '../core/account-warning.ts';
import { type Budget, dayBudget, dayOf, NOTHING_SPENT } from '../core/budget.ts';
import { isProven } from '../core/cli-version.ts';
import type { Unanswered } from '../core/delivery.ts';
import type { DispatchState } from '../core/dispatch-state.ts';
import { withLooks } from '../core/intake.ts';
import { type AccountState, type Job, type Run, runName } from '../core/model.ts';
import type { ReserveNow } from '../core/reserve.ts';
import { mayStart, type SignIn } from '../core/sign-in.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import { accountInForce, pinInForce } from './cli-trust.ts';
import type { Machine } from './machine.ts';
import type { Preflight, PreflightOptions, PreflightView } from './preflight.ts';

export interface DispatcherAccount {
  readonly agent: Agent;
  readonly account: AgentAccount;
  readonly slots: number;
  /** What is kept for people at an instant; null = nothing. */
  readonly reserve: (now: number) => ReserveNow | null;
}

export interface DispatcherProject {
  readonly key: string;
  readonly maxConcurrency: number;
  readonly accounts: readonly string[];
  readonly failover: 'never' | 'on_hold';
  readonly openPrs: number;
  readonly budget: Budget;
}

/** The configuration as the dispatcher needs it; read anew on every tick, so a reload applies at once. */
export interface DispatcherConfig {
  readonly accounts: readonly DispatcherAccount[];
  readonly projects: readonly DispatcherProject[];
  readonly slots: number;
  readonly rules: AccountRules;
  readonly preflight: PreflightOptions;
  /** Folders that must not run out of disk. */
  readonly disks: readonly string[];
  readonly directoryFor: (runId: number) => string;
}

export interface LookParts {
  readonly store: Store;
  readonly preflight: Preflight;
  readonly machine: Pick<Machine, 'gate'>;
  /** Destinations that did not answer when they were looked at, by their name. */
  readonly looks: () => ReadonlyMap<string, Unanswered>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Looks at everything that decides what may start, once a tick. It remembers the tick before, for one
 * purpose: to say when a login was found gone, and which runs were alive.
 */
export function createLook({ store, preflight, machine, looks, clock, log }: LookParts) {
  const signIns = new Map<string, SignIn>();
  /** What became of logins that are gone, by account. */
  const gone = new Map<string, string>();
  let lived: readonly Run[] = [];

  return async function look(
    config: DispatcherConfig,
    since: ReadonlyMap<string, number>,
  ): Promise<DispatchState> {
    const now = clock();
    const [pauses, counts, rows, versions, live, spent, host, troubles] = await Promise.all([
      store.pauses(),
      store.counts(),
      store.accounts(),
      store.cliVersions(),
      store.running(),
      store.spending(dayOf(now)),
      machine.gate(config.disks),
      store.troubles(),
    ]);
    const states = new Map(rows.map((row) => [row.id, row]));
    const accounts = new Map<string, AccountEntry>();
    for (const entry of config.accounts) {
      const { id } = entry.account;
      const account = await withoutOldPin(states.get(id), entry.account);
      const view = await preflight.view(
        entry.agent,
        accountInForce(entry.account, account),
        config.preflight,
      );
      const own = {
        running: counts.runningByAccount.get(id) ?? 0,
        slots: entry.slots,
        probing: isProbed(live, id),
      };
      if (view !== null) noteLogin(id, view.signIn, live, now);
      const gate =
        account === undefined || view === null
          ? CHECKING
          : await gateOf(entry, account, view, {
              probing: own.probing,
              proven: (version) =>
                isProven(entry.agent.kind, version, entry.agent.recordedVersions, versions),
              rules: config.rules,
              now,
            });
      accounts.set(id, { ...gate, ...own, ...warned(view, config.rules, now) });
    }
    lived = live.map(({ run }) => run);
    return {
      tickAt: now,
      pauses,
      host,
      accounts,
      projects: new Map(
        config.projects.map((p) => [
          p.key,
          {
            running: counts.runningByProject.get(p.key) ?? 0,
            cap: p.maxConcurrency,
            failedInRow: counts.failedInRow.get(p.key) ?? 0,
            failover: p.failover === 'on_hold' ? p.accounts : [],
            unmerged: counts.unmergedByProject.get(p.key) ?? 0,
            openPrs: p.openPrs,
            budget: dayBudget(p.budget, spent.get(p.key) ?? NOTHING_SPENT),
          },
        ]),
      ),
      workers: { running: counts.jobs.running, slots: config.slots },
      locks: live.map(({ run, job }) => ({
        runId: run.id,
        jobId: job.id,
        taskId: job.taskId,
        project: job.project,
        branch: job.branch,
        since: run.startedAt,
      })),
      troubles: withLooks(troubles, looks()),
      since,
    };
  };

  async function gateOf(
    { agent, account: configured, reserve }: DispatcherAccount,
    account: AccountState,
    view: PreflightView,
    { probing, proven, rules, now }: GateFacts,
  ): Promise<AccountGate> {
    const { signIn, version } = view;
    const { fingerprint } = signIn;
    const { hold } = account;
    const over =
      hold !== null &&
      (holdIsOver(hold, signIn, fingerprint, now, probing) || versionHoldIsOver(hold, version, proven));
    const current = over ? await store.updateAccount(account.id, withoutHold) : account;
    if (over) log.info({ account: account.id }, 'account hold ended');
    const gate = accountGate(
      {
        account: current,
        versionError: versionErrorOf(view, configured, current),
        signIn,
        fingerprint,
        reserve: reserve(now),
        probing,
        unproven: version === null || proven(version) ? null : `${agent.kind} ${version}`,
      },
      rules,
      now,
    );
    const story = gone.get(account.id);
    return story !== undefined && gate.kind === 'closed' && gate.code === 'account.signed_out'
      ? { ...gate, detail: `${gate.detail}; ${story}` }
      : gate;
  }

  /** A choice of another binary than the configured one ends, for good, when the configuration names another. */
  async function withoutOldPin(
    account: AccountState | undefined,
    configured: AgentAccount,
  ): Promise<AccountState | undefined> {
    if (account === undefined || account.pinned === null || pinInForce(configured, account) !== null)
      return account;
    log.info({ account: account.id, bin: configured.bin }, 'the configuration names another binary');
    return store.updateAccount(account.id, (a) => ({ ...a, pinned: null }));
  }

  /** A login that was there and is not any more: nobody else will know which runs were alive. */
  function noteLogin(id: string, signIn: SignIn, live: readonly { run: Run; job: Job }[], now: number): void {
    const before = signIns.get(id);
    signIns.set(id, signIn);
    if (signIn.state !== 'logged_out') gone.delete(id);
    else if (before !== undefined && before.fingerprint !== null && signIn.fingerprint === null) {
      const runs = [...lived, ...live.map(({ run }) => run)].filter((run) => run.account === id);
      const names = [...new Set(runs.map((run) => runName(run.id)))].join(', ') || 'none';
      gone.set(id, `found emptied at ${new Date(now).toISOString()}; runs alive then: ${names}`);
      log.warn({ account: id, runs: names }, 'a login was found emptied');
    }
  }
}

/** Of a login that is gone nothing is known: its warning stays until there is one that works. */
function warned(
  view: PreflightView | null,
  { checkAuth }: AccountRules,
  now: number,
): Pick<AccountEntry, 'expiring'> {
  if (!checkAuth) return { expiring: null };
  return view === null || !mayStart(view.signIn) ? {} : { expiring: expiringOf(view.signIn, now) };
}

/** A canary of the version that was held says nothing of the one that is there now: that may be tried at once. */
function withoutHold(account: AccountState): AccountState {
  const isOfVersion = account.hold?.reason === 'unproven_version';
  return { ...account, hold: null, ...(isOfVersion ? { lastProbeAt: null } : {}) };
}

interface GateFacts {
  readonly probing: boolean;
  readonly proven: (version: string) => boolean;
  readonly rules: AccountRules;
  readonly now: number;
}

/** A binary that a person chose and that is gone needs another way out than one of the configuration. */
function versionErrorOf(
  { versionError }: PreflightView,
  configured: AgentAccount,
  account: AccountState,
): string | null {
  return versionError === null || pinInForce(configured, account) === null
    ? versionError
    : `${versionError}; it is used since orch accounts use-last-good, and orch accounts trust ${account.id} goes back to ${configured.bin}`;
}

function isProbed(live: readonly { readonly run: Run }[], account: string): boolean {
  return live.some(({ run }) => run.account === account && run.probe);
}
