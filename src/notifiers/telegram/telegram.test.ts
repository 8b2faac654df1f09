import { describe, expect, it, onTestFinished } from 'vitest';
import { type FakeTelegram, startTelegram, type TelegramFault } from '../../../test/fakes/telegram.ts';
import { requirement, suiteName } from '../../../test/support/requirements.ts';
import { failureOf } from '../../core/delivery.ts';
import { notifierContract } from '../notifier.contract.ts';
import type { NotifierMessage } from '../notifier.ts';
import { createCalls } from './calls.ts';
import { createTelegramChat } from './chat.ts';
import { createTelegramNotifier } from './telegram.ts';

const TOKEN = '123:SECRET';
const FAULTS: Record<'for_ever' | 'not_now' | 'wait_7_s' | 'message_gone', TelegramFault> = {
  for_ever: { status: 400, description: 'Bad Request: chat not found' },
  not_now: { status: 502 },
  wait_7_s: { status: 429, retryAfter: 7 },
  message_gone: { status: 400, description: 'Bad Request: message to edit not found' },
};

/** Each call a minute later: the pace is another test's. */
function callsTo(telegram: FakeTelegram, options: { chatId?: string; topic?: number } = {}) {
  let now = 0;
  const kept = new Map<string, string>();
  const calls = createCalls({
    ...{ token: TOKEN, chatId: '1', apiUrl: telegram.url, ...options },
    clock: () => (now += 60_000),
    memory: {
      get: async (key) => kept.get(key) ?? null,
      set: async (key, value) => void kept.set(key, value),
    },
  });
  return { calls, kept };
}

notifierContract(
  'telegram',
  async () => {
    const telegram = await startTelegram();
    return {
      notifier: createTelegramNotifier(callsTo(telegram).calls, '1'),
      hasLookUp: false,
      seen: () => [...telegram.chat.values()],
      loseNext: () => telegram.fail('drop'),
      refuseNext: (trouble) => telegram.fail(FAULTS[trouble]),
      unplug: telegram.close,
      secret: TOKEN,
      discard: telegram.close,
    };
  },
  { messagesGo: true },
);

const signal = new AbortController().signal;
const by = { key: 'k', again: false, signal };
const message: NotifierMessage = {
  ...{ title: 't', detail: '', state: 'info', incident: 'x', event: 'done', project: null, change: 'opened' },
  ...{ urgent: false, at: 0, silent: true, buttons: [], replyTo: null },
};
const failure = (act: Promise<unknown>) => act.then(() => null, failureOf);

async function open(options: { chatId?: string; topic?: number } = {}) {
  const telegram = await startTelegram();
  onTestFinished(telegram.close);
  const { calls, kept } = callsTo(telegram, options);
  const chatId = options.chatId ?? '1';
  return {
    ...{ telegram, kept, notifier: createTelegramNotifier(calls, chatId) },
    chat: createTelegramChat(calls, chatId),
  };
}

describe('telegram', () => {
  it('waits for a person to mend a wrong token or a bot that was thrown out, and loses nothing', async () => {
    const { telegram, notifier } = await open();
    for (const status of [401, 403, 404]) {
      telegram.fail({ status });
      expect(await failure(notifier.send(message, by))).toMatchObject({ kind: 'unreachable', done: 'no' });
    }
  });

  it('ends a call that hangs when its delivery is given up, and does not know whether it was sent', async () => {
    const { telegram, notifier } = await open();
    telegram.fail('hang');
    const limited = { ...by, signal: AbortSignal.timeout(100) };
    expect(await failure(notifier.send(message, limited))).toMatchObject({
      kind: 'unreachable',
      done: 'unknown',
    });
  });

  it('takes an edit that changes nothing for done', async () => {
    const { telegram, notifier } = await open();
    telegram.fail({ status: 400, description: 'Bad Request: message is not modified' });
    await notifier.edit('1', message, { ...by, again: true });
  });

  it('sends plain what Telegram cannot read, with the same words', async () => {
    const { telegram, notifier } = await open();
    telegram.fail({ status: 400, description: "Bad Request: can't parse entities: unclosed tag" });
    await notifier.send({ ...message, title: 'a <b> & "c"' }, by);
    expect(telegram.calls.map(({ body }) => [body['parse_mode'], body['text']])).toEqual([
      ['HTML', '✅ <b>a &lt;b&gt; &amp; &quot;c&quot;</b>'],
      [undefined, '✅ a <b> & "c"'],
    ]);
  });

  it('goes on in the supergroup that a group became, and remembers it', async () => {
    const { telegram, notifier, kept } = await open({ chatId: '-5' });
    telegram.fail({ status: 400, description: 'Bad Request: group upgraded', migrateTo: -1005 });
    await notifier.send(message, by);
    await notifier.send(message, by);
    expect(telegram.calls.map(({ body }) => body['chat_id'])).toEqual([-5, -1005, -1005]);
    expect([...kept]).toEqual([['telegram:chat:-5', '-1005']]);
    expect(notifier.channel).toBe('telegram:-5');
  });

  it('tells a topic of a group, with buttons, as an answer and without sound where that is asked', async () => {
    const { telegram, notifier } = await open({ chatId: '-5', topic: 7 });
    const buttons = [
      [
        { label: 'Why?', data: '1:why:abcdefghij' },
        { label: 'Open', url: 'https://x.example/t' },
      ],
    ];
    await notifier.send({ ...message, buttons, replyTo: '3' }, by);
    expect(telegram.calls[0]?.body).toMatchObject({
      message_thread_id: 7,
      disable_notification: true,
      reply_parameters: { message_id: 3 },
      reply_markup: {
        inline_keyboard: [
          [
            { text: 'Why?', callback_data: '1:why:abcdefghij' },
            { text: 'Open', url: 'https://x.example/t' },
          ],
        ],
      },
    });
  });
});

describe('a chat in telegram', () => {
  const MARA = { id: 5, name: 'Mara' };

  it('hears what is said and pressed in its own chat, and of others only that there was something', async () => {
    const { telegram, chat } = await open();
    telegram.write(MARA, '/why', { replyTo: 3 });
    telegram.write(MARA, 'spy', { chatId: 66 });
    telegram.press(MARA, 3, 'x', 'data');
    const heard = await chat.updates(null, signal);
    expect(heard).toMatchObject([
      { kind: 'text', text: '/why', from: { id: '5', name: 'Mara' }, replyTo: '3' },
      { kind: 'ignored' },
      { kind: 'press', data: 'data', ref: '3' },
    ]);
    expect((await chat.updates(heard[1]?.id ?? 0, signal)).map(({ id }) => id)).toEqual([heard[2]?.id]);
  });

  it('says that another program reads the same bot', async () => {
    const { telegram, chat } = await open();
    telegram.takeOver(true);
    await expect(chat.updates(null, signal)).rejects.toMatchObject({ code: 'chat.taken' });
  });

  it('says long words in some messages, and longer ones as a file', async () => {
    const { telegram, chat } = await open();
    const words = { title: 'log', detail: '', replyTo: null };
    await chat.say({ ...words, code: 'a line <of> a log\n'.repeat(300) }, signal);
    const parts = telegram.sent().map(({ text }) => text);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.every((part) => part.length <= 4096)).toBe(true);
    await chat.say({ ...words, code: 'a line of a log\n'.repeat(3000) }, signal);
    expect(telegram.calls.at(-1)?.method).toBe('sendDocument');
  });

  it('asks for a reply, by hand where the open field is refused, and leaves an old press alone', async () => {
    const { telegram, chat } = await open();
    const asks = { title: 'why?', detail: '', replyTo: '3', asksReply: true };
    telegram.fail({ status: 400, description: 'Bad Request: no such markup' });
    await chat.say(asks, signal);
    expect(telegram.calls.map(({ body }) => body['reply_markup'] !== undefined)).toEqual([true, false]);
    telegram.fail({ status: 400, description: 'Bad Request: query is too old' });
    await chat.answerPress('p', 'x'.repeat(300), signal);
  });
});

const shared = requirement('shared');
describe.skipIf(!shared.available)(suiteName('the contract of the Bot API', shared), () => {
  it('refuses a call that breaks it, so that those above keep it', async () => {
    const telegram = await startTelegram();
    await fetch(`${telegram.url}/bot1/sendMessage`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"chat_id":1,"text":""}',
    });
    await expect(telegram.close()).rejects.toThrow(/sendMessage: .*text/);
  });
});
