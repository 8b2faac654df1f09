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
    locks: [],
    troubles: [],
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
    expect(about(news(seen(soon)))).toEqual([[`expiring:a:${soon.endsAt}:soon`, 'notify.incident']]);
    expect(about(news(seen(soon)))).toEqual([]);
    expect(about(news(seen(lastDay)))).toEqual([[`expiring:a:${soon.endsAt}:last_day`, 'notify.incident']]);
    expect(about(news(seen(null)))).toEqual([[`cleared:expiring:a:${NOW}`, 'notify.resolved']]);
    expect(about(news(seen(null)))).toEqual([]);
  });

  it('have the same key after a restart, so that nobody is told twice', () => {
    const [first, second] = [createNews(), createNews()].map((news) => about(news(seen(soon))));
    expect(first).toEqual(second);
  });

  it('do not end because the login cannot be looked at, or is gone', () => {
    const news = createNews();
    news(seen(lastDay));
    expect(about(news(seen(undefined)))).toEqual([]);
    expect(about(news(seen(null)))).toHaveLength(1);
  });

  it('end after a restart too, when the login was renewed meanwhile', () => {
    const news = createNews();
    // The first look after a start finds every account still being checked.
    expect(about(news(seen(undefined, CHECKING)))).toEqual([]);
    const rows = news(seen(null));
    expect(about(rows)).toEqual([[`cleared:expiring:a:${NOW}`, 'notify.resolved']]);
    expect(told(rows, 'account:a')).toEqual([[`cleared:a:${NOW}`, 'notify.resolved']]);
    expect(news(seen(null))).toEqual([]);
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
    const row = createNews()(seen(null, gate)).find(({ orderKey }) => orderKey === 'notify:account:a');
    expect(row?.message).toMatchObject({
      incident: 'account:a',
      detail: expect.stringContaining('orch accounts trust a, or orch accounts use-last-good a'),
    });
  });
});
