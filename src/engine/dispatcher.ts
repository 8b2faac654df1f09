import { isBusy, isCanaryOfHold } from '../core/account-gate.ts';
import { type ClosedGates, closedGates } from '../core/closed-gates.ts';
import type { Unanswered } from '../core/delivery.ts';
import { unreachableForges } from '../core/destination-gates.ts';
import { type DispatchState, isAccountPaused, isPaused } from '../core/dispatch-state.ts';
import { failovers } from '../core/failover.ts';
import { type LedgerEntry, ledgerEntries } from '../core/ledger.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Claimed, ClaimRequest, Store } from '../store/store.ts';
import { createLook, type DispatcherConfig } from './look.ts';
import type { Machine } from './machine.ts';
import { createNews } from './news.ts';
import type { Pace } from './pace.ts';
import type { Preflight } from './preflight.ts';

export interface DispatcherParts {
  readonly store: Store;
  readonly preflight: Preflight;
  readonly machine: Machine;
  readonly pace: Pace;
  readonly config: () => DispatcherConfig;
  /** Starts work on a claim; must not throw and need not be awaited. */
  readonly start: (claimed: Claimed) => void;
  /** Destinations that did not answer when they were looked at, by their name. */
  readonly looks: () => ReadonlyMap<string, Unanswered>;
  /** Starts to deliver what is due; need not be awaited. */
  readonly deliver: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Decides what starts. One tick looks at every gate once, in the order the explanation uses, notes the
 * closed ones, and claims as long as something may start. It wakes on every change of the store.
 */
export function createDispatcher(parts: DispatcherParts) {
  const { store, clock, log } = parts;
  const look = createLook(parts);
  const news = createNews();
  let state: DispatchState | null = null;
  let ticking: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let noted: { readonly signature: string; readonly at: number } | null = null;
  let since: ReadonlyMap<string, number> = new Map();

  async function tick(): Promise<void> {
    const config = parts.config();
    const seen = await look(config, since);
    state = { ...seen, since: await note(closedGates(seen)) };
    const rows = news(state);
    if (rows.length > 0) await store.tell(rows);
    if (seen.host === null && !allPaused(seen)) await claimAll(config, seen);
    void parts.deliver().catch((error: unknown) => log.error({ error: String(error) }, 'delivery failed'));
  }

  /** Writes what changed, and at least now and then that somebody still looks. */
  async function note(gates: ClosedGates): Promise<ReadonlyMap<string, number>> {
    const entries = ledgerEntries(gates);
    const signature = signatureOf(entries);
    const isKnown = noted?.signature === signature && gates.at - noted.at < parts.pace.slowTickMs;
    if (isKnown) return since;
    // The first look of this process: however short the time without one, nobody looked.
    since = await store.noteGates(entries, gates.at, noted === null ? 0 : parts.pace.staleAfterMs);
    noted = { signature, at: gates.at };
    return since;
  }

  async function claimAll(config: DispatcherConfig, dispatch: DispatchState): Promise<void> {
    const closedProjects = dispatch.pauses
      .filter((p) => p.scope === 'project' && isPaused(p, dispatch.tickAt))
      .map((p) => p.id);
    const projects = [...dispatch.projects];
    const withoutAgents = projects.filter(([, p]) => p.budget.level === 'reached').map(([key]) => key);
    const agentsOnly = unreachableForges(dispatch);
    const withoutNewWork = projects.filter(([, p]) => p.unmerged >= p.openPrs).map(([key]) => key);
    const failover = failovers(dispatch);
    const request = (accounts: ClaimRequest['accounts'], probe: boolean): ClaimRequest => ({
      accounts,
      closedProjects,
      withoutAgents,
      agentsOnly,
      withoutNewWork,
      failover,
      slots: config.slots,
      probe,
      withoutAccount: !probe,
      directoryFor: config.directoryFor,
      now: clock(),
    });
    const open: { id: string; slots: number }[] = [];
    for (const [id, entry] of dispatch.accounts) {
      if (isAccountPaused(dispatch, id) || entry.kind === 'closed') continue;
      if (entry.kind === 'open') open.push({ id, slots: entry.slots });
      else if (!isBusy(entry)) {
        const single = request([{ id, slots: entry.slots }], entry.probe);
        const claimed = await store.claim({ ...single, ofHold: isCanaryOfHold(entry) });
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
    const { movedFrom, account } = claimed.job;
    if (movedFrom !== null)
      log.warn({ jobId: claimed.job.id, from: movedFrom, to: account }, 'job moved to another account');
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
    else if (!stopped) timer = setTimeout(wake, nextDelay(state, due, clock(), parts.pace.slowTickMs));
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
      // The files of an account that is not open are looked at more often than the slow tick.
      filePoll = setInterval(() => {
        if (state !== null && [...state.accounts.values()].some((gate) => gate.kind !== 'open')) wake();
      }, parts.pace.filePollMs);
      wake();
    },
    wake,
    /** What the last tick saw; null before the first. Older than `staleAfterMs` means unknown. */
    state: (): DispatchState | null => state,
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      clearInterval(filePoll);
      unsubscribe();
      await ticking;
      // What was last seen was so until now.
      if (state !== null)
        await store
          .noteGates(ledgerEntries(closedGates(state)), clock(), parts.pace.staleAfterMs)
          .catch((error: unknown) => log.error({ error: String(error) }, 'ledger not written'));
    },
  };
}

export type Dispatcher = ReturnType<typeof createDispatcher>;

function allPaused(dispatch: DispatchState): boolean {
  return dispatch.pauses.some((p) => p.scope === 'all' && isPaused(p, dispatch.tickAt));
}

function signatureOf(entries: readonly LedgerEntry[]): string {
  return entries.map(({ code, kind, id, mark }) => `${code}:${kind}:${id}:${mark}`).join('|');
}

/** Sleeps until the first gate, job or message that is due by the clock, at most the slow tick. */
function nextDelay(state: DispatchState | null, due: number | null, now: number, slowTickMs: number): number {
  let delay = due === null ? slowTickMs : Math.min(slowTickMs, Math.max(20, due - now));
  for (const gate of state?.accounts.values() ?? [])
    if (gate.kind === 'closed')
      // A probe that is overdue waits for something else.
      for (const at of [gate.clearsAt, gate.probeAt])
        if (at !== null && at > now) delay = Math.min(delay, Math.max(20, at - now));
  return delay;
}
