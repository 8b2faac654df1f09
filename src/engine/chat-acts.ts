import { AppError, messageOf } from '../core/errors.ts';
import { buttonData, CONFIRM_MS } from '../core/incident-buttons.ts';
import type { Matter } from '../core/matter.ts';
import type { Task } from '../core/model.ts';
import { type Action, mayDo } from '../core/roles.ts';
import type { Ticket } from '../core/talk.ts';
import type { Clock } from '../lib/clock.ts';
import type { Button, Chat, Words } from '../notifiers/notifier.ts';
import type { Store } from '../store/store.ts';
import type { ChatPeople, ChatUser } from './chat-people.ts';
import type { createChatWords } from './chat-words.ts';
import type { createDecisions } from './decisions.ts';
import type { Desk } from './desk.ts';
import { newTicket } from './desk.ts';
import type { Actor } from './intake.ts';
import type { createLetters } from './letters.ts';
import type { Runtime } from './runtime.ts';

export const STALE = 'This changed since the message';

/** What the chat may have done: the doors that other surfaces use too. */
export interface ChatParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly people: ChatPeople;
  readonly desk: Desk;
  readonly words: ReturnType<typeof createChatWords>;
  readonly decisions: ReturnType<typeof createDecisions>;
  readonly letters: ReturnType<typeof createLetters>;
  readonly runtime: () => Runtime;
  readonly checkAccount: (id: string) => Promise<void>;
  readonly pause: (forMs: number | null, note: string, actor: Actor) => Promise<unknown>;
  readonly resume: (actor: Actor) => Promise<boolean>;
  readonly endRuns: () => Promise<number>;
  /** How large the change of a task is and what its checks said; empty when nothing is known. */
  readonly sizeOf: (task: Task) => Promise<string>;
}

/** One thing that somebody asked for: who, where, and the mark that keeps it from being done twice. */
export interface Asked {
  readonly chat: Chat;
  readonly person: ChatUser;
  readonly actor: Actor & { readonly once: string };
  /** Message that it was asked with. */
  readonly ref: string;
  /** Says something in the chat, in its turn. */
  readonly say: (words: Words, then?: (ref: string) => Promise<void>) => void;
  readonly setButtons: (ref: string, buttons: readonly (readonly Button[])[]) => void;
}

export function denied(person: ChatUser, action: Action): string | null {
  return mayDo(person.role, action) ? null : `Needs more than a ${person.role}: ${action}`;
}

/** Codes of "it is not so any more": somebody else was faster, or a new commit came. */
const GONE =
  /^(?:approval\.(?:stale|none)|question\.none|job\.(?:done|running|superseded)|task\.ended|not_found)$/;

export function refusalOf(error: unknown): string {
  if (!(error instanceof AppError)) throw error;
  if (GONE.test(error.code)) return STALE;
  return `${messageOf(error)}${error.hint === undefined ? '' : ` (${error.hint})`}`;
}

/** Buttons of the second step; they count for a minute. */
export async function confirmButtons(
  { store, clock }: Pick<ChatParts, 'store' | 'clock'>,
  chat: Chat,
  of: Pick<Ticket, 'matter' | 'about' | 'commit'>,
  stage: string,
): Promise<{ buttons: Button[][]; nonces: string[] }> {
  const { matter, about, commit } = of;
  const tickets = (['confirm', 'back'] as const).map((action) => ({
    ...newTicket(chat.channel, action, clock() + CONFIRM_MS),
    ...{ matter, about, commit },
  }));
  await store.talk.issue(tickets);
  const [confirm, back] = tickets.map(({ nonce }) => nonce);
  return {
    buttons: [
      [
        {
          label: `Confirm: ${about} → ${stage}`.slice(0, 60).toWellFormed(),
          data: buttonData('confirm', confirm ?? ''),
        },
        { label: 'Back', data: buttonData('back', back ?? '') },
      ],
    ],
    nonces: tickets.map(({ nonce }) => nonce),
  };
}

/** The approval that a message asks for, as it stands; null when it is not asked for any more. */
export async function openApproval(
  store: Store,
  of: Pick<Ticket, 'matter' | 'about' | 'commit'>,
): Promise<Matter | null> {
  const [matter, task] = await Promise.all([store.talk.matter(of.matter), store.task(of.about)]);
  const isOpen = matter?.state === 'open' && matter.commit === of.commit && task?.head === of.commit;
  return isOpen ? matter : null;
}
