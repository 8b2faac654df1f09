import { setTimeout as sleep } from 'node:timers/promises';
import { failureOf } from '../core/delivery.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Chat, ChatUpdate } from '../notifiers/notifier.ts';
import type { Asked, ChatParts } from './chat-acts.ts';
import { createCommands, HELP } from './chat-commands.ts';
import { createPresses } from './chat-presses.ts';

const RETRY_MS = { least: 1000, most: 60_000 };
/** A press is answered within 2 s, whatever it does. */
const ANSWER_MS = 1200;
/** Words that wait for their turn; those beyond are left out. */
const MAX_WAITING = 50;
const MAX_TRIES = 5;
const NOT_LINKED =
  'You are not linked. Ask an admin for a code (orch users link NAME), then write /link CODE';

type Person = NonNullable<Awaited<ReturnType<ChatParts['people']['of']>>>;

/**
 * Hears what people write and press, from one reader per chat. An update counts as read only after what it asked
 * for was done; one that comes again after a crash is done once.
 */
export function createChats(parts: ChatParts & { readonly log: Logger }) {
  const { store, people, log } = parts;
  const press = createPresses(parts);
  const commands = createCommands(parts);
  let stopping = new AbortController();
  let listening: Promise<unknown> = Promise.resolve();
  const problems = new Map<string, string>();

  async function listen(chat: Chat, signal: AbortSignal): Promise<void> {
    const mark = `chat:${chat.channel}:read`;
    const kept = await store.meta(mark);
    let after = kept === null ? null : Number(kept);
    const out = createVoice(chat, signal, log);
    for (let failures = 0; !signal.aborted; ) {
      try {
        const updates = await chat.updates(after, signal);
        if (problems.delete(chat.channel)) log.info({ channel: chat.channel }, 'the chat is heard again');
        failures = 0;
        await Promise.all(updates.map((update) => handled(chat, update, out, signal)));
        const last = updates.at(-1);
        if (last === undefined || signal.aborted) continue;
        after = last.id;
        await store.setMeta(mark, String(after));
      } catch (error) {
        if (signal.aborted) break;
        const hint = error instanceof AppError && error.hint !== undefined ? ` (${error.hint})` : '';
        const problem = `${messageOf(error)}${hint}`;
        if (problems.get(chat.channel) !== problem)
          log.warn({ channel: chat.channel, problem }, 'the chat is not heard');
        problems.set(chat.channel, problem);
        const failure = failureOf(error);
        const stated = failure.kind === 'unreachable' ? (failure.retryAfterMs ?? 0) : 0;
        const delay = Math.min(RETRY_MS.most, RETRY_MS.least * 2 ** failures++);
        await sleep(Math.max(stated, delay), undefined, { signal }).catch(() => undefined);
      }
    }
    await out.end();
  }

  /** One update; its trouble stops no other. */
  async function handled(chat: Chat, update: ChatUpdate, out: Voice, signal: AbortSignal): Promise<void> {
    try {
      if (update.kind === 'press') await pressed(chat, update, out, signal);
      if (update.kind === 'text') await written(chat, update, out);
    } catch (error) {
      log.error(
        { update: update.id, error: error instanceof Error ? error.stack : String(error) },
        'update failed',
      );
    }
  }

  async function pressed(
    chat: Chat,
    update: Extract<ChatUpdate, { kind: 'press' }>,
    out: Voice,
    signal: AbortSignal,
  ): Promise<void> {
    const person = await people.of(chat.channel, update.from.id);
    if (person === null) return chat.answerPress(update.pressId, NOT_LINKED, signal);
    const work = press(update, askedBy(person, chat, update, out)).catch((error: unknown) => {
      log.error({ update: update.id, error: messageOf(error) }, 'press failed');
      return 'That did not work: look at the log of the service';
    });
    const text = await Promise.race([work, sleep(ANSWER_MS, null, { ref: false })]);
    // An answer that gets lost must not keep the press from counting.
    await chat
      .answerPress(update.pressId, text ?? 'Requested', signal)
      .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'press not answered'));
    if (text === null) out.say({ title: await work, detail: '', replyTo: update.ref });
  }

  async function written(
    chat: Chat,
    update: Extract<ChatUpdate, { kind: 'text' }>,
    out: Voice,
  ): Promise<void> {
    const command = commands.parse(update.text);
    const say = (title: string, detail = '') => out.say({ title, detail, replyTo: update.ref });
    if (command?.name === 'link') {
      const linked = await people.link(chat.channel, update.from.id, command.args[0] ?? '');
      if (linked === 'ignored') return;
      return linked === 'wrong'
        ? say('That code is not right, or too old')
        : say(`You are ${linked.name}, ${linked.role}`, 'Write /help for what you can do.');
    }
    const person = await people.of(chat.channel, update.from.id);
    if (command?.name === 'help' || command?.name === 'start')
      return out.say({ ...HELP, ...(person === null ? { detail: NOT_LINKED } : {}), replyTo: update.ref });
    if (person === null) return command === null ? undefined : say(NOT_LINKED);
    const answer = await commands.text(update, askedBy(person, chat, update, out));
    if (answer !== null) out.say({ ...answer, replyTo: update.ref });
  }

  function askedBy(
    person: Person,
    chat: Chat,
    update: { readonly id: number; readonly ref: string },
    out: Voice,
  ): Asked {
    return {
      ...{ chat, person, ref: update.ref, say: out.say, setButtons: out.setButtons },
      actor: { by: person.name, surface: 'telegram', once: `${chat.channel}:${update.id}` },
    };
  }

  function start(): void {
    const { signal } = stopping;
    const chats = parts.runtime().chats ?? [];
    listening = Promise.all(
      chats.map((chat) =>
        listen(chat, signal).catch((error: unknown) => log.error({ error: messageOf(error) }, 'chat ended')),
      ),
    );
  }

  async function stop(): Promise<void> {
    stopping.abort();
    await listening;
  }

  return {
    start,
    stop,
    /** After a change of the configuration: other chats may be listed. */
    async restart(): Promise<void> {
      await stop();
      stopping = new AbortController();
      start();
    },
    /** Why a chat is not heard, by channel. */
    problems: (): { readonly channel: string; readonly problem: string }[] =>
      [...problems].map(([channel, problem]) => ({ channel, problem })),
  };
}

type Voice = ReturnType<typeof createVoice>;

/** What is said in a chat, one after the other, at its pace. What cannot be said is left out: people ask again. */
function createVoice(chat: Chat, signal: AbortSignal, log: Logger) {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  function inTurn(work: () => Promise<void>): void {
    if (waiting >= MAX_WAITING) return;
    waiting++;
    last = last.then(() => tried(work)).finally(() => waiting--);
  }

  async function tried(work: () => Promise<void>): Promise<void> {
    for (let tries = 1; !signal.aborted; tries++)
      try {
        return await work();
      } catch (error) {
        const failure = failureOf(error);
        const again = failure.kind === 'unreachable' && failure.done === 'no' && tries < MAX_TRIES;
        if (!again) return log.warn({ error: messageOf(error) }, 'not said in the chat');
        await sleep(failure.retryAfterMs ?? RETRY_MS.least, undefined, { signal }).catch(() => undefined);
      }
  }

  return {
    say: ((words, then) => {
      inTurn(async () => {
        const ref = await chat.say(words, signal);
        await then?.(ref);
      });
    }) as Asked['say'],
    setButtons: ((ref, buttons) =>
      inTurn(() => chat.setButtons(ref, buttons, signal))) as Asked['setButtons'],
    end: () => last,
  };
}
