import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutboxMessage } from '../core/effects.ts';
import {
  type ChannelRules,
  COLLECT_MS,
  type Covers,
  DEFAULT_RULES,
  HEARD_AFTER_MS,
  MAX_NEW,
  NO_COVERS,
  WINDOW_MS,
} from '../core/incident-plan.ts';
import { createLogger } from '../lib/logger.ts';
import type { Notifier, NotifierMessage } from '../notifiers/notifier.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { createDelivery } from './deliver.ts';
import { createDesk } from './desk.ts';

const T0 = Date.UTC(2026, 0, 5, 9);
const MINUTE = 60_000;

let now: number;
let store: Store;
let covers: Covers;
let asked: Partial<ChannelRules['events']>;
let channels: Channel[];
let deliver: () => Promise<void>;

/** A channel and what it shows, by reference; `said` is every message and edit. */
interface Channel {
  readonly notifier: Notifier;
  readonly shown: NotifierMessage[];
  readonly said: string[];
  waitMs: number;
}

function channel(kind: string, hasButtons: boolean): Channel {
  const self: Channel = { shown: [], said: [], waitMs: 0, notifier: {} as Notifier };
  const notifier: Notifier = {
    ...{ channel: `${kind}:1`, hasButtons, waitMs: () => self.waitMs },
    async send(message) {
      self.said.push(`send ${message.title}${message.silent ? ' silently' : ''}`);
      return String(self.shown.push(message));
    },
    async edit(ref, message) {
      self.said.push(`edit ${message.title}`);
      self.shown[Number(ref) - 1] = message;
    },
  };
  return Object.assign(self, { notifier });
}

beforeEach(() => {
  now = T0;
  covers = NO_COVERS;
  asked = {};
  store = openSqliteStore(':memory:', () => now);
  channels = [channel('chat', true), channel('hook', false)];
  const desk = createDesk({
    ...{
      store,
      clock: () => now,
      notifiers: () => channels.map(({ notifier }) => notifier),
      covers: () => covers,
    },
    rules: (kind) => ({
      ...DEFAULT_RULES,
      bundles: kind === 'chat',
      events: { ...DEFAULT_RULES.events, ...asked },
    }),
    held: async () => null,
    pageOf: () => null,
  });
  const delivery = createDelivery({
    ...{ store, desk, clock: () => now, random: () => 1, log: createLogger('silent', null) },
    ended: () => void delivery.run(),
    destinations: () => ({ tracker: () => null, forge: () => null, base: () => 'main', stages: () => [] }),
  });
  deliver = async () => {
    await delivery.run();
    for (let i = 0; i < 200; i++) await turn();
  };
});
afterEach(() => store.close());

let rows = 0;
async function fact(message: OutboxMessage): Promise<void> {
  const key = `r${++rows}`;
  await store.tell([{ destination: 'notify', key, orderKey: key, availableAt: null, message }]);
}
const incident = (name: string, fields: Partial<Extract<OutboxMessage, { kind: 'notify.incident' }>> = {}) =>
  fact({
    kind: 'notify.incident',
    incident: name,
    title: name,
    detail: '',
    urgent: true,
    project: 'api',
    ...fields,
  });
const over = (name: string) => fact({ kind: 'notify.resolved', incident: name });

/** As the dispatcher does: it wakes whenever something becomes due. */
async function pass(ms: number): Promise<void> {
  await deliver();
  const end = now + ms;
  for (let due = await store.nextDue(now); due !== null && due <= end; due = await store.nextDue(now)) {
    now = due;
    await deliver();
  }
  now = end;
  await deliver();
}
const chat = () => channels[0] as Channel;
const hook = () => channels[1] as Channel;

describe('the desk', () => {
  it('tells every channel by itself: one that is slow holds no other', async () => {
    chat().waitMs = 5 * MINUTE;
    await incident('job_1');
    await pass(MINUTE);
    expect([chat().said, hook().said]).toEqual([[], ['send job_1']]);
    expect((await store.letters({ limit: 9 })).items).toEqual([]);
    chat().waitMs = 0;
    await pass(5 * MINUTE);
    expect(chat().said).toEqual(['send job_1']);
  });

  it('collects what happens in the first seconds, and is silent about what is over by then', async () => {
    await incident('account:a', { title: 'signed out' });
    await incident('account:b');
    await pass(5000);
    await incident('account:a', { title: 'signed out, again' });
    await over('account:b');
    await pass(COLLECT_MS);
    expect(chat().said).toEqual(['send signed out, again']);
  });

  it('counts what an open breaker causes, and tells by itself what is out of retries', async () => {
    await incident('account:a', { urgent: false, event: 'limit', project: null, atOnce: true });
    await pass(MINUTE);
    for (let i = 1; i <= 3; i++) await incident(`job_${i}`, { urgent: false, cause: 'a' });
    await incident('job_9', { cause: 'a' });
    await pass(MINUTE);
    expect(chat().shown.map(({ title, detail }) => [title, detail])).toEqual([
      ['account:a', '3 failed attempts count in this.'],
      ['job_9', ''],
    ]);
  });

  it.each([
    ['off', []],
    ['digest', ['send 2 runs started silently']],
    ['on', ['send run_1 started silently', 'send run_2 started silently']],
  ] as const)('tells of runs as it was asked to: %s', async (way, said) => {
    asked = { run: way };
    for (const line of ['run_1 started', 'run_2 started'])
      await fact({ kind: 'notify.digest', event: 'run', line, project: 'api' });
    await pass(MINUTE);
    expect(chat().said).toEqual(said);
  });

  it('hides what follows from a pause, and tells it afterwards if it is still so', async () => {
    covers = { ...NO_COVERS, paused: true };
    await incident('account:a');
    await incident('account:b');
    await pass(10 * MINUTE);
    await over('account:b');
    covers = NO_COVERS;
    await pass(2 * MINUTE);
    expect(chat().said).toEqual(['send account:a']);
  });

  it('puts the seventh of many into one message that is edited, with its end', async () => {
    for (let i = 1; i <= MAX_NEW + 3; i++) await incident(`job_${i}`);
    await pass(MINUTE);
    expect(chat().shown).toHaveLength(MAX_NEW + 1);
    expect(chat().shown.at(-1)).toMatchObject({ title: '3 incidents', detail: '• job_7\n• job_8\n• job_9' });
    expect(hook().shown).toHaveLength(MAX_NEW + 3);
    await over('job_8');
    await pass(MINUTE);
    expect(chat().shown.at(-1)?.detail).toContain('• job_8 (resolved after 1 min)');
    // Later ones have messages of their own again.
    await pass(WINDOW_MS);
    await incident('job_20');
    await pass(MINUTE);
    expect(chat().said.at(-1)).toBe('send job_20');
  });

  it('says in a message with a sound that something long is over, to people alone', async () => {
    await incident('account:a');
    await pass(HEARD_AFTER_MS + MINUTE);
    await over('account:a');
    await pass(MINUTE);
    expect(chat().said).toEqual(['send account:a', 'edit Resolved: account:a', 'send Resolved: account:a']);
    expect(chat().shown.map(({ replyTo }) => replyTo)).toEqual([null, '1']);
    expect(hook().said).toEqual(['send account:a', 'edit Resolved: account:a']);
  });

  it('gives buttons to people alone, bound to their message and commit', async () => {
    await incident('approval:API-1:deploy', { event: 'approval', commit: 'f'.repeat(40) });
    await pass(MINUTE);
    expect(hook().shown[0]?.buttons).toEqual([]);
    const [first] = chat().shown[0]?.buttons.flat() ?? [];
    const data = first !== undefined && 'data' in first ? first.data : '';
    expect(data).toMatch(/^1:approve:[\w-]{10}$/);
    expect(await store.talk.ticket(data.slice(-10))).toMatchObject({
      ...{ action: 'approve', about: 'API-1', commit: 'f'.repeat(40), messageRef: '1', uses: 0 },
    });
  });
});
