import type { Reason } from './dispatch-state.ts';

/** The scheduler did not tick: the time a stopped or crashed Orch was away, or one that hung. */
export const STALE = { code: 'scheduler.stale', kind: 'worker', id: 'local' } as const;

const MINUTE_MS = 60_000;

/** The time without a tick, as it is written and as it is told. */
export function staleValue(since: number): Omit<Reason, 'code' | 'scope'> & { readonly label: string } {
  return {
    label: 'The scheduler',
    state: 'needs_you',
    title: 'The scheduler has not ticked',
    detail: '',
    since,
    clearsAt: null,
    clearsWhen: 'A person looks at the service log, and starts Orch again.',
    fix: 'orch doctor',
  };
}

/** The one thing that is known when nothing else is; `tickAt` null = there was no tick since the start. */
export function staleReason(tickAt: number | null, now: number): Reason {
  const { label, ...rest } = staleValue(tickAt ?? now);
  return {
    ...rest,
    code: STALE.code,
    scope: { kind: STALE.kind, id: STALE.id, label },
    title: `${rest.title} ${staleFor(tickAt, now)}`,
  };
}

/** "for 45 s", "for 3 min", "since the start". */
export function staleFor(tickAt: number | null, now: number): string {
  if (tickAt === null) return 'since the start';
  const ms = now - tickAt;
  return ms < 2 * MINUTE_MS ? `for ${Math.round(ms / 1000)} s` : `for ${Math.round(ms / MINUTE_MS)} min`;
}
