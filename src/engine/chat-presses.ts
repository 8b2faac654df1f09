import { actionOf, BUTTON_MS, isSingleUse, parseButton } from '../core/incident-buttons.ts';
import { aboutOf } from '../core/matter.ts';
import type { Ticket } from '../core/talk.ts';
import type { ChatUpdate } from '../notifiers/notifier.ts';
import {
  type Asked,
  type ChatParts,
  confirmButtons,
  denied,
  openApproval,
  refusalOf,
  STALE,
} from './chat-acts.ts';
import { newTicket } from './desk.ts';

const HOUR_MS = 60 * 60_000;

type Press = Extract<ChatUpdate, { kind: 'press' }>;

/** What a press does, and the few words that answer it. Safe to repeat with the same mark. */
export function createPresses(parts: ChatParts) {
  const { store, clock, words } = parts;
  const { talk } = store;

  async function ticketOf({ data, ref }: Press, channel: string): Promise<Ticket | null> {
    const button = parseButton(data);
    const ticket = button === null ? null : await talk.ticket(button.nonce);
    if (button === null || ticket === null) return null;
    const isAtHome = ticket.channel === channel && (ticket.messageRef ?? ref) === ref;
    return isAtHome && ticket.action === button.action ? ticket : null;
  }

  /** The buttons that the message had before the second step. */
  async function back(ticket: Ticket, asked: Asked): Promise<void> {
    const matter = await talk.matter(ticket.matter);
    const notifier = parts.runtime().notifiers.find(({ channel }) => channel === asked.chat.channel);
    if (
      matter === null ||
      notifier === undefined ||
      (await talk.told(asked.chat.channel, matter.key))?.messageRef !== asked.ref
    )
      return asked.setButtons(asked.ref, []);
    asked.setButtons(asked.ref, await parts.desk.buttonsFor(notifier, matter, asked.ref));
  }

  async function act(ticket: Ticket, asked: Asked): Promise<string> {
    const { about, commit } = ticket;
    const { actor, person, chat, ref } = asked;
    const button = parseButton(`1:${ticket.action}:${ticket.nonce}`)?.action;
    switch (button) {
      case undefined:
        return STALE;
      case 'approve': {
        const matter = await openApproval(store, ticket);
        if (matter === null) return STALE;
        const stage = matter.key.split(':').at(-1) ?? '';
        const { buttons, nonces } = await confirmButtons(parts, chat, ticket, stage);
        await talk.bind(nonces, ref);
        asked.setButtons(ref, buttons);
        return 'Confirm within a minute';
      }
      case 'confirm':
        if ((await openApproval(store, ticket)) === null && !(await talk.wasDone(actor.once))) return STALE;
        await parts.decisions.approve(about, commit, actor);
        asked.setButtons(ref, []);
        return `Approved by ${person.name}`;
      case 'back':
        await back(ticket, asked);
        return '';
      case 'reject': {
        if ((await openApproval(store, ticket)) === null) return STALE;
        const reason = {
          ...newTicket(chat.channel, 'reason', clock() + BUTTON_MS),
          matter: ticket.matter,
          about,
          commit,
        };
        await talk.issue([reason]);
        asked.say(
          {
            ...{
              title: `Why is ${about} rejected?`,
              detail: `Reply to this message, ${person.name}: the reason goes to the agent.`,
            },
            ...{ replyTo: ref, asksReply: true },
          },
          (said) => talk.bind([reason.nonce], said),
        );
        return 'Reply with the reason';
      }
      case 'retry':
        await parts.decisions.retry(about, { note: null, fromStage: null, account: null }, actor);
        asked.setButtons(ref, []);
        return `Retried by ${person.name}`;
      case 'check': {
        const matter = await talk.matter(ticket.matter);
        if (matter !== null && aboutOf(matter)?.kind === 'destination')
          await parts.letters.retry({ destination: about }, actor);
        else await parts.checkAccount(about);
        return `Checking ${about}`;
      }
      case 'mute':
        await talk.mute(chat.channel, ticket.matter, clock() + HOUR_MS);
        await store.audit({ ...actor, action: 'mute', target: ticket.matter, at: clock() });
        return 'Muted for 1 h';
      case 'why': {
        const matter = await talk.matter(ticket.matter);
        const kind = matter === null ? null : aboutOf(matter)?.kind;
        const said =
          kind === 'account'
            ? words.whyAccount(about)
            : words.why(kind === 'task' || kind === 'job' ? about : null);
        asked.say({ ...(await said), replyTo: ref });
        return '';
      }
      case 'log':
        asked.say({ ...(await words.log(about)), replyTo: ref });
        return '';
      case 'diff':
        asked.say({ ...(await words.diff(about)), replyTo: ref });
        return '';
    }
  }

  /** Whoever presses is known and may: else nothing is done. */
  return async function press(update: Press, asked: Asked): Promise<string> {
    const ticket = await ticketOf(update, asked.chat.channel);
    const button = ticket === null ? null : parseButton(update.data);
    if (ticket === null || button === null) return STALE;
    const no = denied(asked.person, actionOf(button.action));
    if (no !== null) return no;
    const wasDone = await talk.wasDone(asked.actor.once);
    if (ticket.expiresAt <= clock()) {
      if (button.action === 'confirm' || button.action === 'back') await back(ticket, asked);
      return button.action === 'confirm' ? 'Too late: press Approve… again' : STALE;
    }
    if (isSingleUse(button.action) && ticket.uses > 0 && !wasDone) return STALE;
    try {
      const text = await act(ticket, asked);
      await talk.used(ticket.nonce);
      return text;
    } catch (error) {
      return refusalOf(error);
    }
  };
}
