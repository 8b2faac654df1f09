/** One thing that needs a person, put off by one of them. It holds and counts as before; only that person's list is without it. */
export interface Snooze {
  /** Of the reason, with its scope. */
  readonly code: string;
  readonly kind: string;
  readonly id: string;
  readonly at: number;
  readonly until: number;
  /** Jobs it held then. */
  readonly held: number;
}

/** What it is about now. */
export interface Snoozable {
  readonly since: number;
  readonly jobsHeld: number;
}

/** It comes back when its time is over, when it ended and began anew, and when it holds more than it did. */
export function isSnoozed(snooze: Snooze, now: Snoozable, at: number): boolean {
  return at < snooze.until && now.since <= snooze.at && now.jobsHeld <= snooze.held;
}
