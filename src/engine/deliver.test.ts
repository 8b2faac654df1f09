import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Delivery, GIVE_UP_AFTER_MS } from '../core/delivery.ts';
import type { NewOutboxRow, OutboxMessage, TaskChange } from '../core/effects.ts';
import { AppError } from '../core/errors.ts';
import { DEFAULT_RULES, NO_COVERS } from '../core/incident-plan.ts';
import type { PullRequest } from '../core/model.ts';
import type { Forge } from '../forges/forge.ts';
import { createLogger } from '../lib/logger.ts';
import type { Notifier, NotifierMessage } from '../notifiers/notifier.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { NewTask, Store } from '../store/store.ts';
import { AUDIT, newJob, newTask, project } from '../store/store-rows.contract.ts';
import type { Tracker } from '../trackers/tracker.ts';
import { createDelivery } from './deliver.ts';
import { createDesk } from './desk.ts';

const T0 = Date.UTC(2026, 0, 5, 9);
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** What a receiver was asked, in order: `<what> <delivery key>`, with `again` behind it. */
interface Fake {
  readonly asked: string[];
  /** What happens instead of a good answer. */
  trouble: (() => Promise<void>) | null;
}

let now: number;
let store: Store;
let delivery: ReturnType<typeof createDelivery>;
let fakes: Map<string, Fake>;
let shown: string[];
let acts: ((name: string, by: Delivery) => Promise<void>) | null;

beforeEach(async () => {
  now = T0;
  fakes = new Map();
  shown = [];
  acts = null;
  store = openSqliteStore(':memory:', () => now);
  await store.configure([project('api'), project('web')], ['a']);
  delivery = start();
});
afterEach(async () => {
  for (const fake of fakes.values()) fake.trouble = null;
  await store.close();
});

function fake(name: string): Fake {
  const known = fakes.get(name) ?? { asked: [], trouble: null };
  fakes.set(name, known);
  return known;
}

async function ask(name: string, what: string, by: Delivery): Promise<void> {
  const { asked, trouble } = fake(name);
  asked.push(`${what} ${by.key}${by.again ? ' again' : ''}`);
  if (acts !== null) return acts(name, by);
  await trouble?.();
}

function start(timeoutMs = 60_000) {
  return createDelivery({
    store,
    clock: () => now,
    random: () => 1,
    log: createLogger('silent', null),
    ended: () => void delivery.run(),
    limits: { timeoutMs, stopGraceMs: 1 },
    destinations: () => ({
      tracker: (key) => (key === 'gone' ? null : trackerOf(`tracker:${key}`)),
      forge: (key) => forgeOf(`forge:${key}`),
      base: () => 'main',
      stages: () => ['development'],
    }),
    desk: createDesk({
      store,
      clock: () => now,
      notifiers: () => [notifier],
      rules: () => DEFAULT_RULES,
      covers: () => NO_COVERS,
      held: async () => null,
      pageOf: () => null,
    }),
  });
}

const never = () => new Promise<never>(() => {});
const broken = (code: string, facts: Record<string, unknown> = {}) =>
  Promise.reject(new AppError(`it said ${code}`, { code, facts }));

function trackerOf(name: string): Tracker {
  return {
    kind: 'fake',
    item: never,
    comment: (_id, body, by) => ask(name, body, by),
    report: (_id, body, by) => ask(name, body, by),
    setStatus: (_id, status, _stage, by) => ask(name, status, by),
    feed: null,
    survey: never,
  };
}

const DRAFT: PullRequest = { number: 7, url: null, state: 'draft' };

function forgeOf(name: string): Forge {
  return {
    kind: 'fake',
    async open(request, by) {
      await ask(name, `open ${request.branch}`, by);
      return DRAFT;
    },
    async ready(pr, _body, by) {
      await ask(name, 'ready', by);
      return { ...pr, state: 'open' };
    },
    comment: (_pr, body, by) => ask(name, body, by),
    status: ({ context }, by) => ask(name, context, by),
    review: (_pr, { event }, by) => ask(name, event, by),
    feed: null,
    look: never,
    merge: never,
  };
}

const notifier: Notifier = {
  channel: 'fake:1',
  hasButtons: false,
  waitMs: () => 0,
  async send(message, by) {
    await ask('notify', `send ${message.title}`, by);
    return String(shown.push(textOf(message)));
  },
  async edit(ref, message, by) {
    await ask('notify', `edit ${message.title}`, by);
    shown[Number(ref) - 1] = textOf(message);
  },
};

function textOf({ title, detail }: NotifierMessage): string {
  return detail === '' ? title : `${title} | ${detail}`;
}

function row(destination: string, key: string, message: OutboxMessage, orderKey = key): NewOutboxRow {
  return { destination, key, orderKey, availableAt: null, message };
}

/** A comment whose text is its key. */
function comment(projectKey: string, key: string, orderKey = key): NewOutboxRow {
  const body = `say ${key}`;
  return row(
    `tracker:${projectKey}`,
    key,
    { kind: 'tracker.comment', project: projectKey, workItemId: '1', body },
    orderKey,
  );
}

const digest = (key: string, line: string) => row('notify', key, { kind: 'notify.digest', line });
const incident = (key: string, name: string, detail = '') =>
  row(
    'notify',
    key,
    { kind: 'notify.incident', incident: name, title: name, detail, urgent: true },
    `notify:${name}`,
  );

/** Everything that needs no waiting has happened: receivers and store answer in the same turn. */
async function settled(): Promise<void> {
  for (let i = 0; i < 60; i++) await turn();
}

async function deliver(): Promise<void> {
  await delivery.run();
  await settled();
}

/** Lets time pass as the dispatcher does: it wakes whenever something becomes due. */
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

const letters = async () =>
  (await store.letters({ limit: 999 })).items.map(({ key, state, tries }) => [key, state, tries]);

describe('delivery', () => {
  it('lets a destination that hangs delay nobody else', async () => {
    fake('tracker:api').trouble = never;
    const { task } = await taskWithCommit();
    await store.tell([
      comment('api', 'a1'),
      comment('web', 'w1', 'w'),
      comment('web', 'w2', 'w'),
      row('forge:api', 'p1', pullRequest(task.id, 'open'), 'p'),
      row('forge:api', 'p2', pullRequest(task.id, 'ready'), 'p'),
      digest('d1', 'API-1 done'),
      incident('i1', 'job_1'),
    ]);
    await deliver();
    expect(fake('tracker:api').asked).toEqual(['in_progress status:API-1:taken']);
    expect(fake('tracker:web').asked).toEqual(['say w1 w1', 'say w2 w2']);
    expect(fake('forge:api').asked).toEqual(['open orch/api-1 p1', 'ready p2']);
    expect(shown).toEqual(['API-1 done', 'job_1']);
    // What comes later does not wait for it either.
    now += 5 * MINUTE;
    await store.tell([comment('web', 'w3'), digest('d2', 'API-2 done')]);
    await deliver();
    expect(fake('tracker:web').asked).toContain('say w3 w3');
    expect(shown).toContain('2 tasks done | • API-1 done\n• API-2 done');
    expect(fake('tracker:api').asked).toHaveLength(1);
  });

  it('gives a delivery up after its limit, and looks first the next time', async () => {
    delivery = start(20);
    fake('tracker:api').trouble = never;
    await store.tell([comment('api', 'a1'), comment('api', 'a2')]);
    await delivery.run();
    await expect.poll(letters).toEqual([['a1', 'stuck', 1]]);
    expect(await store.troubles()).toMatchObject([
      { name: 'tracker:api', unanswered: { failures: 1, error: 'no answer within 0.02 s' } },
    ]);
    fake('tracker:api').trouble = null;
    await pass(SECOND);
    expect(fake('tracker:api').asked.slice(1).sort()).toEqual(['say a1 a1 again', 'say a2 a2']);
  });

  it('lets one row find out when a destination does not answer: the others spend no try', async () => {
    fake('tracker:api').trouble = () => broken('tracker.unreachable');
    await store.tell(['a1', 'a2', 'a3', 'a4', 'a5'].map((key) => comment('api', key)));
    await deliver();
    expect(fake('tracker:api').asked).toEqual(['say a1 a1']);
    // After 1, 2, 4 ... 512 s and then every 15 min: 12 more in an hour, shared by the five.
    await pass(60 * MINUTE);
    expect(fake('tracker:api').asked).toHaveLength(13);
    const tries = (await letters()).map(([, , n]) => Number(n));
    expect([Math.max(...tries) - Math.min(...tries), tries.length]).toEqual([1, 5]);
    fake('tracker:api').trouble = null;
    await pass(15 * MINUTE);
    expect(await letters()).toEqual([]);
    expect(await store.troubles()).toEqual([]);
    expect(fake('tracker:api').asked).toHaveLength(13 + 5);
  });

  it('obeys a stated delay for the whole destination, and is sure that nothing was done', async () => {
    fake('tracker:api').trouble = () =>
      broken('tracker.unreachable', { retryAfterMs: 40 * MINUTE, done: 'no' });
    await store.tell([comment('api', 'a1'), comment('api', 'a2')]);
    await pass(39 * MINUTE);
    expect(fake('tracker:api').asked).toHaveLength(1);
    fake('tracker:api').trouble = null;
    await pass(MINUTE);
    expect(fake('tracker:api').asked.slice(1).sort()).toEqual(['say a1 a1', 'say a2 a2']);
  });

  it('gives a refused row up at once, and what stands behind it goes on', async () => {
    fake('tracker:api').trouble = () => broken('tracker.refused', { status: 422 });
    await store.tell([comment('api', 'a1', 'a')]);
    await deliver();
    fake('tracker:api').trouble = null;
    await store.tell([comment('api', 'a2', 'a')]);
    await deliver();
    expect(await letters()).toEqual([['a1', 'dead', 1]]);
    expect(fake('tracker:api').asked).toEqual(['say a1 a1', 'say a2 a2']);
    expect(await store.troubles()).toMatchObject([
      { name: 'tracker:api', unanswered: null, dead: { count: 1, error: 'it said tracker.refused' } },
    ]);
  });

  it('tries for a week, then gives up; a younger row goes on', async () => {
    fake('tracker:api').trouble = () => broken('tracker.unreachable');
    await store.tell([comment('api', 'old')]);
    await pass(GIVE_UP_AFTER_MS - 30 * MINUTE);
    expect(await letters()).toMatchObject([['old', 'stuck', expect.any(Number)]]);
    await store.tell([comment('api', 'young')]);
    await pass(90 * MINUTE);
    expect((await letters()).map(([key, state]) => [key, state])).toEqual([
      ['old', 'dead'],
      ['young', 'stuck'],
    ]);
    expect(fake('tracker:api').asked.length).toBeLessThan(800);
    // A person's retry gives it another week.
    expect(await store.retryLetters({ destination: null }, now, AUDIT)).toMatchObject({ retried: 2 });
    await pass(60 * MINUTE);
    expect((await letters()).map(([, state]) => state)).toEqual(['stuck', 'stuck']);
  });

  it('is not stopped by one row on which the receiver chokes', async () => {
    const chokes = fake('tracker:api');
    chokes.trouble = () =>
      chokes.asked.at(-1)?.includes('poison') === true ? broken('tracker.unreachable') : Promise.resolve();
    await store.tell([comment('api', 'poison', 'p'), comment('api', 'behind', 'p'), comment('api', 'a1')]);
    await pass(2 * SECOND);
    expect(chokes.asked).toContain('say a1 a1');
    await pass(60 * MINUTE);
    await store.tell([comment('api', 'a2')]);
    await pass(15 * MINUTE);
    expect(chokes.asked).toContain('say a2 a2');
    expect(chokes.asked.join()).not.toContain('behind');
  });

  it('looks first for what may have been done when it died before it noted it', async () => {
    fake('tracker:api').trouble = never;
    await store.tell([comment('api', 'a1')]);
    await deliver();
    // Another process on the same rows: the first one was killed in the middle.
    fake('tracker:api').trouble = null;
    delivery = start();
    await deliver();
    expect(fake('tracker:api').asked).toEqual(['say a1 a1', 'say a1 a1 again']);
    expect(await letters()).toEqual([]);
  });

  it('leaves what a stop cuts off to the next start, and blames nobody for it', async () => {
    fake('tracker:api').trouble = never;
    await store.tell([comment('api', 'a1'), comment('api', 'a2')]);
    await deliver();
    await delivery.stop();
    expect([await letters(), await store.troubles()]).toEqual([[], []]);
    fake('tracker:api').trouble = null;
    delivery = start();
    await deliver();
    expect(fake('tracker:api').asked.slice(1)).toEqual(['say a1 a1 again', 'say a2 a2']);
  });

  it('gives up after some tries what fails by our own fault, and asks the destination for the rest', async () => {
    fake('tracker:api').trouble = () => Promise.reject(new TypeError('a bug'));
    await store.tell([comment('api', 'a1', 'a'), comment('api', 'a2', 'a')]);
    await pass(GIVE_UP_AFTER_MS);
    expect(await letters()).toEqual([
      ['a1', 'dead', 12],
      ['a2', 'dead', 12],
    ]);
    expect(await store.troubles()).toMatchObject([{ unanswered: null, dead: { count: 2 } }]);
  });

  it('keeps what a project is to be told while it is out of the configuration', async () => {
    await store.tell([comment('gone', 'a1')]);
    await pass(GIVE_UP_AFTER_MS / 2);
    expect(await letters()).toMatchObject([['a1', 'stuck', expect.any(Number)]]);
    expect(await store.troubles()).toMatchObject([
      { unanswered: { error: 'project gone is not in the configuration' } },
    ]);
  });

  describe('comments on a pull request that is not there yet', () => {
    const usage = (taskId: number, body: string) =>
      row('forge:api', body, { kind: 'forge.comment', project: 'api', taskId, body }, 'usage');

    it('wait for it, and are delivered once each, in order', async () => {
      const { task, change } = await taskOf({});
      for (const body of ['analysis', 'architecture']) {
        await store.tell([usage(task.id, body)]);
        await deliver();
      }
      expect(fakes.get('forge:api')).toBeUndefined();
      await store.tell([
        usage(task.id, 'development'),
        row('forge:api', 'p1', pullRequest(task.id, 'open'), 'p'),
      ]);
      await change({ head: 'f'.repeat(40) });
      await deliver();
      await deliver();
      const { asked } = fake('forge:api');
      expect(asked.filter((what) => !what.startsWith('open'))).toEqual([
        'analysis analysis',
        'architecture architecture',
        'development development',
      ]);
      expect(asked[0]).toContain('open orch/api-1');
      expect(await letters()).toEqual([]);
    });

    it.each(['done', 'cancelled'] as const)('end with a task that is %s without one', async (status) => {
      const { task, change } = await taskOf({});
      await store.tell([usage(task.id, 'analysis')]);
      await change({ status: 'needs_you' });
      await deliver();
      expect(await store.forgetMessages({ messages: now + 1, shapes: 0 }, 0)).toMatchObject({ forgotten: 1 });
      await change({ status });
      await deliver();
      expect(fakes.get('forge:api')).toBeUndefined();
      expect(await letters()).toEqual([]);
      expect(await store.forgetMessages({ messages: now + 1, shapes: 0 }, 0)).toMatchObject({ forgotten: 1 });
    });

    it('do not keep a forge silent that nobody asks any more', async () => {
      const { task } = await taskOf({});
      await store.tell([usage(task.id, 'analysis')]);
      const { task: other } = await taskOf({ key: 'API-2', workItemId: '2', branch: 'orch/api-2' });
      await store.command(
        { kind: 'task', key: other.key },
        () => ({ task: { head: 'e'.repeat(40) } }),
        AUDIT,
      );
      fake('forge:api').trouble = () => broken('forge.unreachable');
      await store.tell([row('forge:api', 'p1', pullRequest(other.id, 'open'), 'p')]);
      await pass(GIVE_UP_AFTER_MS + 90 * MINUTE);
      expect(await letters()).toMatchObject([['p1', 'dead', expect.any(Number)]]);
      expect(await store.troubles()).toMatchObject([{ unanswered: null }]);
    });
  });

  it('opens a pull request whose row was given up when the next one needs it', async () => {
    const { task } = await taskWithCommit();
    fake('forge:api').trouble = () => broken('forge.refused');
    await store.tell([row('forge:api', 'p1', pullRequest(task.id, 'open'), 'p')]);
    await deliver();
    fake('forge:api').trouble = null;
    await store.tell([
      row('forge:api', 'p2', { kind: 'forge.comment', project: 'api', taskId: task.id, body: 'spent' }, 'p'),
      row('forge:api', 'p3', pullRequest(task.id, 'ready'), 'p'),
    ]);
    await deliver();
    expect(fake('forge:api').asked).toEqual([
      'open orch/api-1 p1',
      'open orch/api-1 p2',
      'spent p2',
      'ready p3',
    ]);
    expect((await store.taskById(task.id))?.pr).toEqual({ ...DRAFT, state: 'open' });
  });
});

/** A receiver without idempotency of its own, and what happens to each call that would act. */
type Fate = 'ok' | 'lost' | 'before' | 'limited' | 'killed before' | 'killed after' | 'stopped';
const FATES: readonly Fate[] = [
  'ok',
  'ok',
  'lost',
  'before',
  'limited',
  'killed before',
  'killed after',
  'stopped',
];

describe('an effect', () => {
  it('is done once and in its order, whatever gets lost and whenever Orch dies', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...FATES), { maxLength: 40 }), async (fates) => {
        now = T0;
        await store.close();
        store = openSqliteStore(':memory:', () => now);
        await store.configure([project('api')], ['a']);
        const script = [...fates];
        const done: string[] = [];
        let dies: 'killed' | 'stopped' | null = null;
        const act = async (_name: string, { key, again }: Delivery): Promise<void> => {
          if (again && done.includes(key)) return;
          const fate = script.shift() ?? 'ok';
          if (fate === 'ok' || fate === 'lost' || fate === 'killed after') done.push(key);
          if (fate === 'lost' || fate === 'before') await broken('tracker.unreachable');
          if (fate === 'limited')
            await broken('tracker.unreachable', { done: 'no', retryAfterMs: 5 * MINUTE });
          if (fate === 'ok') return;
          dies = fate === 'stopped' ? 'stopped' : 'killed';
          await never();
        };
        acts = act;
        delivery = start();
        const keys = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'];
        await store.tell(keys.map((key) => comment('api', key, key.charAt(0))));
        for (let i = 0; i < 100 && done.length < keys.length; i++) {
          await pass(15 * MINUTE);
          if (dies === 'stopped') await delivery.stop();
          if (dies !== null) delivery = start();
          dies = null;
        }
        await pass(15 * MINUTE);
        expect([...done].sort()).toEqual(keys);
        for (const order of ['a', 'b', 'c'])
          expect(done.filter((key) => key.startsWith(order))).toEqual(
            keys.filter((key) => key.startsWith(order)),
          );
        expect(await letters()).toEqual([]);
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});

describe('what people are told', () => {
  it('is one message for the good news that are due, marked when it may come twice', async () => {
    fake('notify').trouble = () => broken('notifier.unreachable');
    await store.tell([digest('d1', 'API-1 done'), digest('d2', 'API-2 done')]);
    await deliver();
    fake('notify').trouble = null;
    await pass(SECOND);
    // Whichever of the two tries it again: what it says may be there.
    expect(fake('notify').asked).toHaveLength(2);
    expect(fake('notify').asked.every((what) => what.startsWith('send 2 tasks done'))).toBe(true);
    expect(fake('notify').asked.map((what) => what.endsWith(' again'))).toEqual([false, true]);
  });

  it('is one message per incident, edited, and told anew when somebody deleted it', async () => {
    await store.tell([incident('i1', 'job_1', 'first')]);
    await deliver();
    await store.tell([incident('i2', 'job_1', 'second')]);
    await deliver();
    expect(shown).toEqual(['job_1 | second']);
    const notify = fake('notify');
    notify.trouble = () =>
      notify.asked.at(-1)?.startsWith('edit') === true ? broken('notifier.gone') : Promise.resolve();
    await store.tell([incident('i3', 'job_1', 'third')]);
    await deliver();
    expect(shown).toEqual(['job_1 | second', 'job_1 | third']);
    await store.tell([row('notify', 'r1', { kind: 'notify.resolved', incident: 'job_1' }, 'notify:job_1')]);
    await deliver();
    expect(await letters()).toEqual([]);
    expect(await store.talk.told('fake:1', 'job_1')).toMatchObject({ resolvedAt: now });
  });
});

async function taskWithCommit() {
  const { task, change } = await taskOf({});
  await change({ head: 'f'.repeat(40) });
  return { task };
}

async function taskOf(fields: Partial<NewTask>) {
  const { task } = await store.submit(newTask(fields), (t) =>
    newJob({ taskId: t.id, branch: t.branch, stage: t.stage }),
  );
  const job = (await store.jobs({ taskId: task.id, limit: 1 })).items[0];
  if (job === undefined) throw new Error('the task has no job');
  const change = (to: TaskChange) => store.command({ kind: 'job', id: job.id }, () => ({ task: to }), AUDIT);
  return { task, change };
}

function pullRequest(taskId: number, action: 'open' | 'ready'): OutboxMessage {
  return { kind: 'forge.pull_request', project: 'api', taskId, action };
}
