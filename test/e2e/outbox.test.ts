import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DestinationWire, MessageWire } from '../../src/http/contract.ts';
import { startTelegram } from '../fakes/telegram.ts';
import { handIn, type Installation, install, UNTIL_GO, waitFor } from '../support/orch.ts';

/** What happens to effects when a receiver, or Orch itself, fails at the worst moment. */
let here: Installation;
let telegram: Awaited<ReturnType<typeof startTelegram>>;

beforeEach(async () => {
  telegram = await startTelegram();
  here = install({
    env: {
      ORCH_TELEGRAM_BOT_TOKEN: '123:fake',
      ORCH_TELEGRAM_CHAT_ID: '1',
      ORCH_TELEGRAM_API_URL: telegram.url,
      ORCH_MAX_ATTEMPTS: '1',
    },
  });
});
afterEach(async () => {
  await here.remove();
  await telegram.close();
});

interface Outbox {
  messages: MessageWire[];
  destinations: DestinationWire[];
}
const outbox = (...args: string[]) => here.json<Outbox>('outbox', ...args);
const texts = () => [...telegram.chat.values()];
const MARK = 'possibly sent twice';

/** A job that fails, and with it an alert. */
async function failingJob(): Promise<string> {
  const id = await here.enqueue();
  await waitFor(async () => (await here.job(id)).status === 'failed');
  return id;
}

describe('a chat in trouble', () => {
  it('is told when it answers again: as often as it may not have heard it, and marked from then on', async () => {
    here.scene(0, 'echo broken; exit 1');
    await here.up();
    telegram.fail({ status: 429, retryAfter: 2 }, { status: 401 }, 'drop');
    const job = await failingJob();
    await waitFor(() => telegram.sent().length === 4);
    const [limited, refused, dropped, good] = telegram.sent();
    expect((refused?.at ?? 0) - (limited?.at ?? 0)).toBeGreaterThanOrEqual(2000);
    // Only after the answer that got lost nobody knows.
    expect([limited, refused, dropped, good].map((call) => call?.text.includes(MARK))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(texts()).toHaveLength(2);
    expect(texts().every((text) => text.includes(`${job} failed`))).toBe(true);
    await waitFor(async () => (await outbox()).messages.length === 0);
    expect(
      here.row<{ tries: number }>(
        `SELECT tries FROM outbox WHERE destination = 'notify:telegram' AND message LIKE '%${job}%'`,
      )?.tries,
    ).toBe(4);
  });

  it('delays nothing but its own messages', async () => {
    telegram.failAlways('hang');
    here.scene(1, 'echo broken; exit 1');
    here.scene(0, handIn({ outcome: 'done' }, 'echo new > new.txt'));
    await here.up();
    await failingJob();
    await waitFor(() => telegram.calls.length === 1);
    const key = await here.submit('T');
    // While the alert hangs: state and comment of the item, and the pull request, made ready for the approval.
    await waitFor(async () => (await here.task(key)).pr?.state === 'open');
    await waitFor(() => here.rows('SELECT 1 FROM work_item_comments').length === 1);
    expect(telegram.calls).toHaveLength(1);
    await waitFor(
      () => here.row<{ status: string }>(`SELECT status FROM work_items`)?.status === 'needs_you',
    );
    expect(telegram.calls).toHaveLength(1);
  });

  it('hears of a message that a killed Orch may have sent, with the mark', async () => {
    here.scene(0, 'echo broken; exit 1');
    const service = await here.up();
    telegram.fail('hang');
    await failingJob();
    await waitFor(() => telegram.sent().length === 1);
    await service.kill();
    await here.up();
    await waitFor(() => telegram.sent().length === 2);
    expect(telegram.sent().map(({ text }) => text.includes(MARK))).toEqual([false, true]);
  });
});

describe('a message that was given up', () => {
  it('is seen, tried anew and dropped by a person', async () => {
    here.scene(0, 'echo broken; exit 1');
    await here.up();
    telegram.failAlways({ status: 400, description: 'Bad Request: chat not found' });
    const job = await failingJob();
    await waitFor(async () => (await outbox()).messages.length === 1);
    const [message] = (await outbox()).messages;
    expect(message).toMatchObject({
      destination: 'notify:telegram',
      what: `alert: ${job} failed`,
      state: 'dead',
      tries: 1,
      mayBeDone: false,
    });
    expect(message?.error).toContain('chat not found');
    expect((await here.orch('status')).stdout).toContain(
      '1 message was given up (notify:telegram 1): orch outbox',
    );
    const doctor = await here.orch('doctor', '--only', 'outbox');
    expect(doctor).toMatchObject({ code: 0 });
    expect(doctor.stdout).toContain('1 message to notify:telegram given up');
    expect((await here.orch('outbox')).stdout).toMatch(
      new RegExp(`${message?.id} +▲ given up +notify:telegram`),
    );

    // Never by the chat itself.
    expect(telegram.calls).toHaveLength(1);
    telegram.failAlways(null);
    expect((await here.orch('outbox', 'retry', message?.id ?? '')).stdout).toBe('1 to be tried now\n');
    await waitFor(() => texts().length === 1);
    expect(texts()[0]).not.toContain(MARK);
    expect((await here.orch('outbox')).stdout).toBe('Every message that was tried was delivered.\n');

    telegram.failAlways({ status: 400 });
    await failingJob();
    await waitFor(async () => (await outbox('--state', 'dead')).messages.length === 1);
    const dead = (await outbox()).messages[0]?.id ?? '';
    expect(await here.orch('outbox', 'drop', dead)).toMatchObject({ code: 2 });
    expect(await here.orch('outbox', 'drop', dead, '--reason', 'seen in the log')).toMatchObject({ code: 0 });
    expect((await outbox()).messages).toEqual([]);
    expect(await here.orch('outbox', 'retry', dead)).toMatchObject({ code: 1 });
    expect(here.rows(`SELECT action, target FROM audit WHERE action LIKE 'outbox%'`)).toEqual([
      { action: 'outbox.retry', target: message?.id },
      { action: 'outbox.drop', target: `${dead}: seen in the log` },
    ]);
    expect(here.row('SELECT dropped FROM outbox WHERE dropped IS NOT NULL')).toEqual({
      dropped: 'seen in the log',
    });
  });

  it('is told once per destination, edited, and resolved when none is left', async () => {
    here.scene(0, `${UNTIL_GO}${handIn({ outcome: 'done' }, 'echo new > new.txt')}`);
    await here.up();
    const key = await here.submit('T');
    await waitFor(async () => (await here.runs()).some(({ status }) => status === 'running'));
    removeItem();
    here.go();
    await waitFor(async () => (await here.task(key)).pr?.state === 'open');
    // What the stage cost, and that the item waits for a person.
    await waitFor(async () => (await outbox()).messages.length === 2);
    const lost = {
      destination: 'tracker:p',
      task: key,
      state: 'dead',
      error: 'the board of p has no item 1',
    };
    expect((await outbox()).messages).toMatchObject([lost, lost]);
    const told = () => texts().filter((text) => text.includes('tracker:p'));
    await waitFor(() => told()[0]?.includes('2 messages to tracker:p were given up') === true);
    await here.orch('cancel', key);
    await waitFor(() => told()[0]?.includes('3 messages to tracker:p were given up') === true);
    // Still nothing there: the same three, given up anew.
    const retried = await here.orch('outbox', 'retry', '--all', '--destination', 'tracker:p');
    expect(retried.stdout).toBe('3 to be tried now\n');
    await waitFor(async () => (await outbox('--state', 'dead')).messages.length === 3);
    for (const { id } of (await outbox()).messages)
      await here.orch('outbox', 'drop', id, '--reason', 'the item was deleted');
    await waitFor(() => told()[0]?.includes('Resolved') === true);
    expect(told()).toHaveLength(1);
  });

  it('is not touched by a command that is not right, which says what is', async () => {
    await here.up();
    for (const [args, error] of [
      [['retry'], 'retry needs ids, or --all'],
      [['retry', 'msg_1', '--all'], 'retry needs ids, or --all'],
      [['retry', 'msg_1', '--destination', 'notify'], '--destination goes with --all'],
      [['forget'], 'there is no outbox forget'],
      [['--state', 'lost'], 'state=lost is not known'],
      [['retry', 'run_1'], 'ids'],
      [['retry', '--all', '--destination', 'nowhere'], 'destination'],
    ] as const) {
      const { code, stderr } = await here.orch('outbox', ...args);
      expect([args, code, stderr]).toEqual([args, 2, expect.stringContaining(error)]);
    }
  });
});

describe('a forge that does not answer', () => {
  it('holds the merge back, is told, and lets it go on when it answers', async () => {
    here.scene(0, handIn({ outcome: 'done' }, 'echo new > new.txt'));
    await here.up();
    const key = await here.submit('T');
    await waitFor(async () => (await here.task(key)).pr?.state === 'open');
    const since = Date.now() - 20 * 60_000;
    silence(key, since);
    await here.orch('approve', key);
    const held = () => here.json<{ reasons: object[] }>('why');
    await waitFor(async () => (await here.orch('why', key)).stdout.includes('has not answered'));
    const why = await here.orch('why', key);
    expect([why.code, why.stdout]).toEqual([
      7,
      expect.stringContaining(`The forge of p has not answered since ${utc(since)} UTC`),
    ]);
    expect((await here.orch('status')).stdout).toContain('forge:p has not answered since');
    expect((await here.orch('doctor', '--only', 'outbox')).stdout).toContain(
      'forge:p has not answered since',
    );
    await waitFor(() => texts().some((text) => text.includes('The forge of p has not answered')));
    expect((await here.task(key)).status).toBe('active');
    expect(here.rows(`SELECT 1 FROM jobs WHERE stage = 'deploy' AND attempts > 0`)).toEqual([]);
    expect((await held()).reasons).toMatchObject([
      {
        code: 'forge.unreachable',
        state: 'needs_you',
        jobsHeld: 1,
        evidence: { source: 'outbox' },
        actions: [{ label: 'Check again', cli: 'orch outbox retry --all --destination forge:p' }],
      },
    ]);

    expect((await outbox('--destination', 'forge:p')).messages).toMatchObject([
      { task: key, state: 'stuck' },
    ]);
    await here.orch('outbox', 'retry', '--all', '--destination', 'forge:p');
    await waitFor(async () => (await here.task(key)).status === 'done');
    await waitFor(() => texts().some((text) => text.includes('Resolved: The forge of p')));
    expect(here.rows(`SELECT body FROM pull_request_comments WHERE key = 'late'`)).toEqual([
      { body: 'late' },
    ]);
  });
});

function utc(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** The local forge always answers: this is what the outbox looks like after 20 minutes of one that does not. */
function silence(key: string, since: number): void {
  const db = new Database(join(here.home, 'orch.db'));
  const { id } = db.prepare('SELECT id FROM tasks WHERE key = ?').get(key) as { id: number };
  const message = JSON.stringify({ kind: 'forge.comment', project: 'p', taskId: id, body: 'late' });
  const later = since + 24 * 60 * 60_000;
  db.transaction(() => {
    db.prepare(
      `INSERT INTO outbox(destination, key, order_key, message, tries, unsure, available_at, error, created_at)
       VALUES('forge:p', 'late', ?, ?, 9, 1, ?, '503', ?)`,
    ).run(`pr:p:${key}`, message, later, since);
    db.prepare(`INSERT INTO destinations VALUES('forge:p', ?, 9, '503', ?, ?)`).run(since, since, later);
  })();
  db.close();
}

/** As a person who deletes the item from a tracker does. */
function removeItem(): void {
  const db = new Database(join(here.home, 'orch.db'));
  db.pragma('foreign_keys = OFF');
  db.prepare('DELETE FROM work_items').run();
  db.close();
}
