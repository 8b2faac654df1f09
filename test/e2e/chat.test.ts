import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { JobWire } from '../../src/http/contract.ts';
import { type FakeTelegram, startTelegram, type TelegramPerson } from '../fakes/telegram.ts';
import { handIn, type Installation, install, type Service, waitFor } from '../support/orch.ts';

/** People in a chat, with the real service: what they are told, and what they do about it. */
const MARA: TelegramPerson = { id: 5, name: 'Mara' };
const VERA: TelegramPerson = { id: 6, name: 'Vera' };
const OUTSIDER: TelegramPerson = { id: 7, name: 'Mallory' };

let telegram: FakeTelegram;
let here: Installation;
let service: Service;

beforeAll(async () => {
  telegram = await startTelegram();
  here = install({
    pipeline: `      - { stage: development, agent: developer, tools: write }
      - { stage: deploy, kind: deploy, approval: required, merge: auto, command: "true" }`,
    projectExtra: '    checks: ["true"]',
    env: {
      ORCH_TELEGRAM_BOT_TOKEN: '123:fake',
      ORCH_TELEGRAM_CHAT_ID: '1',
      ORCH_TELEGRAM_API_URL: telegram.url,
      ORCH_MAX_ATTEMPTS: '1',
      ORCH_PUBLIC_URL: 'https://orch.example',
    },
  });
  service = await here.up();
  addUser('mara', 'operator', MARA);
  addUser('vera', 'viewer', VERA);
});
afterEach(async () => telegram.failAlways(null));
afterAll(async () => {
  await here?.remove();
  await telegram?.close();
});

function inDatabase<T>(work: (db: Database.Database) => T): T {
  const db = new Database(join(here.home, 'orch.db'));
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function addUser(name: string, role: string, person: TelegramPerson | null): void {
  inDatabase((db) => {
    const { id } = db
      .prepare('INSERT INTO users(name, role, created_at) VALUES(?, ?, 1) RETURNING id')
      .get(name, role) as { id: number };
    if (person !== null)
      db.prepare('INSERT INTO links VALUES(?, ?, ?, 1)').run('telegram:1', String(person.id), id);
  });
}

/** The message whose text has all these words: latest first. */
function messageWith(...words: string[]): number | null {
  const found = [...telegram.chat].findLast(([, text]) => words.every((word) => text.includes(word)));
  return found?.[0] ?? null;
}
const told = (...words: string[]) => waitFor(async () => messageWith(...words));
const textOf = (id: number) => telegram.chat.get(id) ?? '';
const answered = (press: string) => waitFor(async () => telegram.answers.get(press) ?? null);

let scenes = 0;
async function taskAtDeploy(title: string): Promise<{ key: string; message: number }> {
  here.scene(0, handIn({ outcome: 'done' }, `echo ${++scenes} > new-${scenes}.txt`));
  const { task } = await here.json<{ task: { key: string } }>('submit', '--project', 'p', '--title', title);
  return { key: task.key, message: await told(`Approve deploy? ${task.key}`) };
}
const taskStatus = async (key: string) => (await here.task(key)).status;

async function failingJob(): Promise<string> {
  here.scene(0, 'echo "token=abcdefgh12345678"; echo broken; exit 1');
  const { job } = await here.json<{ job: JobWire }>('enqueue', '--agent', 'developer', '--repo', 'p');
  await waitFor(async () => (await here.job(job.id)).status === 'failed');
  return job.id;
}

describe('an approval in the chat', () => {
  it('takes two presses by somebody who may, and ends in a merged branch', async () => {
    const { key, message } = await taskAtDeploy('A <b>bold</b> title');
    expect(textOf(message)).toContain('A &lt;b&gt;bold&lt;/b&gt; title');
    expect(textOf(message)).toContain('1 file +1 −0 · checks 1/1');
    expect(telegram.buttons.get(message)?.map(({ text }) => text)).toEqual([
      'Approve…',
      'Reject…',
      'Diff',
      'Log',
      'Open',
    ]);

    // Anybody in the group can press.
    expect(await answered(telegram.press(OUTSIDER, message, 'Approve…'))).toContain('not linked');
    expect(await answered(telegram.press(VERA, message, 'Approve…'))).toContain('Needs more than a viewer');
    expect(telegram.buttons.get(message)).toHaveLength(5);

    await answered(telegram.press(MARA, message, 'Approve…'));
    await waitFor(async () => telegram.buttons.get(message)?.[0]?.text === `Confirm: ${key} → deploy`);
    const confirm = telegram.buttons.get(message)?.[0]?.callback_data ?? '';
    expect(Buffer.byteLength(confirm)).toBeLessThanOrEqual(64);
    expect(await answered(telegram.press(OUTSIDER, message, 'Confirm'))).toContain('not linked');
    expect(await answered(telegram.press(VERA, message, 'Confirm'))).toContain('Needs more');
    expect(await taskStatus(key)).toBe('needs_you');

    await answered(telegram.press(MARA, message, 'Back'));
    await waitFor(async () => telegram.buttons.get(message)?.[0]?.text === 'Approve…');
    await answered(telegram.press(MARA, message, 'Approve…'));
    await waitFor(async () => telegram.buttons.get(message)?.[0]?.text.startsWith('Confirm') === true);
    const before = Date.now();
    const last = telegram.buttons.get(message)?.[0]?.callback_data ?? '';
    expect(await answered(telegram.press(MARA, message, 'Confirm'))).toMatch(/Approved by mara|Requested/);
    expect(Date.now() - before).toBeLessThan(2000);
    await waitFor(async () => (await taskStatus(key)) === 'done');
    await waitFor(async () => /Approved by mara \d\d:\d\d/.test(textOf(message)));
    expect(telegram.buttons.get(message)).toEqual([]);
    const log = execFileSync('git', ['-C', here.repository, 'log', '--format=%s', 'main'], {
      encoding: 'utf8',
    });
    expect(log).toContain(key);
    expect(here.rows(`SELECT by, surface, action, target FROM audit WHERE action = 'approve'`)).toEqual([
      { by: 'mara', surface: 'telegram', action: 'approve', target: key },
    ]);

    // The same press again, and one of a step that was left.
    for (const data of [last, confirm])
      expect(await answered(telegram.press(MARA, message, '', data))).toBe('This changed since the message');
    expect(here.rows(`SELECT 1 FROM audit WHERE action = 'approve'`)).toHaveLength(1);
  });

  it('is void when the head moved, and can be refused with a reason by a reply', async () => {
    const { key, message } = await taskAtDeploy('Another');
    const commit = (await here.task(key)).head ?? '';
    inDatabase((db) => db.prepare('UPDATE tasks SET head = ? WHERE key = ?').run('e'.repeat(40), key));
    expect(await answered(telegram.press(MARA, message, 'Approve…'))).toBe('This changed since the message');
    inDatabase((db) => db.prepare('UPDATE tasks SET head = ? WHERE key = ?').run(commit, key));

    await answered(telegram.press(MARA, message, 'Reject…'));
    const question = await told(`Why is ${key} rejected?`);
    telegram.write(OUTSIDER, 'because', { replyTo: question });
    telegram.write(MARA, 'the name is <wrong>', { replyTo: question });
    await waitFor(async () => (await here.task(key)).jobs.length > 2);
    await waitFor(async () => textOf(message).includes('Rejected by mara: the name is &lt;wrong&gt;'));
    const [, , again] = (await here.task(key)).jobs;
    expect(again?.stage).toBe('development');
    expect(here.rows(`SELECT by FROM audit WHERE action = 'reject'`)).toEqual([{ by: 'mara' }]);
    await here.orch('cancel', key);
  });
});

describe('a chat', () => {
  it('tells a failed job at once, tries it again by a button, and shows the end of its log without secrets', async () => {
    const job = await failingJob();
    const message = await told(`${job} failed`);
    await answered(telegram.press(VERA, message, 'Last 15 lines'));
    const log = await told('last 2 lines');
    expect(textOf(log)).toContain('<pre>');
    expect(textOf(log)).not.toContain('abcdefgh12345678');
    here.scene(0, 'sleep 60');
    await answered(telegram.press(MARA, message, 'Retry'));
    await waitFor(async () => (await here.job(job)).status === 'running');
    await waitFor(async () => /Retried by mara/.test(textOf(message)));
    telegram.write(MARA, `/cancel ${job}`);
    await waitFor(async () => (await here.job(job)).status === 'cancelled');
  });

  it('hears commands of those who may, with the words of the CLI, and nobody from elsewhere', async () => {
    telegram.write(VERA, '/pause');
    await told('Needs more than a viewer');
    telegram.write(MARA, '/pause 2h');
    await told('Dispatch is paused for 2h');
    await here.json('enqueue', '--agent', 'developer', '--repo', 'p');
    telegram.write(VERA, '/why@orch_bot');
    const why = textOf(await told('is paused by mara'));
    const cli = (await here.orch('why')).stdout;
    // The chat's clock has no seconds, and names no day.
    const cliLines = cli.split('\n').filter((text) => /paused by|job waits/.test(text));
    expect(cliLines).toHaveLength(3);
    for (const line of cliLines)
      expect(why).toContain(
        line
          .replaceAll(/(\d\d:\d\d):\d\d/g, '$1')
          .replaceAll(/\d{4}-\d\d-\d\d /g, '')
          .replace(/^\W+/, '')
          .split('  ')[0]
          ?.trim(),
      );
    const sent = telegram.sent().length;
    telegram.write(MARA, '/resume', { chatId: 66 });
    telegram.write(OUTSIDER, 'hello');
    telegram.write(VERA, '/queue');
    await told('1 queued');
    expect(telegram.sent()).toHaveLength(sent + 1);
    here.scene(0, 'exit 1');
    telegram.write(MARA, '/resume');
    await told('Dispatch goes on');
    for (const [command, words] of [
      ['/help', '/approve KEY'],
      ['/status', 'tasks:'],
      ['/task NOPE-1', 'There is no NOPE-1'],
      ['/why NOPE-1', 'There is no NOPE-1'],
      ['/retry', 'Write /retry KEY'],
      ['/nonsense', 'There is no /nonsense'],
      ['/brief 8h', 'merged'],
    ] as const) {
      telegram.write(MARA, command);
      await told(words);
    }
  });

  it('knows people by a code of their own, once, and does not let it be guessed', async () => {
    addUser('nina', 'operator', null);
    const { code } = await here.json<{ code: string }>('users', 'link', 'nina');
    expect(code).toMatch(/^\d{6}$/);
    const wrong = code === '000000' ? '000001' : '000000';
    for (let i = 0; i < 5; i++) telegram.write(OUTSIDER, `/link ${wrong}`);
    await waitFor(
      async () => [...telegram.chat.values()].filter((text) => text.includes('not right')).length === 5,
    );
    // From now on not even the right one.
    telegram.write(OUTSIDER, `/link ${code}`);
    telegram.write({ id: 8, name: 'Nina' }, `/link ${code}`);
    await told('You are nina, operator');
    telegram.write({ id: 9, name: 'Late' }, `/link ${code}`);
    await waitFor(
      async () => [...telegram.chat.values()].filter((text) => text.includes('not right')).length === 6,
    );
    expect(
      here.rows(`SELECT external_id FROM links WHERE user_id = (SELECT id FROM users WHERE name = 'nina')`),
    ).toEqual([{ external_id: '8' }]);
  });

  it('answers a question of an agent by a reply to it', async () => {
    here.scene(0, handIn({ outcome: 'question', question: { text: 'Which licence?', options: [] } }));
    const { task } = await here.json<{ task: { key: string } }>('submit', '--project', 'p', '--title', 'Q');
    const message = await told(`${task.key} asks`);
    here.scene(0, handIn({ outcome: 'done' }, 'echo MIT > licence.js'));
    telegram.write(VERA, 'GPL', { replyTo: message });
    await told('Needs more than a viewer: answer');
    telegram.write(MARA, 'MIT', { replyTo: message });
    await told(`Approve deploy? ${task.key}`);
    expect(here.call(here.calls()).prompt).toContain('Answer by mara: MIT');
    await waitFor(async () => textOf(message).includes('Answered by mara'));
    await here.orch('cancel', task.key);
  });
});

describe('orch', () => {
  it('says by brief what happened since somebody looked, and looks once', async () => {
    type Brief = { schema: string; since: string; merged: { key: string }[]; failures: { key: string }[] };
    const peeked = await here.json<Brief>('brief', '--peek');
    expect(peeked.schema).toBe('orch.brief/1');
    expect(peeked.merged).toHaveLength(1);
    const brief = await here.json<Brief>('brief');
    expect(brief.since.slice(0, 13)).toBe(peeked.since.slice(0, 13));
    const again = await here.json<Brief>('brief');
    expect(again.merged).toEqual([]);
    expect(Date.parse(again.since)).toBeGreaterThan(Date.parse(brief.since));
    expect((await here.json<Brief>('brief', '--since', '8h')).merged).toEqual(brief.merged);
    expect(await here.orch('brief', '--since', 'soon')).toMatchObject({ code: 2 });
  });

  it('tries its channels by notify test, and says what is wrong', async () => {
    const good = await here.orch('notify', 'test');
    expect([good.code, good.stdout]).toEqual([0, '✓ telegram:1: sent\n']);
    telegram.fail({ status: 403, description: 'Forbidden: bot was kicked from the group chat' });
    const bad = await here.orch('notify', 'test');
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/✗ telegram:1: .*kicked[^]*fix {2}the bot was blocked, or is not in the chat/);
  });
});

describe('what was pressed while Orch died', () => {
  it('is done by the next start, once', async () => {
    const { key, message } = await taskAtDeploy('Survives');
    await answered(telegram.press(MARA, message, 'Approve…'));
    await waitFor(async () => telegram.buttons.get(message)?.[0]?.text.startsWith('Confirm') === true);
    await service.kill();
    telegram.press(MARA, message, 'Confirm');
    // Told to go slowly, too: it waits as long as it is told to.
    telegram.fail({ status: 429, retryAfter: 1 });
    service = await here.up();
    await waitFor(async () => (await taskStatus(key)) === 'done');
    await waitFor(async () => textOf(message).includes('Approved by mara'));
    expect(here.rows(`SELECT 1 FROM audit WHERE action = 'approve' AND target = ?`, key)).toHaveLength(1);

    // Another reader of the same bot is told of, and nothing stops.
    telegram.takeOver(true);
    await waitFor(
      async () => (await here.orch('status')).stdout.includes('one bot belongs to one Orch') || null,
    );
    telegram.takeOver(false);
    telegram.write(MARA, '/queue');
    await told('0 queued');
  });
});
