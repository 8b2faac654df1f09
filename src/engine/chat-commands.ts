import { aboutOf } from '../core/matter.ts';
import type { Action } from '../core/roles.ts';
import { parseDuration } from '../lib/duration.ts';
import type { ChatUpdate } from '../notifiers/notifier.ts';
import { type Asked, type ChatParts, confirmButtons, denied, refusalOf, STALE } from './chat-acts.ts';
import type { Said } from './chat-words.ts';

type Text = Extract<ChatUpdate, { kind: 'text' }>;

const HOUR_MS = 60 * 60_000;

export const HELP: Said = {
  title: 'Orch',
  detail: [
    '/status  is work flowing',
    '/why [KEY]  why nothing runs, or why one waits',
    '/queue  what is next',
    '/task KEY, /log KEY  one task, the end of its log',
    '/brief [8h]  what happened since you last looked',
    '/approve KEY, /reject KEY REASON, /answer KEY TEXT',
    '/retry KEY, /cancel KEY',
    '/pause [2h], /resume, /stop  dispatch; /stop ends live runs too',
    '/mute 1h, /mute PROJECT [2h], /mute off',
    '/link CODE  who you are (orch users link NAME prints a code)',
  ].join('\n'),
};

interface Command {
  readonly action: Action;
  /** How it is written, when it was not. */
  readonly usage?: string;
  readonly needs?: number;
  run(args: readonly string[], rest: string, asked: Asked): Promise<Said | null>;
}

const said = (title: string, detail = ''): Said => ({ title, detail });

/** What people write: commands, and replies to what Orch asked. */
export function createCommands(parts: ChatParts) {
  const { store, clock, words, decisions } = parts;
  const { talk } = store;

  const commands: Readonly<Record<string, Command>> = {
    status: { action: 'read', run: () => words.status() },
    why: { action: 'read', run: ([key]) => words.why(key ?? null) },
    queue: { action: 'read', run: () => words.queue() },
    task: { action: 'read', needs: 1, usage: '/task KEY', run: ([key = '']) => words.task(key) },
    log: { action: 'read', needs: 1, usage: '/log KEY', run: ([key = '']) => words.log(key) },
    brief: {
      action: 'read',
      async run([since], _rest, { person }) {
        const ms = since === undefined ? null : parseDuration(since);
        return since !== undefined && ms === null
          ? said('Write /brief or /brief 8h')
          : words.brief(person.name, ms);
      },
    },
    pause: {
      action: 'pause',
      async run([time], _rest, { actor }) {
        const ms = time === undefined ? null : parseDuration(time);
        if (time !== undefined && ms === null) return said('Write /pause or /pause 2h');
        await parts.pause(ms, '', actor);
        return said(`Dispatch is paused${time === undefined ? '' : ` for ${time}`}`, 'Live runs go on.');
      },
    },
    resume: {
      action: 'resume',
      run: async (_args, _rest, { actor }) =>
        said((await parts.resume(actor)) ? 'Dispatch goes on' : 'Dispatch was not paused'),
    },
    stop: {
      action: 'stop',
      async run(_args, _rest, { actor }) {
        await parts.pause(null, 'stopped', actor);
        const ended = await parts.endRuns();
        return said(
          'Stopped',
          `${ended} live ${ended === 1 ? 'run was' : 'runs were'} ended, their work is kept. /resume lets it go on.`,
        );
      },
    },
    retry: {
      ...{ action: 'retry', needs: 1, usage: '/retry KEY' },
      async run([key = ''], _rest, { actor }) {
        await decisions.retry(key, { note: null, fromStage: null, account: null }, actor);
        return said(`${key} is tried again`);
      },
    },
    cancel: {
      ...{ action: 'cancel', needs: 1, usage: '/cancel KEY' },
      async run([key = ''], _rest, { actor }) {
        await decisions.cancel(key, false, actor);
        return said(`${key} is cancelled`, 'Branch and worktree are kept.');
      },
    },
    approve: {
      ...{ action: 'approve', needs: 1, usage: '/approve KEY' },
      run: ([key = ''], _rest, asked) => askApproval(key, asked),
    },
    reject: {
      ...{ action: 'reject', needs: 2, usage: '/reject KEY REASON' },
      async run([key = ''], rest, { actor }) {
        await decisions.reject(key, rest, actor);
        return said(`${key} is rejected`);
      },
    },
    answer: {
      ...{ action: 'answer', needs: 2, usage: '/answer KEY TEXT' },
      async run([key = ''], rest, { actor }) {
        await decisions.answer(key, rest, actor);
        return said(`${key} has its answer`);
      },
    },
    mute: { action: 'mute', needs: 1, usage: '/mute 1h, /mute PROJECT [2h] or /mute off', run: mute },
  };

  /** As the message of an approval, with the second step at once. */
  async function askApproval(key: string, asked: Asked): Promise<Said | null> {
    const task = await store.task(key);
    if (task === null) return said(`There is no ${key.slice(0, 60)}`);
    if (task.reason?.code !== 'approval.pending') return said(`${key} does not wait for an approval`);
    const of = { matter: `approval:${key}:${task.stage}`, about: key, commit: task.head };
    const { buttons, nonces } = await confirmButtons(parts, asked.chat, of, task.stage);
    asked.say(
      {
        ...{
          title: `Approve ${task.stage}? ${key}`,
          detail: `${task.title}\n${[await parts.sizeOf(task), `commit ${task.head?.slice(0, 7) ?? 'none'}`].filter((part) => part !== '').join(' · ')}`,
        },
        ...{ replyTo: asked.ref, buttons },
      },
      (ref) => talk.bind(nonces, ref),
    );
    return null;
  }

  async function mute(args: readonly string[], _rest: string, { chat, actor }: Asked): Promise<Said> {
    const [first = '', second] = args;
    const whole = parseDuration(first);
    const isOff = first === 'off';
    const project = [...parts.runtime().projects.keys()].find(
      (each) => each.toLowerCase() === first.toLowerCase(),
    );
    const ms = isOff ? 0 : whole !== null ? whole : second === undefined ? HOUR_MS : parseDuration(second);
    if (ms === null || (!isOff && whole === null && project === undefined))
      return said('Write /mute 1h, /mute PROJECT [2h] or /mute off');
    const scopes = isOff
      ? ['all', ...[...parts.runtime().projects.keys()].map((each) => `project:${each}`)]
      : [whole === null ? `project:${project}` : 'all'];
    for (const scope of scopes) await talk.mute(chat.channel, scope, clock() + ms);
    await store.audit({ ...actor, action: 'mute', target: args.join(' ').slice(0, 200), at: clock() });
    return isOff
      ? said('Nothing is muted')
      : said(`${project ?? 'Everything'} is muted for ${whole === null ? (second ?? '1h') : first}`);
  }

  /** A reply to a question, or with the reason that was asked for; null when it answers nothing of ours. */
  async function reply(update: Text, asked: Asked): Promise<Said | null> {
    const { channel } = asked.chat;
    const to = update.replyTo ?? '';
    const ticket = await talk.ticketAt(channel, to, 'reason');
    if (ticket !== null) {
      const no = denied(asked.person, 'reject');
      if (no !== null) return said(no);
      const task = await store.task(ticket.about);
      if (task?.head !== ticket.commit && !(await talk.wasDone(asked.actor.once))) return said(STALE);
      await decisions.reject(ticket.about, update.text, asked.actor);
      return said(`${ticket.about} is rejected`);
    }
    const question = (await talk.toldIn(channel, to)).find(({ key }) => key.startsWith('question:'));
    if (question === undefined) return null;
    const no = denied(asked.person, 'answer');
    if (no !== null) return said(no);
    const about = aboutOf(question)?.id ?? '';
    await decisions.answer(about, update.text, asked.actor);
    return said(`${about} has its answer`);
  }

  return {
    parse: parseCommand,
    /** What is said to it; null = nothing. */
    async text(update: Text, asked: Asked): Promise<Said | null> {
      const written = parseCommand(update.text);
      try {
        if (written === null) return update.replyTo === null ? null : await reply(update, asked);
        const command = Object.hasOwn(commands, written.name) ? commands[written.name] : undefined;
        if (command === undefined) return said(`There is no /${written.name.slice(0, 30)}`, HELP.detail);
        const no = denied(asked.person, command.action);
        if (no !== null) return said(no);
        if (written.args.length < (command.needs ?? 0)) return said(`Write ${command.usage}`);
        return await command.run(written.args, written.rest, asked);
      } catch (error) {
        return said(refusalOf(error));
      }
    },
  };
}

/** `/why API-1` and `/why@orch_bot API-1`; null for what is no command. `rest` is all behind the first word. */
function parseCommand(
  text: string,
): { readonly name: string; readonly args: readonly string[]; readonly rest: string } | null {
  const parts = /^\/([A-Za-z_]{1,32})(?:@\w+)?(?:\s+([\s\S]*))?$/.exec(text.trim());
  if (parts === null) return null;
  const all = (parts[2] ?? '').trim();
  const args = all === '' ? [] : all.split(/\s+/);
  return { name: (parts[1] ?? '').toLowerCase(), args, rest: all.slice(args[0]?.length ?? 0).trim() };
}
