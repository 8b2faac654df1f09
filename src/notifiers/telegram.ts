import { Api, GrammyError, HttpError } from 'grammy';
import { AppError, messageOf } from '../core/errors.ts';
import type { Notifier, NotifierMessage } from './notifier.ts';

/** Telegram's own limit is 4096 characters; we stay below it with room for the frame. */
const MAX_TEXT = 3500;
const TIMEOUT_SECONDS = 20;

const ICONS: Record<NotifierMessage['state'], string> = {
  needs_you: '🔑',
  failed: '🔴',
  resolved: '✅',
  info: '✅',
};

/** Errors of a connection that was never made. */
const NEVER_SENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/;
const EDIT_IS_GONE = /message to edit not found|message can't be edited|MESSAGE_ID_INVALID/;

/** Sends to one Telegram chat. There is no look-up: after an unknown outcome a message may come twice, and says so. */
export function createTelegramNotifier(options: { token: string; chatId: string; apiUrl: string }): Notifier {
  const api = new Api(options.token, {
    apiRoot: options.apiUrl.replace(/\/+$/, ''),
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const format = { parse_mode: 'HTML', link_preview_options: { is_disabled: true } } as const;
  return {
    channel: `telegram:${options.chatId}`,
    async send(message, { again, signal }) {
      try {
        const more = { ...format, disable_notification: message.state === 'info' };
        const sent = await api.sendMessage(options.chatId, textOf(message, again), more, own(signal));
        return String(sent.message_id);
      } catch (error) {
        throw wrap(error, options.token);
      }
    },
    async edit(ref, message, { signal }) {
      try {
        await api.editMessageText(options.chatId, Number(ref), textOf(message, false), format, own(signal));
      } catch (error) {
        if (error instanceof GrammyError && error.description.includes('message is not modified')) return;
        throw wrap(error, options.token);
      }
    },
  };
}

function textOf(message: NotifierMessage, isRepeated: boolean): string {
  const again = isRepeated ? '\n<i>possibly sent twice</i>' : '';
  const detail = message.detail === '' ? '' : `\n${escapeHtml(message.detail.slice(0, MAX_TEXT))}`;
  return `${ICONS[message.state]} <b>${escapeHtml(message.title.slice(0, 300))}</b>${detail}${again}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function wrap(error: unknown, token: string): AppError {
  const text = messageOf(error).replaceAll(token, '[secret]');
  if (error instanceof GrammyError) {
    const { error_code: status, description } = error;
    const seconds = error.parameters.retry_after;
    return new AppError(`Telegram refused: ${text}`, {
      code: codeOf(status, description),
      hint: 'check ORCH_TELEGRAM_BOT_TOKEN and ORCH_TELEGRAM_CHAT_ID (orch doctor)',
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
    hint: 'check ORCH_TELEGRAM_API_URL and the network',
    facts: isUnsent ? { done: 'no' } : {},
  });
}

/** grammY names the type of a polyfill; Node's own signal is what it takes. */
function own(signal: AbortSignal): Parameters<Api['sendMessage']>[3] {
  return signal as unknown as Parameters<Api['sendMessage']>[3];
}

/** A wrong token (401, 404) or a bot that was thrown out (403) is the channel's trouble, not the message's. */
function codeOf(status: number, description: string): string {
  if (EDIT_IS_GONE.test(description)) return 'notifier.gone';
  return status === 400 || status === 413 ? 'notifier.refused' : 'notifier.unreachable';
}
