import type { Delivery } from '../core/delivery.ts';
import type { NotifyEvent } from '../core/matter.ts';

/**
 * Tells people. Errors are AppError:
 * - `notifier.refused`: the message itself will never be taken (400). Nothing was sent.
 * - `notifier.gone`: the message that was to be edited is not there any more.
 * - `notifier.unreachable`: no answer, or one that may change (a wrong token, a bot that was blocked, 429, 5xx).
 *   Facts as at `Tracker`: `done: 'no'` when certainly nothing was sent, `retryAfterMs`.
 */
export interface Notifier {
  /** Kind and address, e.g. `telegram:1234`; names the channel an incident's message lives on. */
  readonly channel: string;
  /** People can press buttons there. */
  readonly hasButtons: boolean;
  /** Milliseconds until the channel takes the next call; 0 = now. */
  readonly waitMs: () => number;
  /**
   * Sends a message and returns a reference for later edits. A channel with a look-up sends once per key; one
   * without sends at least once, and what is sent `again` says that it possibly came before.
   */
  send(message: NotifierMessage, by: Delivery): Promise<string>;
  /** Gives an earlier message another text. Safe to repeat: unchanged text is not an error. */
  edit(ref: string, message: NotifierMessage, by: Delivery): Promise<void>;
}

export interface NotifierMessage {
  readonly title: string;
  readonly detail: string;
  readonly state: 'needs_you' | 'failed' | 'resolved' | 'info';
  /** What it is about, the same in every message of one incident. */
  readonly incident: string;
  readonly event: NotifyEvent;
  readonly project: string | null;
  readonly change: 'opened' | 'changed' | 'resolved';
  readonly urgent: boolean;
  /** When what it tells of came to be, epoch milliseconds. */
  readonly at: number;
  /** It makes no sound. */
  readonly silent: boolean;
  readonly buttons: readonly (readonly Button[])[];
  /** Message that it belongs to; null = none. */
  readonly replyTo: string | null;
}

/** Pressed, it gives its data back, or opens an address. */
export type Button =
  | { readonly label: string; readonly data: string }
  | { readonly label: string; readonly url: string };

/**
 * The other direction: what people write and press in the same chat. Errors as at `Notifier`; a second reader of
 * the same bot is `chat.taken`.
 */
export interface Chat {
  readonly channel: string;
  /**
   * What came after an update, oldest first; waits a while for it. Everybody else's are there too, as `ignored`,
   * so that they count as read. One that was returned comes again until a later one is asked for.
   */
  updates(after: number | null, signal: AbortSignal): Promise<readonly ChatUpdate[]>;
  /** Ends the spinning of a button. Too late is no error. */
  answerPress(pressId: string, text: string, signal: AbortSignal): Promise<void>;
  /** Says something, in as many messages as it takes; the reference of the last one. */
  say(words: Words, signal: AbortSignal): Promise<string>;
  /** Gives a message other buttons. */
  setButtons(ref: string, buttons: readonly (readonly Button[])[], signal: AbortSignal): Promise<void>;
}

export interface Words {
  readonly title: string;
  readonly detail: string;
  /** Shown in a fixed width. */
  readonly code?: string;
  /** Message that it answers; null = none. */
  readonly replyTo: string | null;
  /** The person is asked to reply to it. */
  readonly asksReply?: boolean;
  readonly buttons?: readonly (readonly Button[])[];
}

export type ChatUpdate = {
  readonly id: number;
} & (
  | { readonly kind: 'ignored' }
  | {
      readonly kind: 'text';
      readonly from: ChatPerson;
      readonly text: string;
      readonly ref: string;
      /** Message that it is a reply to. */
      readonly replyTo: string | null;
    }
  | {
      readonly kind: 'press';
      readonly from: ChatPerson;
      readonly pressId: string;
      readonly data: string;
      /** Message that the button stands under. */
      readonly ref: string;
    }
);

export interface ChatPerson {
  readonly id: string;
  /** As they call themselves: shown, never a permission. */
  readonly name: string;
}

/** `telegram` of `telegram:1234`: what rules and lanes are named after. */
export function kindOf({ channel }: Pick<Notifier, 'channel'>): string {
  return channel.slice(0, channel.indexOf(':'));
}
