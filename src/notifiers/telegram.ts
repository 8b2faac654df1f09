import { Api, GrammyError } from 'grammy';
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

/** Sends to one Telegram chat. There is no look-up: after an unknown outcome a message may come twice, and says so. */
export function createTelegramNotifier(options: { token: string; chatId: string; apiUrl: string }): Notifier {
  const api = new Api(options.token, {
    apiRoot: options.apiUrl.replace(/\/+$/, ''),
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const format = { parse_mode: 'HTML', link_preview_options: { is_disabled: true } } as const;
  return {
    channel: `telegram:${options.chatId}`,
    async send(message) {
      try {
        const sent = await api.sendMessage(options.chatId, textOf(message), {
          ...format,
          disable_notification: message.state === 'info',
        });
        return String(sent.message_id);
      } catch (error) {
        throw wrap(error, options.token);
      }
    },
    async edit(ref, message) {
      try {
        await api.editMessageText(options.chatId, Number(ref), textOf(message), format);
      } catch (error) {
        if (error instanceof GrammyError && error.description.includes('message is not modified')) return;
        throw wrap(error, options.token);
      }
    },
  };
}

function textOf(message: NotifierMessage): string {
  const again = message.repeated ? '\n<i>possibly sent twice</i>' : '';
  const detail = message.detail === '' ? '' : `\n${escapeHtml(message.detail.slice(0, MAX_TEXT))}`;
  return `${ICONS[message.state]} <b>${escapeHtml(message.title.slice(0, 300))}</b>${detail}${again}`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function wrap(error: unknown, token: string): AppError {
  const text = messageOf(error).replaceAll(token, '[secret]');
  if (error instanceof GrammyError) {
    const seconds = error.parameters.retry_after;
    return new AppError(`Telegram refused: ${text}`, {
      code: error.error_code === 429 || error.error_code >= 500 ? 'notifier.unreachable' : 'notifier.refused',
      hint: 'check ORCH_TELEGRAM_BOT_TOKEN and ORCH_TELEGRAM_CHAT_ID (orch doctor)',
      facts: { status: error.error_code, ...(seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }) },
    });
  }
  return new AppError(`Telegram cannot be reached: ${text}`, {
    code: 'notifier.unreachable',
    hint: 'check ORCH_TELEGRAM_API_URL and the network',
  });
}
