import type { Agent, AgentAccount } from '../agents/agent.ts';
import { type AccountGate, type AccountRules, accountGate, holdIsOver } from '../core/account.ts';
import type { NewOutboxRow, OutboxMessage } from '../core/effects.ts';
import type { AccountState } from '../core/model.ts';
import { type DispatchState, isPaused } from '../core/reason.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Claimed, ClaimRequest, Store } from '../store/store.ts';
import { hostGate } from './host.ts';
import type { Preflight, PreflightOptions, PreflightView } from './preflight.ts';

/** The safety net: everything that matters wakes the dispatcher at once. */
const SLOW_TICK_MS = 5000;
/** How soon a changed credentials file is seen. */
const FILE_POLL_MS = 500;
/** A scheduler that has not ticked for this long is said to be unknown. */
export const STALE_AFTER_MS = 30_000;

export interface DispatcherAccount {
  readonly agent: Agent;
  readonly account: AgentAccount;
  readonly slots: number;
}

/** The configuration as the dispatcher needs it; read anew on every tick, so a reload applies at once. */
export interface DispatcherConfig {
  readonly accounts: readonly DispatcherAccount[];
  readonly projects: readonly { readonly key: string; readonly maxConcurrency: number }[];
  readonly slots: number;
  readonly rules: AccountRules;
  readonly preflight: PreflightOptions;
  /** Where worktrees grow: the disk that must not fill. */
  readonly disk: string;
  readonly directoryFor: (runId: number) => string;
}

export interface DispatcherParts {
  readonly store: Store;
  readonly preflight: Preflight;
  readonly config: () => DispatcherConfig;
  /** Starts work on a claim; must not throw and need not be awaited. */
  readonly start: (claimed: Claimed) => void;
  /** Delivers what is due; resolves with how many messages were tried. */
  readonly deliver: () => Promise<number>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Decides what starts. One tick looks at every gate once, in the order the explanation uses, notes the
 * closed ones, and claims as long as something may start. It wakes on every change of the store.
 */
export function createDispatcher(parts: DispatcherParts) {
  const { store, preflight, clock, log } = parts;
  let state: DispatchState | null = null;
  let ticking: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let lastNoted = '';
  /** Accounts that start nothing, with the code of their gate; null before the first look. */
  let troubled: ReadonlyMap<string, string> | null = null;
  let since: ReadonlyMap<string, number> = new Map();

  async function look(
    config: DispatcherConfig,
  ): Promise<{ dispatch: DispatchState; views: Map<string, PreflightView | null> }> {
    const now = clock();
    const [pauses, counts, rows, host] = await Promise.all([
      store.pauses(),
      store.counts(),
      store.accounts(),
      hostGate(config.disk),
    ]);
    const states = new Map(rows.map((row) => [row.id, row]));
    const views = new Map<string, PreflightView | null>();
    const accounts = new Map<string, AccountGate & { running: number; slots: number }>();
    for (const entry of config.accounts) {
      const view = await preflight.view(entry.agent, entry.account, config.preflight);
      views.set(entry.account.id, view);
      const account = states.get(entry.account.id);
      const running = counts.runningByAccount.get(entry.account.id) ?? 0;
      const gate = account === undefined ? CHECKING : await gateOf(account, view, config.rules, now);
      accounts.set(entry.account.id, { ...gate, running, slots: entry.slots });
    }
    const projects = new Map(
      config.projects.map((p) => [
        p.key,
        {
          running: counts.runningByProject.get(p.key) ?? 0,
          cap: p.maxConcurrency,
          failedInRow: counts.failedInRow.get(p.key) ?? 0,
        },
      ]),
    );
    return {
      dispatch: {
        tickAt: now,
        pauses,
        host,
        accounts,
        projects,
        workers: { running: counts.jobs.running, slots: config.slots },
        since,
      },
      views,
    };
  }

  async function gateOf(
    account: AccountState,
    view: PreflightView | null,
    rules: AccountRules,
    now: number,
  ): Promise<AccountGate> {
    if (view === null) return CHECKING;
    const fingerprint = view.signIn.fingerprint;
    const over = account.hold !== null && holdIsOver(account.hold, view.signIn, fingerprint, now);
    const current = over ? await store.updateAccount(account.id, (a) => ({ ...a, hold: null })) : account;
    if (over) log.info({ account: account.id }, 'account hold ended');
    return accountGate(
      { account: current, versionError: view.versionError, signIn: view.signIn, fingerprint },
      rules,
      now,
    );
  }

  async function tick(): Promise<void> {
    const config = parts.config();
    const seen = await look(config);
    const noted = await note(seen.dispatch);
    await tellOfAccounts(seen.dispatch, noted);
    state = { ...seen.dispatch, since: noted };
    if (seen.dispatch.host === null && !allPaused(seen.dispatch)) await claimAll(config, seen.dispatch);
    void parts.deliver().then(
      (attempted) => {
        if (attempted > 0) wake();
      },
      (error: unknown) => log.error({ error: String(error) }, 'delivery failed'),
    );
  }

  async function note(dispatch: DispatchState): Promise<ReadonlyMap<string, number>> {
    const closed = closedGates(dispatch);
    const signature = closed.map((gate) => `${gate.code}:${gate.scope}`).join('|');
    if (signature === lastNoted) return since;
    since = await store.noteGates(closed, dispatch.tickAt);
    lastNoted = signature;
    return since;
  }

  /** One incident per account in need of a person, and its end; what a run already told is edited, not repeated. */
  async function tellOfAccounts(dispatch: DispatchState, noted: ReadonlyMap<string, number>): Promise<void> {
    const rows: NewOutboxRow[] = [];
    const now = new Map<string, string>();
    for (const [id, gate] of dispatch.accounts) {
      const before = troubled?.get(id);
      // A check or probe of a troubled account does not end its incident.
      if (gate.kind === 'single' || (gate.kind === 'closed' && gate.code === CHECKING.code)) {
        if (before !== undefined) now.set(id, before);
        continue;
      }
      if (gate.kind === 'closed') {
        now.set(id, gate.code);
        const since = gate.since ?? noted.get(`${gate.code}:${id}`) ?? dispatch.tickAt;
        if (gate.state === 'needs_you' && before !== gate.code)
          rows.push(accountRow(id, `gate:${gate.code}:${id}:${since}`, incidentOf(id, gate)));
      } else if (troubled === null || before !== undefined)
        rows.push(
          accountRow(id, `cleared:${id}:${dispatch.tickAt}`, {
            kind: 'notify.resolved',
            incident: `account:${id}`,
          }),
        );
    }
    troubled = now;
    if (rows.length > 0) await store.tell(rows);
  }

  async function claimAll(config: DispatcherConfig, dispatch: DispatchState): Promise<void> {
    const closedProjects = dispatch.pauses
      .filter((p) => p.scope === 'project' && isPaused(p, dispatch.tickAt))
      .map((p) => p.id);
    const pausedAccounts = new Set(
      dispatch.pauses.filter((p) => p.scope === 'account' && isPaused(p, dispatch.tickAt)).map((p) => p.id),
    );
    const request = (accounts: ClaimRequest['accounts'], probe: boolean): ClaimRequest => ({
      accounts,
      closedProjects,
      slots: config.slots,
      probe,
      withoutAccount: !probe,
      directoryFor: config.directoryFor,
      now: clock(),
    });
    const open: { id: string; slots: number }[] = [];
    for (const [id, gate] of dispatch.accounts) {
      if (pausedAccounts.has(id) || gate.kind === 'closed') continue;
      if (gate.kind === 'open') open.push({ id, slots: gate.slots });
      else if (gate.running === 0) {
        const claimed = await store.claim(request([{ id, slots: 1 }], gate.probe));
        if (claimed !== null) begin(claimed);
      }
    }
    while (!stopped) {
      const claimed = await store.claim(request(open, false));
      if (claimed === null) return;
      begin(claimed);
    }
  }

  /** Each start changes what the next look sees, so the explanation follows at once. */
  function begin(claimed: Claimed): void {
    parts.start(claimed);
    again = true;
  }

  async function loop(): Promise<void> {
    do {
      again = false;
      try {
        await tick();
      } catch (error) {
        log.error({ error: error instanceof Error ? error.stack : String(error) }, 'tick failed');
      }
    } while (again && !stopped);
    const due = stopped ? null : await store.nextDue(clock()).catch(() => null);
    ticking = null;
    if (again) wake();
    else if (!stopped) timer = setTimeout(wake, nextDelay(state, due, clock()));
  }

  function wake(): void {
    if (stopped) return;
    if (ticking !== null) {
      again = true;
      return;
    }
    clearTimeout(timer);
    ticking = loop();
  }

  let filePoll: NodeJS.Timeout | undefined;
  let unsubscribe = (): void => {};

  return {
    /** Begins to dispatch: on every change of the store, and by the clock. */
    start(): void {
      unsubscribe = store.onWake(() => queueMicrotask(wake));
      // A closed account's files are looked at more often than the slow tick.
      filePoll = setInterval(() => {
        if (state !== null && [...state.accounts.values()].some((gate) => gate.kind === 'closed')) wake();
      }, FILE_POLL_MS);
      wake();
    },
    wake,
    /** What the last tick saw; null before the first. Older than `STALE_AFTER_MS` means unknown. */
    state: (): DispatchState | null => state,
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      clearInterval(filePoll);
      unsubscribe();
      await ticking;
    },
  };
}

export type Dispatcher = ReturnType<typeof createDispatcher>;

const CHECKING = {
  kind: 'closed',
  code: 'account.probing',
  detail: 'the sign-in is being checked',
  state: 'waiting',
  since: null,
  clearsAt: null,
} as const satisfies AccountGate;

function accountRow(id: string, key: string, message: OutboxMessage): NewOutboxRow {
  return { destination: 'notify', key, orderKey: `notify:account:${id}`, availableAt: null, message };
}

function incidentOf(id: string, gate: { code: string; detail: string }): OutboxMessage {
  const title =
    gate.code === 'account.signed_out' ? `Account ${id} is signed out` : `Account ${id} needs you`;
  const fix = gate.code === 'account.signed_out' ? `orch accounts login ${id}` : 'orch doctor --only agents';
  const detail = `${gate.detail}\nNothing is spent while its jobs wait.\n${fix}`;
  return { kind: 'notify.incident', incident: `account:${id}`, title, detail, urgent: true };
}

function allPaused(dispatch: DispatchState): boolean {
  return dispatch.pauses.some((p) => p.scope === 'all' && isPaused(p, dispatch.tickAt));
}

/** The scope gates that hold something back now, one entry each, for the ledger. */
function closedGates(d: DispatchState): { code: string; scope: string; detail: string }[] {
  const closed: { code: string; scope: string; detail: string }[] = [];
  if (d.host !== null) closed.push({ code: d.host.code, scope: 'host', detail: d.host.detail });
  for (const [id, gate] of d.accounts) {
    if (gate.kind !== 'open') closed.push({ code: gate.code, scope: id, detail: gate.detail });
    if (gate.running >= gate.slots) closed.push({ code: 'cap.account', scope: id, detail: '' });
  }
  for (const [key, project] of d.projects)
    if (project.running >= project.cap) closed.push({ code: 'cap.project', scope: key, detail: '' });
  if (d.workers.running >= d.workers.slots) closed.push({ code: 'worker.full', scope: 'local', detail: '' });
  return closed;
}

/** Sleeps until the first gate, job or message that is due by the clock, at most the slow tick. */
function nextDelay(state: DispatchState | null, due: number | null, now: number): number {
  let delay = due === null ? SLOW_TICK_MS : Math.min(SLOW_TICK_MS, Math.max(20, due - now));
  for (const gate of state?.accounts.values() ?? [])
    if (gate.kind === 'closed' && gate.clearsAt !== null)
      delay = Math.min(delay, Math.max(20, gate.clearsAt - now));
  return delay;
}
