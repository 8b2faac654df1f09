import { GrammyError } from 'grammy';
import type { Button, Notifier, NotifierMessage } from '../notifier.ts';
import { orPlain, type TelegramCalls } from './calls.ts';
import { oneMessage } from './text.ts';

const ICONS: Record<NotifierMessage['event'], string> = {
  needs_you: '🔑',
  approval: '🔒',
  out_of_retries: '🔴',
  question: '❓',
  limit: '🟠',
  done: '✅',
  run: '▶️',
};
const NO_PREVIEW = { link_preview_options: { is_disabled: true } } as const;

/** Sends to one Telegram chat. There is no look-up: after an unknown outcome a message may come twice, and says so. */
export function createTelegramNotifier(calls: TelegramCalls, chatId: string): Notifier {
  const { api, toChat, topic } = calls;
  return {
    channel: `telegram:${chatId}`,
    hasButtons: true,
    waitMs: calls.waitMs,
    async send(message, { again, signal }) {
      const html = textOf(message, again);
      const sent = await orPlain(html, (text, format) =>
        toChat(signal, (chat, own) =>
          api.sendMessage(
            chat,
            text,
            {
              ...{ ...format, ...NO_PREVIEW, ...topic, disable_notification: message.silent },
              ...(message.buttons.length === 0 ? {} : { reply_markup: keyboard(message.buttons) }),
              ...(message.replyTo === null ? {} : { reply_parameters: repliesTo(message.replyTo) }),
            },
            own,
          ),
        ),
      );
      return String(sent.message_id);
    },
    async edit(ref, message, { signal }) {
      await orPlain(textOf(message, false), (text, format) =>
        toChat(signal, (chat, own) =>
          api
            .editMessageText(
              chat,
              Number(ref),
              text,
              { ...format, ...NO_PREVIEW, reply_markup: keyboard(message.buttons) },
              own,
            )
            .catch(ignoreUnchanged),
        ),
      );
    },
  };
}

export function ignoreUnchanged(error: unknown): void {
  if (error instanceof GrammyError && error.description.includes('message is not modified')) return;
  throw error;
}

export function keyboard(buttons: readonly (readonly Button[])[]) {
  return {
    inline_keyboard: buttons.map((row) =>
      row.map((button) =>
        'url' in button
          ? { text: button.label, url: button.url }
          : { text: button.label, callback_data: button.data },
      ),
    ),
  };
}

export function repliesTo(ref: string) {
  return { message_id: Number(ref), allow_sending_without_reply: true };
}

function textOf(message: NotifierMessage, isRepeated: boolean): string {
  const icon = message.state === 'resolved' ? '✅' : ICONS[message.event];
  return oneMessage(icon, message, isRepeated ? 'possibly sent twice' : '');
}
