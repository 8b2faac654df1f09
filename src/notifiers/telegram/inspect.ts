import { AppError, messageOf } from '../../core/errors.ts';
import { type ApiSignal, createCalls } from './calls.ts';

const LIMIT_MS = 10_000;

/** Whether the bot is one, and sees its chat: looked at without a message to anybody. Never throws. */
export async function inspectTelegram(options: {
  readonly token: string;
  readonly chatId: string;
  readonly apiUrl: string;
}): Promise<{ readonly ok: boolean; readonly text: string; readonly fix: string | null }> {
  const memory = { get: async () => null, set: async () => undefined };
  const calls = createCalls({ ...options, memory, clock: Date.now });
  const signal = AbortSignal.timeout(LIMIT_MS);
  try {
    const bot = await calls.api.getMe(signal as unknown as ApiSignal).catch((error: unknown) => {
      throw calls.wrap(error);
    });
    const chat = await calls.toChat(signal, (id, own) => calls.api.getChat(id, own));
    const name = 'title' in chat ? chat.title : 'username' in chat ? `@${chat.username}` : options.chatId;
    return { ok: true, text: `@${bot.username} sees the chat ${name}`, fix: null };
  } catch (error) {
    return {
      ok: false,
      text: messageOf(error),
      fix: error instanceof AppError ? (error.hint ?? null) : null,
    };
  }
}
