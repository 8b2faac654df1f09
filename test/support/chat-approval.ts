import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { FakeTelegram, TelegramPerson } from '../fakes/telegram.ts';
import { type Installation, waitFor } from './orch.ts';

const PATIENCE_MS = 60_000;

/** The variables of an installation whose people are in this chat. */
export function chatEnvironment(telegram: FakeTelegram): Record<string, string> {
  return {
    ORCH_TELEGRAM_BOT_TOKEN: '123:fake',
    ORCH_TELEGRAM_CHAT_ID: '1',
    ORCH_TELEGRAM_API_URL: telegram.url,
  };
}

/** Makes a user of that role, and the person in the chat that user. */
export function addChatUser(here: Installation, name: string, role: string, person: TelegramPerson): void {
  const db = new Database(join(here.home, 'orch.db'));
  const add = db.prepare('INSERT INTO users(name, role, created_at) VALUES(?, ?, 1) RETURNING id');
  const { id } = add.get(name, role) as { id: number };
  db.prepare('INSERT INTO links VALUES(?, ?, ?, 1)').run('telegram:1', String(person.id), id);
  db.close();
}

/** Two presses under the message that shows this very commit. */
export async function approveInChat(
  telegram: FakeTelegram,
  person: TelegramPerson,
  head: string,
): Promise<void> {
  const hasButton = (words: string, at: number) =>
    telegram.buttons.get(at)?.some(({ text }) => text.startsWith(words)) === true;
  const message = await waitFor(() => {
    const shown = [...telegram.chat].findLast(
      ([at, text]) => text.includes(head.slice(0, 7)) && hasButton('Approve', at),
    );
    return shown?.[0] ?? null;
  }, PATIENCE_MS);
  telegram.press(person, message, 'Approve…');
  await waitFor(() => hasButton('Confirm', message), PATIENCE_MS);
  telegram.press(person, message, 'Confirm');
}
