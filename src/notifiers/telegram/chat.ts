import { setTimeout as sleep } from 'node:timers/promises';
import { GrammyError, InputFile } from 'grammy';
import type { Update } from 'grammy/types';
import { AppError } from '../../core/errors.ts';
import type { Chat, ChatPerson, ChatUpdate, Words } from '../notifier.ts';
import { type ApiSignal, orPlain, type TelegramCalls } from './calls.ts';
import { ignoreUnchanged, keyboard, repliesTo } from './telegram.ts';
import { messages, oneMessage, printable } from './text.ts';

const POLL_SECONDS = 30;
/** An API that answers at once, with nothing, is not asked more often. */
const LEAST_MS = 1000;
/** Longer words become a file. */
const MAX_MESSAGES = 3;
const MAX_ANSWER = 200;

/** Reads one Telegram chat by long polling: exactly one reader per bot. */
export function createTelegramChat(calls: TelegramCalls, chatId: string): Chat {
  const { api, toChat, topic } = calls;

  async function updates(after: number | null, signal: AbortSignal): Promise<readonly ChatUpdate[]> {
    const asked = Date.now();
    const found = await api
      .getUpdates(
        {
          ...(after === null ? {} : { offset: after + 1 }),
          timeout: POLL_SECONDS,
          allowed_updates: ['message', 'callback_query'],
        },
        signal as unknown as ApiSignal,
      )
      .catch((error: unknown) => {
        const wrapped = calls.wrap(error);
        if (!(error instanceof GrammyError) || error.error_code !== 409) throw wrapped;
        throw new AppError(wrapped.message, { code: 'chat.taken', hint: wrapped.hint ?? '' });
      });
    const chat = await calls.chat();
    const list = Array.isArray(found) ? found : [];
    if (list.length === 0) await sleep(Math.max(0, LEAST_MS - (Date.now() - asked)), undefined, { signal });
    return list.map((update) => updateOf(update, String(chat)));
  }

  return {
    channel: `telegram:${chatId}`,
    updates,

    async answerPress(pressId, text, signal) {
      const own = signal as unknown as ApiSignal;
      await api
        .answerCallbackQuery(pressId, { text: printable(text).slice(0, MAX_ANSWER).toWellFormed() }, own)
        .catch((error: unknown) => {
          // A press from before a restart is too old to be answered.
          if (error instanceof GrammyError && error.error_code === 400) return;
          throw calls.wrap(error);
        });
    },

    async say(words, signal) {
      const parts = messages(words);
      if (parts.length > MAX_MESSAGES) return asFile(words, signal);
      let last = '';
      for (const [at, html] of parts.entries())
        last = await one(html, words, at === 0, at === parts.length - 1, signal);
      return last;
    },

    async setButtons(ref, buttons, signal) {
      await toChat(signal, (chat, own) =>
        api
          .editMessageReplyMarkup(chat, Number(ref), { reply_markup: keyboard(buttons) }, own)
          .then(() => undefined, ignoreUnchanged),
      );
    },
  };

  async function one(
    html: string,
    words: Words,
    isFirst: boolean,
    isLast: boolean,
    signal: AbortSignal,
  ): Promise<string> {
    const reply = isFirst && words.replyTo !== null ? { reply_parameters: repliesTo(words.replyTo) } : {};
    const asks = words.asksReply === true && isLast;
    const markup = asks
      ? { reply_markup: { force_reply: true, selective: true } }
      : isLast && words.buttons !== undefined
        ? { reply_markup: keyboard(words.buttons) }
        : {};
    const send = (more: object) =>
      orPlain(html, (text, format) =>
        toChat(signal, (chat, own) =>
          api.sendMessage(
            chat,
            text,
            { ...format, link_preview_options: { is_disabled: true }, ...topic, ...reply, ...more },
            own,
          ),
        ),
      );
    const sent = await send(markup).catch((error: unknown) => {
      // Without the open answer field the person replies by hand.
      if (asks && error instanceof AppError && error.code === 'notifier.refused') return send({});
      throw error;
    });
    return String(sent.message_id);
  }

  async function asFile(words: Words, signal: AbortSignal): Promise<string> {
    const text = printable([words.detail, words.code ?? ''].filter((part) => part !== '').join('\n\n'));
    const sent = await toChat(signal, (chat, own) =>
      api.sendDocument(
        chat,
        new InputFile(Buffer.from(text), 'orch.txt'),
        {
          caption: oneMessage('', { title: words.title, detail: '' }),
          parse_mode: 'HTML',
          ...topic,
          ...(words.replyTo === null ? {} : { reply_parameters: repliesTo(words.replyTo) }),
        },
        own,
      ),
    );
    return String(sent.message_id);
  }
}

/** Only what was said in the listed chat, by somebody; channels and bots are nobody. */
function updateOf(update: Update, chat: string): ChatUpdate {
  const id = update.update_id;
  const { message, callback_query: press } = update;
  if (press?.message !== undefined && press.data !== undefined && String(press.message.chat.id) === chat)
    return {
      ...{ id, kind: 'press', from: personOf(press.from), pressId: press.id, data: press.data },
      ref: String(press.message.message_id),
    };
  if (
    message?.text !== undefined &&
    message.from !== undefined &&
    !message.from.is_bot &&
    String(message.chat.id) === chat
  )
    return {
      ...{ id, kind: 'text', from: personOf(message.from), text: message.text },
      ref: String(message.message_id),
      replyTo: message.reply_to_message === undefined ? null : String(message.reply_to_message.message_id),
    };
  return { id, kind: 'ignored' };
}

function personOf(from: {
  readonly id: number;
  readonly first_name: string;
  readonly username?: string;
}): ChatPerson {
  return { id: String(from.id), name: from.username ?? from.first_name };
}
