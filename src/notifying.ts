import { hoursAt } from './config/hours.ts';
import type { Config, NotifyRules } from './config/types.ts';
import { type ChannelRules, DEFAULT_RULES } from './core/incident-plan.ts';
import type { Runtime } from './engine/runtime.ts';
import type { Clock } from './lib/clock.ts';
import type { Chat, Notifier } from './notifiers/notifier.ts';
import { createWebhookNotifier } from './notifiers/webhook.ts';
import type { Store } from './store/store.ts';

/** Who is told and who is heard, as the configuration has it. */
export async function notifiersOf(
  config: Config,
  store: Pick<Store, 'meta' | 'setMeta'>,
  clock: Clock,
): Promise<Required<Pick<Runtime, 'notifiers' | 'chats' | 'notifyRules' | 'publicUrl'>>> {
  const notifiers: Notifier[] = [];
  const chats: Chat[] = [];
  const { botToken, chatId, apiUrl } = config.telegram;
  const { telegram, webhook } = config.notify;
  if (botToken !== null && chatId !== null) {
    // Its client is large: loaded where there is a chat.
    const { createCalls } = await import('./notifiers/telegram/calls.ts');
    const { createTelegramChat } = await import('./notifiers/telegram/chat.ts');
    const { createTelegramNotifier } = await import('./notifiers/telegram/telegram.ts');
    const calls = createCalls({
      ...{ token: botToken.reveal(), chatId, apiUrl, topic: telegram.topic, clock },
      memory: { get: (key) => store.meta(key), set: (key, value) => store.setMeta(key, value) },
    });
    notifiers.push(createTelegramNotifier(calls, chatId));
    chats.push(createTelegramChat(calls, chatId));
  }
  if (webhook !== null)
    notifiers.push(createWebhookNotifier({ url: webhook.url, secret: webhook.secret.reveal(), clock }));
  const rules = new Map<string, ChannelRules>([['telegram', rulesOf(telegram, true)]]);
  if (webhook !== null) rules.set('webhook', rulesOf(webhook, false));
  return {
    notifiers,
    chats,
    notifyRules: (kind) => rules.get(kind) ?? DEFAULT_RULES,
    publicUrl: config.publicUrl,
  };
}

/** Whether the bot is one and sees its chat, without a message to anybody; null when there is no chat. */
export async function inspectChat({ telegram: { botToken, chatId, apiUrl } }: Config) {
  if (botToken === null || chatId === null) return null;
  const { inspectTelegram } = await import('./notifiers/telegram/inspect.ts');
  return inspectTelegram({ token: botToken.reveal(), chatId, apiUrl });
}

function rulesOf({ events, quietHours, projects }: NotifyRules, bundles: boolean): ChannelRules {
  return {
    ...{ events, projects, bundles },
    quiet: (now) => (quietHours === null ? null : hoursAt(quietHours, now)),
  };
}
