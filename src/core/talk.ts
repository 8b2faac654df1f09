import type { NewOutboxRow } from './effects.ts';
import type { Told } from './incident-plan.ts';
import type { Matter } from './matter.ts';

/** What is remembered of what people were told, and of what they may answer. Each method is one transaction. */
export interface TalkStore {
  matter(key: string): Promise<Matter | null>;
  /** Writes a matter and has its channels look at it. A row that is older than the last one changes nothing. */
  saveMatter(matter: Matter, rows: readonly NewOutboxRow[]): Promise<void>;
  /** Open matters changed since an instant that a channel was not told of, oldest first. */
  untold(channel: string, since: number, limit: number): Promise<readonly Matter[]>;

  told(channel: string, key: string): Promise<ToldRow | null>;
  /** What shares one message, in the order in which it came. */
  toldIn(channel: string, messageRef: string): Promise<readonly ToldRow[]>;
  saveTold(rows: readonly ToldRow[]): Promise<void>;
  /** Messages of a single incident each that were sent since an instant. */
  sentSince(channel: string, since: number): Promise<number>;

  issue(tickets: readonly Ticket[]): Promise<void>;
  /** The buttons belong to this message from now on. */
  bind(nonces: readonly string[], messageRef: string): Promise<void>;
  ticket(nonce: string): Promise<Ticket | null>;
  /** The latest ticket of an action at a message; null when there is none. */
  ticketAt(channel: string, messageRef: string, action: string): Promise<Ticket | null>;
  /** Counts a press. */
  used(nonce: string): Promise<void>;

  /** Scopes are a matter's key, `project:<key>` or `all`; until an instant. */
  mute(channel: string, scope: string, until: number): Promise<void>;
  /** When the last mute of any of these scopes ends; null when none is in force. */
  mutedUntil(channel: string, scopes: readonly string[], now: number): Promise<number | null>;

  /** A code that links whoever says it next to a user; it replaces the user's last one. */
  putLinkCode(code: string, userId: number, expiresAt: number): Promise<void>;
  /** Links a person of a channel to the code's user, once; null when there is no such live code. */
  takeLinkCode(code: string, channel: string, externalId: string, now: number): Promise<number | null>;
  /** The user that a person of a channel is; null when not linked. */
  linkOf(channel: string, externalId: string): Promise<number | null>;

  /** Whether a command with this mark was carried out: what comes twice is done once. */
  wasDone(once: string): Promise<boolean>;
}

export interface ToldRow extends Told {
  readonly key: string;
  readonly channel: string;
  readonly updatedAt: number;
}

/** What one button means; its nonce alone goes to the chat. */
export interface Ticket {
  /** 10 characters, not to be guessed. */
  readonly nonce: string;
  readonly channel: string;
  readonly action: string;
  /** Key of the matter it stands at; empty when at none. */
  readonly matter: string;
  /** What it acts on, such as a task's key. */
  readonly about: string;
  /** Head it was shown for; null when it is about no commit. */
  readonly commit: string | null;
  /** Null until its message was sent. */
  readonly messageRef: string | null;
  readonly expiresAt: number;
  readonly uses: number;
}
