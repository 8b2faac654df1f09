import { AppError } from '../core/errors.ts';
import { parseDuration } from '../lib/duration.ts';

const CLOCK = /^([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?$/;

/** `2h` (that long ago), `09:30` (the last time the clock showed it) or an ISO time. Throws `usage.at` for anything else, and for the future. */
export function pastInstant(text: string, now: Date): Date {
  const at = read(text.trim(), now);
  if (at === null || Number.isNaN(at.getTime()))
    throw new AppError(`--at ${text} is not a time`, {
      code: 'usage.at',
      hint: 'such as 2h (ago), 09:30 or 2026-01-31T09:30',
    });
  if (at > now)
    throw new AppError(`--at ${text} is in the future`, {
      code: 'usage.at',
      hint: 'leave --at out for what waits now',
    });
  return at;
}

function read(text: string, now: Date): Date | null {
  const clock = CLOCK.exec(text);
  if (clock !== null) {
    const at = new Date(now);
    at.setHours(Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0), 0);
    if (at > now) at.setDate(at.getDate() - 1);
    return at;
  }
  const agoMs = parseDuration(text);
  if (agoMs !== null) return new Date(now.getTime() - agoMs);
  return /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : null;
}
