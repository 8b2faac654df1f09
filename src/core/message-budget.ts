/** Calls that a chat allows: a token bucket each for the second and for the minute. Instants in milliseconds. */
export interface MessageBudget {
  readonly perSecond: number;
  readonly perMinute: number;
}

/** When the calls of the last minute were made, oldest first. */
export type Calls = readonly number[];

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/** How long to wait before the next call; 0 = none. */
export function waitMs(calls: Calls, budget: MessageBudget, now: number): number {
  const wait = (limit: number, windowMs: number): number => {
    const nth = calls.at(-limit);
    return nth === undefined ? 0 : Math.max(0, nth + windowMs - now);
  };
  return Math.max(wait(budget.perSecond, SECOND_MS), wait(budget.perMinute, MINUTE_MS));
}

/** With one more call; those that no longer count are forgotten. */
export function withCall(calls: Calls, now: number): Calls {
  return [...calls.filter((at) => now - at < MINUTE_MS), now];
}
