import { describe, expect, it } from 'vitest';
import { type AccountEntry, type AccountGate, CHECKING } from '../core/account-gate.ts';
import type { Expiring } from '../core/account-warning.ts';
import type { DispatchState } from '../core/dispatch-state.ts';
import type { NewOutboxRow } from '../core/effects.ts';
import { createNews } from './news.ts';

const NOW = Date.UTC(2026, 10, 22, 9);
const DAY = 86_400_000;

function seen(
  expiring: Expiring | null | undefined,
  gate: AccountGate = { kind: 'open' },
  tickAt = NOW,
): DispatchState {
  const entry: AccountEntry = {
    ...gate,
    running: 0,
    slots: 1,
    probing: false,
    ...(expiring === undefined ? {} : { expiring }),
  };
  return {
    tickAt,
    pauses: [],
    host: null,
    accounts: new Map([['a', entry]]),
    projects: new Map(),
    workers: { running: 0, slots: 1 },
    since: new Map(),
  };
}

const told = (rows: readonly NewOutboxRow[], about: string) =>
  rows
    .filter(({ orderKey }) => orderKey === `notify:${about}`)
    .map(({ key, message }) => [key, message.kind] as const);

describe('the news of a login that ends soon', () => {
  const soon: Expiring = { endsAt: NOW + 2 * DAY, level: 'soon' };
  const lastDay: Expiring = { endsAt: NOW + 2 * DAY, level: 'last_day' };
  const about = (rows: readonly NewOutboxRow[]) => told(rows, 'expiring:a');

  it('come once, once more on the last day, and end with a new login', () => {
    const news = createNews();
    const none = new Map();
    expect(about(news(seen(soon), none))).toEqual([[`expiring:a:${soon.endsAt}:soon`, 'notify.incident']]);
    expect(about(news(seen(soon), none))).toEqual([]);
    expect(about(news(seen(lastDay), none))).toEqual([
      [`expiring:a:${soon.endsAt}:last_day`, 'notify.incident'],
    ]);
    expect(about(news(seen(null), none))).toEqual([[`cleared:expiring:a:${NOW}`, 'notify.resolved']]);
    expect(about(news(seen(null), none))).toEqual([]);
  });

  it('have the same key after a restart, so that nobody is told twice', () => {
    const [first, second] = [createNews(), createNews()].map((news) => about(news(seen(soon), new Map())));
    expect(first).toEqual(second);
  });

  it('do not end because the login cannot be looked at, or is gone', () => {
    const news = createNews();
    news(seen(lastDay), new Map());
    expect(about(news(seen(undefined), new Map()))).toEqual([]);
    expect(about(news(seen(null), new Map()))).toHaveLength(1);
  });

  it('end after a restart too, when the login was renewed meanwhile', () => {
    const news = createNews();
    // The first look after a start finds every account still being checked.
    expect(about(news(seen(undefined, CHECKING), new Map()))).toEqual([]);
    const rows = news(seen(null), new Map());
    expect(about(rows)).toEqual([[`cleared:expiring:a:${NOW}`, 'notify.resolved']]);
    expect(told(rows, 'account:a')).toEqual([[`cleared:a:${NOW}`, 'notify.resolved']]);
    expect(news(seen(null), new Map())).toEqual([]);
  });
});

describe('the news of an account that is held for the version of its CLI', () => {
  it('name both ways out', () => {
    const gate: AccountGate = {
      kind: 'closed',
      code: 'agent.unproven_version',
      detail: 'codex 0.170.0 is new here',
      state: 'needs_you',
      held: true,
      since: NOW,
      clearsAt: null,
      guessed: false,
      probeAt: null,
    };
    const [row] = createNews()(seen(null, gate), new Map());
    expect(row?.message).toMatchObject({
      incident: 'account:a',
      detail: expect.stringContaining('orch accounts trust a, or orch accounts use-last-good a'),
    });
  });

  it('are none while it only waits for the next canary', () => {
    const gate: AccountGate = {
      kind: 'closed',
      code: 'agent.unproven_version',
      detail: '',
      state: 'waiting',
      held: true,
      since: null,
      clearsAt: NOW + 1,
      guessed: false,
      probeAt: NOW + 1,
    };
    expect(told(createNews()(seen(null, gate), new Map()), 'account:a')).toEqual([]);
  });
});
