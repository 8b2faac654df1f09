/** Tells people. Delivery is at least once; an incident's message is edited, not repeated. */
export interface Notifier {
  /** Kind and address, e.g. `telegram:1234`; names the channel an incident's message lives on. */
  readonly channel: string;
  /** Sends a message and returns a reference for later edits. Throws AppError `notifier.*`; `facts.retryAfterMs` when stated. */
  send(message: NotifierMessage): Promise<string>;
  /** Edits an earlier message. Unchanged text is not an error. */
  edit(ref: string, message: NotifierMessage): Promise<void>;
}

export interface NotifierMessage {
  readonly title: string;
  readonly detail: string;
  readonly state: 'needs_you' | 'failed' | 'resolved' | 'info';
  /** True when an earlier copy may have been sent already (the outcome was unknown). */
  readonly repeated: boolean;
}
