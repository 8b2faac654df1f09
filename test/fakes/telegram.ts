import type { ServerResponse } from 'node:http';
import { telegramContract } from '../support/telegram-contract.ts';
import { bodyOf, listen } from './listen.ts';

export interface TelegramCall {
  readonly method: string;
  readonly text: string;
  readonly messageId: number;
  readonly at: number;
  /** Everything it was called with. */
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * What happens to a call instead of a good answer. `drop` and `hang` come after the message was taken: it is in
 * the chat, and only the answer gets lost.
 */
export type TelegramFault =
  | {
      readonly status: number;
      readonly description?: string;
      readonly retryAfter?: number;
      readonly migrateTo?: number;
    }
  | 'drop'
  | 'hang';

interface Button {
  readonly text: string;
  readonly callback_data?: string;
}

export interface TelegramPerson {
  readonly id: number;
  readonly name: string;
}

/** How long a poll with nothing new is held, at most. */
const HOLD_MS = 1000;

/**
 * A Telegram Bot API on loopback: `calls` is everything it was told, `chat` what people then see. Where the
 * contract is at hand, a call that breaks it is refused, and `close` throws.
 */
export async function startTelegram() {
  const calls: TelegramCall[] = [];
  const polls: TelegramCall[] = [];
  const answers = new Map<string, string>();
  /** Texts by message id, as edited last. */
  const chat = new Map<number, string>();
  const buttons = new Map<number, Button[]>();
  const broken: string[] = [];
  const contract = telegramContract();
  let next = 1;
  let nextUpdate = 100;
  let updates: { update_id: number }[] = [];
  let wake = new AbortController();
  let faults: TelegramFault[] = [];
  let always: TelegramFault | null = null;
  let taken = false;

  function take(method: string, body: Record<string, unknown>): number {
    const isNew = method === 'sendMessage' || method === 'sendDocument';
    const messageId = isNew ? next++ : Number(body['message_id'] ?? 0);
    if (isNew || method === 'editMessageText') chat.set(messageId, textIn(body));
    if (isNew || method.startsWith('editMessage')) {
      const markup = body['reply_markup'] as { inline_keyboard?: Button[][] } | undefined;
      buttons.set(messageId, (markup?.inline_keyboard ?? []).flat());
    }
    if (method === 'answerCallbackQuery') answers.set(String(body['callback_query_id']), textIn(body));
    return messageId;
  }

  /** Holds the poll until something is new. */
  async function poll(body: Record<string, unknown>, response: ServerResponse): Promise<void> {
    if (taken)
      return answer(response, 409, {
        ok: false,
        error_code: 409,
        description: 'Conflict: terminated by other getUpdates request',
      });
    const offset = Number(body['offset'] ?? 0);
    updates = updates.filter((update) => update.update_id >= offset);
    if (updates.length === 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, HOLD_MS);
        wake.signal.addEventListener('abort', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    answer(response, 200, { ok: true, result: updates.filter((update) => update.update_id >= offset) });
  }

  function push(update: object): number {
    const id = nextUpdate++;
    updates.push({ update_id: id, ...update });
    wake.abort();
    wake = new AbortController();
    return id;
  }

  const from = (person: TelegramPerson) => ({ id: person.id, is_bot: false, first_name: person.name });
  const chatOf = (id: number) => ({ id, type: 'private', first_name: 'x' });

  const server = await listen(async (request, response) => {
    const text = await bodyOf(request);
    const method = request.url?.split('/').at(-1) ?? '';
    const isForm = request.headers['content-type']?.startsWith('multipart/') === true;
    const body = (text === '' ? {} : isForm ? { text } : JSON.parse(text)) as Record<string, unknown>;
    const wrong = isForm ? null : contract(method, body);
    if (wrong !== null) broken.push(`${method}: ${wrong}`);
    const at = Date.now();
    if (method === 'getUpdates') {
      polls.push({ method, text: '', messageId: 0, at, body });
      return void poll(body, response);
    }
    const fault = always ?? faults.shift();
    const isRefused = typeof fault === 'object';
    const messageId = isRefused ? Number(body['message_id'] ?? 0) : take(method, body);
    calls.push({ method, text: textIn(body), messageId, at, body });
    if (fault === 'hang') return;
    if (fault === 'drop') request.socket.destroy();
    else if (isRefused)
      answer(response, fault.status, {
        ok: false,
        error_code: fault.status,
        description: fault.description ?? 'Some trouble',
        parameters: {
          ...(fault.retryAfter === undefined ? {} : { retry_after: fault.retryAfter }),
          ...(fault.migrateTo === undefined ? {} : { migrate_to_chat_id: fault.migrateTo }),
        },
      });
    else if (method === 'answerCallbackQuery') answer(response, 200, { ok: true, result: true });
    else if (method === 'getChat')
      answer(response, 200, { ok: true, result: { ...chatOf(Number(body['chat_id'])), username: 'mara' } });
    else if (method === 'getMe')
      answer(response, 200, {
        ok: true,
        result: { id: 9, is_bot: true, first_name: 'Orch', username: 'orch_bot' },
      });
    else
      answer(response, 200, {
        ok: true,
        result: { message_id: messageId, date: 0, chat: chatOf(1) },
      });
  });
  return {
    url: server.url,
    calls,
    polls,
    chat,
    /** Labels and data of the buttons under a message. */
    buttons,
    /** What presses were answered, by the id of the press. */
    answers,
    sent: () => calls.filter((call) => call.method === 'sendMessage'),
    /** A person writes; the id of the message. */
    write(person: TelegramPerson, text: string, more: { replyTo?: number; chatId?: number } = {}): number {
      const messageId = next++;
      const { replyTo, chatId = 1 } = more;
      push({
        message: {
          ...{ message_id: messageId, date: 0, chat: chatOf(chatId), from: from(person), text },
          ...(replyTo === undefined
            ? {}
            : { reply_to_message: { message_id: replyTo, date: 0, chat: chatOf(chatId) } }),
        },
      });
      return messageId;
    },
    /** A person presses; the id under which it is to be answered. Without `data`: the button with that label. */
    press(person: TelegramPerson, messageId: number, label: string, data?: string): string {
      const found = buttons.get(messageId)?.find((button) => button.text.startsWith(label));
      const given = data ?? found?.callback_data;
      if (given === undefined)
        throw new Error(`no ${label} among ${JSON.stringify(buttons.get(messageId)?.map((b) => b.text))}`);
      const id = `press-${nextUpdate}`;
      push({
        callback_query: {
          ...{ id, from: from(person), chat_instance: '1', data: given },
          message: { message_id: messageId, date: 1, chat: chatOf(1) },
        },
      });
      return id;
    },
    /** Another program reads the same bot. */
    takeOver: (isTaken: boolean) => {
      taken = isTaken;
    },
    /** The next calls meet these, one each; the ones after them go well. */
    fail: (...more: readonly TelegramFault[]) => {
      faults = [...faults, ...more];
    },
    /** Every call meets this until `null`; polls go on. */
    failAlways: (fault: TelegramFault | null) => {
      always = fault;
    },
    close: async () => {
      await server.close();
      if (broken.length > 0) throw new Error(`calls break the contract: ${broken.join('; ')}`);
    },
  };
}

export type FakeTelegram = Awaited<ReturnType<typeof startTelegram>>;

function textIn({ text }: Readonly<Record<string, unknown>>): string {
  return typeof text === 'string' ? text : '';
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}
