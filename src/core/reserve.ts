import type { SeenWindow } from './model.ts';

const HOUR_MS = 60 * 60 * 1000;

/** Shares (0 to 1) of the plan's windows that are kept for people now. */
export interface ReserveNow {
  readonly fiveHour: number | null;
  readonly sevenDay: number | null;
  /** When the hours end in which they are kept; null = never. */
  readonly until: number | null;
}

export interface Reserved {
  readonly detail: string;
  /** When the window resets or the hours end; null when neither is known. */
  readonly clearsAt: number | null;
}

/**
 * What keeps agents off an account for the sake of people: a window of which no more than the kept share is
 * left. What is not known never blocks: no utilisation, one older than its window, a window that has reset.
 */
export function reservedBy(
  windows: readonly SeenWindow[],
  reserve: ReserveNow,
  now: number,
): Reserved | null {
  const closed = [
    { name: 'five_hour', share: reserve.fiveHour, lengthMs: 5 * HOUR_MS },
    { name: 'seven_day', share: reserve.sevenDay, lengthMs: 7 * 24 * HOUR_MS },
  ].flatMap(({ name, share, lengthMs }) => {
    const window = windows.find((each) => each.name === name);
    if (share === null || share === 0 || window === undefined || window.utilization === null) return [];
    const endsAt = window.resetAt ?? window.seenAt + lengthMs;
    // Rounded, as 1 - 0.4 is not 0.6 to a computer.
    const isLeft = Math.round((1 - window.utilization) * 1e6) > Math.round(share * 1e6);
    return now >= endsAt || isLeft ? [] : [{ name, share, used: window.utilization, endsAt }];
  });
  const [first] = closed;
  if (first === undefined) return null;
  const resetsAt = Math.max(...closed.map(({ endsAt }) => endsAt));
  return {
    detail: `${first.name} is used to ${percent(first.used)}, and ${percent(first.share)} of it is kept for people`,
    clearsAt: Math.min(resetsAt, reserve.until ?? resetsAt),
  };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
