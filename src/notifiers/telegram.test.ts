import { describe, expect, it, onTestFinished } from 'vitest';
import { startTelegram, type TelegramFault } from '../../test/fakes/telegram.ts';
import { failureOf } from '../core/delivery.ts';
import { notifierContract } from './notifier.contract.ts';
import { createTelegramNotifier } from './telegram.ts';

const TOKEN = '123:SECRET';
const FAULTS: Record<'for_ever' | 'not_now' | 'wait_7_s' | 'message_gone', TelegramFault> = {
  for_ever: { status: 400, description: 'Bad Request: chat not found' },
  not_now: { status: 502 },
  wait_7_s: { status: 429, retryAfter: 7 },
  message_gone: { status: 400, description: 'Bad Request: message to edit not found' },
};

notifierContract('telegram', async () => {
  const telegram = await startTelegram();
  return {
    notifier: createTelegramNotifier({ token: TOKEN, chatId: '1', apiUrl: telegram.url }),
    hasLookUp: false,
    seen: () => [...telegram.chat.values()],
    loseNext: () => telegram.fail('drop'),
    refuseNext: (trouble) => telegram.fail(FAULTS[trouble]),
    unplug: telegram.close,
    secret: TOKEN,
    discard: telegram.close,
  };
});

describe('telegram', () => {
  const open = async () => {
    const telegram = await startTelegram();
    onTestFinished(telegram.close);
    return {
      telegram,
      notifier: createTelegramNotifier({ token: TOKEN, chatId: '1', apiUrl: telegram.url }),
    };
  };
  const message = { title: 't', detail: '', state: 'info' } as const;
  const failure = (act: Promise<unknown>) => act.then(() => null, failureOf);

  it('waits for a person to mend a wrong token or a bot that was thrown out, and loses nothing', async () => {
    const { telegram, notifier } = await open();
    for (const status of [401, 403, 404]) {
      telegram.fail({ status });
      const by = { key: 'k', again: false, signal: new AbortController().signal };
      expect(await failure(notifier.send(message, by))).toMatchObject({ kind: 'unreachable', done: 'no' });
    }
  });

  it('ends a call that hangs when its delivery is given up, and does not know whether it was sent', async () => {
    const { telegram, notifier } = await open();
    telegram.fail('hang');
    const by = { key: 'k', again: false, signal: AbortSignal.timeout(100) };
    expect(await failure(notifier.send(message, by))).toMatchObject({ kind: 'unreachable', done: 'unknown' });
  });

  it('takes an edit that changes nothing for done', async () => {
    const { telegram, notifier } = await open();
    telegram.fail({ status: 400, description: 'Bad Request: message is not modified' });
    await notifier.edit('1', message, { key: 'k', again: true, signal: new AbortController().signal });
  });
});
