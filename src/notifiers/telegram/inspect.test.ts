import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeTelegram, startTelegram } from '../../../test/fakes/telegram.ts';
import { inspectTelegram } from './inspect.ts';

let telegram: FakeTelegram;
beforeEach(async () => {
  telegram = await startTelegram();
});
afterEach(() => telegram.close());

const look = () => inspectTelegram({ token: '123:fake', chatId: '1', apiUrl: telegram.url });

it('looks at the bot and its chat, and writes nothing to anybody', async () => {
  expect(await look()).toEqual({
    ok: true,
    text: expect.stringMatching(/^@\w+ sees the chat @mara$/),
    fix: null,
  });
  expect([...telegram.chat]).toEqual([]);
});

it('says what is wrong and what helps, without the token', async () => {
  telegram.failAlways({ status: 401, description: 'Unauthorized' });
  const { ok, text, fix } = await look();
  expect([ok, fix]).toEqual([false, expect.stringContaining('@BotFather')]);
  expect(text).not.toContain('123:fake');
});
