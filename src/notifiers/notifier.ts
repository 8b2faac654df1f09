import type { Delivery } from '../core/delivery.ts';

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
}
