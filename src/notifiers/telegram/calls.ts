import { setTimeout as sleep } from 'node:timers/promises';
import { Api, GrammyError, HttpError } from 'grammy';
import { AppError, messageOf } from '../../core/errors.ts';
import { type Calls, type MessageBudget, waitMs, withCall } from '../../core/message-budget.ts';
import { plainOf } from './text.ts';

const TIMEOUT_SECONDS = 60;
/** A call waits for its turn up to this long; who has more time asks `waitMs` first. */
const MAX_WAIT_MS = 5000;
const PRIVATE: MessageBudget = { perSecond: 1, perMinute: 60 };
const GROUP: MessageBudget = { perSecond: 1, perMinute: 20 };

/** Errors of a connection that was never made. */
const NEVER_SENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/;
const EDIT_IS_GONE = /message to edit not found|message can't be edited|MESSAGE_ID_INVALID/;

export interface TelegramOptions {
  readonly token: string;
  readonly chatId: string;
  readonly apiUrl: string;
  /** Topic of a group with topics; null = none. */
  readonly topic?: number | null;
  /** Where a chat's new id is kept when Telegram gives it one. */
  readonly memory: {
    get(key: string): Promise<string | null>;
    set(key: string, value: string): Promise<void>;
  };
  readonly clock: () => number;
}

/** Node's own signal is what grammY takes; it names the type of a polyfill. */
export type ApiSignal = NonNullable<Parameters<Api['sendMessage']>[3]>;

/** One bot and its chat: the pace it keeps, the id that the chat has now, and errors as the ports tell them. */
export function createCalls(options: TelegramOptions) {
  const { token, memory, clock } = options;
  const api = new Api(token, {
    apiRoot: options.apiUrl.replace(/\/+$/, ''),
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const budget = options.chatId.startsWith('-') ? GROUP : PRIVATE;
  const movedKey = `telegram:chat:${options.chatId}`;
  let calls: Calls = [];
  let moved: string | null | undefined;

  /** The chat's id now: a group that became a supergroup has another. */
  async function chat(): Promise<number | string> {
    moved ??= await memory.get(movedKey);
    const id = moved ?? options.chatId;
    return /^-?\d+$/.test(id) ? Number(id) : id;
  }

  /** One call to the chat, in its turn. Throws what the notifier port names. */
  async function toChat<T>(
    signal: AbortSignal,
    call: (chatId: number | string, signal: ApiSignal) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    const wait = Math.min(waitMs(calls, budget, clock()), MAX_WAIT_MS);
    if (wait > 0) await sleep(wait, undefined, { signal });
    calls = withCall(calls, clock());
    try {
      return await call(await chat(), signal as unknown as ApiSignal);
    } catch (error) {
      const id = error instanceof GrammyError ? error.parameters.migrate_to_chat_id : undefined;
      if (id === undefined) throw wrap(error, token);
      await memory.set(movedKey, String(id));
      moved = String(id);
    }
    return call(await chat(), signal as unknown as ApiSignal).catch((error: unknown) => {
      throw wrap(error, token);
    });
  }

  return {
    api,
    chat,
    toChat,
    topic: options.topic == null ? {} : { message_thread_id: options.topic },
    waitMs: () => waitMs(calls, budget, clock()),
    wrap: (error: unknown) => wrap(error, token),
  };
}

export type TelegramCalls = ReturnType<typeof createCalls>;

/** Sends HTML; as plain text when Telegram cannot read it, so that nothing is lost for a tag. */
export async function orPlain<T>(
  html: string,
  send: (text: string, more: { readonly parse_mode?: 'HTML' }) => Promise<T>,
): Promise<T> {
  try {
    return await send(html, { parse_mode: 'HTML' });
  } catch (error) {
    if (!(error instanceof AppError) || !error.message.includes("can't parse entities")) throw error;
    return send(plainOf(html), {});
  }
}

function wrap(error: unknown, token: string): AppError {
  if (error instanceof AppError) return error;
  const text = messageOf(error).replaceAll(token, '[secret]');
  if (error instanceof GrammyError) {
    const { error_code: status, description } = error;
    const seconds = error.parameters.retry_after;
    return new AppError(`Telegram refused: ${text}`, {
      code: codeOf(status, description),
      hint: hintOf(status, description),
      facts: {
        status,
        ...(status < 500 ? { done: 'no' } : {}),
        ...(seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }),
      },
    });
  }
  const isUnsent = error instanceof HttpError && NEVER_SENT.test(`${messageOf(error.error)} ${text}`);
  return new AppError(`Telegram cannot be reached: ${text}`, {
    code: 'notifier.unreachable',
    hint: 'this machine does not reach the API of Telegram: check its network, a proxy, and ORCH_TELEGRAM_API_URL',
    facts: isUnsent ? { done: 'no' } : {},
  });
}

/** A wrong token (401, 404) or a bot that was thrown out (403) is the channel's trouble, not the message's. */
function codeOf(status: number, description: string): string {
  if (EDIT_IS_GONE.test(description)) return 'notifier.gone';
  return status === 400 || status === 413 ? 'notifier.refused' : 'notifier.unreachable';
}

function hintOf(status: number, description: string): string {
  if (status === 401 || status === 404)
    return 'ORCH_TELEGRAM_BOT_TOKEN is not the token of a bot: take it from @BotFather';
  if (status === 403) return 'the bot was blocked, or is not in the chat: add it to the chat, or unblock it';
  if (status === 409) return 'another program reads the updates of this bot: one bot belongs to one Orch';
  if (/chat not found/.test(description))
    return 'ORCH_TELEGRAM_CHAT_ID is wrong, or the bot was never in that chat: add it and write it a message';
  if (/thread not found/.test(description)) return 'notify.telegram.topic is not a topic of the chat';
  return 'check ORCH_TELEGRAM_BOT_TOKEN and ORCH_TELEGRAM_CHAT_ID (orch notify test)';
}
