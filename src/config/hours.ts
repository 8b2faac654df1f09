/** A weekly span such as `Mon-Fri 08-18`, in the machine's local time. */
export interface WeeklyHours {
  /** Days on which the span starts: 0 = Sunday ... 6 = Saturday. */
  readonly days: readonly number[];
  readonly fromMinute: number;
  /** Smaller than `fromMinute` when the span ends on the next day. */
  readonly toMinute: number;
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const CLOCK = /^(\d{1,2})(?::(\d{2}))?$/;

/** Reads `Mon-Fri 08-18`, `Sat,Sun 10:30-16` or `22-07` (every day); null when it is none of these. */
export function parseHours(text: string): WeeklyHours | null {
  const words = text.trim().split(/\s+/);
  const span = words.pop() ?? '';
  if (words.length > 1) return null;
  const days = words[0] === undefined ? [0, 1, 2, 3, 4, 5, 6] : parseDays(words[0]);
  const [from, to, ...rest] = span.split('-').map(parseClock);
  if (days === null || rest.length > 0) return null;
  if (typeof from !== 'number' || typeof to !== 'number' || from === to) return null;
  return { days, fromMinute: from, toMinute: to };
}

/** The span in the spelling that `parseHours` reads. */
export function formatHours({ days, fromMinute, toMinute }: WeeklyHours): string {
  const span = `${formatClock(fromMinute)}-${formatClock(toMinute)}`;
  const names = days.map((day) => (DAYS[day] ?? '').replace(/^./, (first) => first.toUpperCase()));
  return days.length === DAYS.length ? span : `${names.join(',')} ${span}`;
}

/** A span that goes over into the next one each day for a week has no end worth telling. */
const MAX_JOINED_SPANS = 8;

/**
 * Whether an instant lies in the span, by this machine's clock; and when the span ends, those that follow it
 * without a gap included (null = it goes on and on). Null when it lies outside.
 */
export function hoursAt(hours: WeeklyHours, now: number): { readonly until: number | null } | null {
  let until = endOfSpan(hours, now);
  if (until === null) return null;
  for (let joined = 0; joined < MAX_JOINED_SPANS; joined += 1) {
    const next = endOfSpan(hours, until);
    if (next === null) return { until };
    until = next;
  }
  return { until: null };
}

/** End of the span that an instant lies in: one that began today, or the day before and goes past midnight. */
function endOfSpan({ days, fromMinute, toMinute }: WeeklyHours, now: number): number | null {
  const date = new Date(now);
  const at = (day: number, minute: number) =>
    new Date(date.getFullYear(), date.getMonth(), date.getDate() + day, 0, minute);
  for (const day of [0, -1]) {
    const end = at(toMinute > fromMinute ? day : day + 1, toMinute).getTime();
    const start = at(day, fromMinute);
    if (days.includes(at(day, 0).getDay()) && start.getTime() <= now && now < end) return end;
  }
  return null;
}

function formatClock(minute: number): string {
  const pad = (part: number) => String(part).padStart(2, '0');
  return minute % 60 === 0 ? pad(minute / 60) : `${pad(Math.floor(minute / 60))}:${pad(minute % 60)}`;
}

function parseDays(text: string): number[] | null {
  const days = new Set<number>();
  for (const part of text.toLowerCase().split(',')) {
    const [first, last, ...rest] = part.split('-').map((name) => DAYS.indexOf(name));
    if (first === undefined || first < 0 || last === -1 || rest.length > 0) return null;
    const count = (((last ?? first) - first + 7) % 7) + 1;
    for (let i = 0; i < count; i += 1) days.add((first + i) % 7);
  }
  return [...days].sort((a, b) => a - b);
}

function parseClock(text: string): number | null {
  const match = CLOCK.exec(text);
  if (match === null) return null;
  const minutes = Number(match[1]) * 60 + Number(match[2] ?? 0);
  return Number(match[2] ?? 0) < 60 && minutes <= 24 * 60 ? minutes : null;
}
