import { instantOf, plusDays, type WallClock, wallClockAt, weekdayOf, zoneNamed } from './zoned-time.ts';

/** Clock times are cut to the minute: one that lies this little before the reference is still today's. */
const CUT_OFF_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const MONTH = '(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?';
const WEEKDAY = '(sun|mon|tue|wed|thu|fri|sat)(?:day|sday|nesday|rsday|urday)?';
const CLOCK = '(\\d{1,2})(?::(\\d{2}))?(?::\\d{2})?\\s*([ap])\\.?m\\b\\.?|(\\d{1,2}):(\\d{2})(?::\\d{2})?';
const TIME = `(?:,|\\s|at|by|on)*(?:${CLOCK})`;

const LEAD =
  /(?:resets?|reset (?:at|on|in)|try again|available(?: again)?|regain access|access (?:on|at)|until|retry)\b/i;

export interface ClockReference {
  /** Clock times mean their next occurrence after this. */
  readonly after: number;
  /** The zone the CLI ran in, for times that name none. */
  readonly timeZone: string;
}

/** Epoch seconds, milliseconds (told apart by magnitude) or an ISO date as epoch milliseconds; null for anything else. */
export function epochMsOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof number === 'string') {
    const parsed = Date.parse(number);
    return Number.isNaN(parsed) ? null : parsed;
  }
  if (typeof number !== 'number' || !Number.isFinite(number) || number <= 0) return null;
  return Math.round(number < 1e11 ? number * 1000 : number);
}

/**
 * When a limit resets, as a CLI puts it in words: `|<epoch>`, a date, a weekday, a clock time or a
 * delay. Unclamped; null when the words name no time.
 */
export function readResetTime(text: string, reference: ClockReference): number | null {
  const epoch = /\|\s*(\d{10}|\d{13})\b/.exec(text);
  if (epoch !== null) return epochMsOf(epoch[1]);
  const plain = text.replace(/[\u202f\u00a0]/g, ' ');
  let from = 0;
  for (;;) {
    const lead = LEAD.exec(plain.slice(from));
    if (lead === null) return null;
    from += lead.index + lead[0].length;
    const found = readMoment(plain.slice(from, from + 120), reference);
    if (found !== null) return found;
  }
}

/** The moment with which a phrase begins. */
function readMoment(phrase: string, reference: ClockReference): number | null {
  const words = phrase.replace(
    /^[\s:,·∙•—–-]*(?:(?:at|on|by|in|after|again|about|approximately)\b\s*)*/i,
    '',
  );
  return (
    readIso(words, reference) ??
    readDelay(words, reference) ??
    readDate(words, reference) ??
    readWeekday(words, reference) ??
    readClock(words, reference)
  );
}

function readIso(words: string, reference: ClockReference): number | null {
  const match =
    /^(\d{4})-(\d{2})-(\d{2})(?:[t\s,]*(?:at\s+)?(\d{2}):(\d{2})(?::\d{2}(?:\.\d+)?)?)?\s*(z\b|[+-]\d{2}:?\d{2})?/i.exec(
      words,
    );
  if (match === null) return null;
  const zone = (match[6] === undefined ? null : zoneNamed(match[6])) ?? zoneIn(words) ?? reference.timeZone;
  return instantOf(
    {
      year: Number(match[1]),
      month: Number(match[2]),
      day: Number(match[3]),
      hour: Number(match[4] ?? 0),
      minute: Number(match[5] ?? 0),
    },
    zone,
  );
}

function readDelay(words: string, reference: ClockReference): number | null {
  const units =
    /^(?:(?:an?\s|\d+(?:\.\d+)?\s*)(?:d|h|m|s)(?:ays?|ours?|rs?|in(?:ute)?s?|ec(?:ond)?s?)?(?![a-z])(?:,|\s|and)*)+/i.exec(
      words,
    );
  if (units === null) return null;
  let total = 0;
  for (const [, count = '', unit = ''] of units[0].matchAll(/(\ban?\s|\d+(?:\.\d+)?\s*)(d|h|m|s)/gi)) {
    const size = { d: DAY_MS, h: HOUR_MS, m: 60_000, s: 1000 }[unit.toLowerCase()] ?? 0;
    total += (/^a/i.test(count) ? 1 : Number(count)) * size;
  }
  return reference.after + Math.round(total);
}

function readDate(words: string, reference: ClockReference): number | null {
  const dayFirst = new RegExp(
    `^(\\d{1,2})(?:st|nd|rd|th)?\\s+${MONTH}(?:,?\\s+(\\d{4}))?(?:${TIME})?`,
    'i',
  ).exec(words);
  const monthFirst = new RegExp(
    `^${MONTH}\\s+(\\d{1,2})(?:st|nd|rd|th)?(?:,?\\s+(\\d{4}))?(?:${TIME})?`,
    'i',
  ).exec(words);
  const match = monthFirst ?? dayFirst;
  if (match === null) return null;
  const [month = '', day = ''] = monthFirst === null ? [match[2], match[1]] : [match[1], match[2]];
  const zone = zoneIn(words) ?? reference.timeZone;
  const today = wallClockAt(reference.after, zone);
  const clock = {
    year: match[3] === undefined ? today.year : Number(match[3]),
    month: MONTHS.indexOf(month.toLowerCase()) + 1,
    day: Number(day),
    ...(timeOf(match.slice(4)) ?? { hour: 0, minute: 0 }),
  };
  const instant = instantOf(clock, zone);
  // A date without a year that lies behind us is next year's; today's date without a time is not.
  const isPast = instant + DAY_MS <= reference.after;
  return match[3] === undefined && isPast ? instantOf({ ...clock, year: clock.year + 1 }, zone) : instant;
}

function readWeekday(words: string, reference: ClockReference): number | null {
  const match = new RegExp(`^(?:${WEEKDAY}|(today|tomorrow))\\b(?:${TIME})?`, 'i').exec(words);
  if (match === null) return null;
  const zone = zoneIn(words) ?? reference.timeZone;
  const today = wallClockAt(reference.after, zone);
  const weekday = WEEKDAYS.indexOf((match[1] ?? '').toLowerCase());
  const ahead =
    weekday >= 0 ? (weekday - weekdayOf(today) + 7) % 7 : match[2]?.toLowerCase() === 'tomorrow' ? 1 : 0;
  const clock = plusDays({ ...today, ...(timeOf(match.slice(3)) ?? { hour: 0, minute: 0 }) }, ahead);
  return notBefore(clock, weekday >= 0 ? 7 : 1, zone, reference);
}

function readClock(words: string, reference: ClockReference): number | null {
  const match = new RegExp(`^(?:${CLOCK})`, 'i').exec(words);
  const time = match === null ? null : timeOf(match.slice(1));
  if (time === null) return null;
  const zone = zoneIn(words) ?? reference.timeZone;
  return notBefore({ ...wallClockAt(reference.after, zone), ...time }, 1, zone, reference);
}

/** The clock's instant, moved on by whole periods when it lies before the reference. */
function notBefore(clock: WallClock, periodDays: number, zone: string, reference: ClockReference): number {
  const instant = instantOf(clock, zone);
  return instant + CUT_OFF_MS > reference.after ? instant : instantOf(plusDays(clock, periodDays), zone);
}

/** Reads the five groups of CLOCK: hour, minute and am/pm, or hour and minute of a 24-hour clock. */
function timeOf(groups: readonly (string | undefined)[]): { hour: number; minute: number } | null {
  const [hour12, minute12, half, hour24, minute24] = groups;
  const hour =
    half === undefined ? Number(hour24) : (Number(hour12) % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
  const minute = Number((half === undefined ? minute24 : minute12) ?? 0);
  if (!(hour < 24 && minute < 60) || (half !== undefined && Number(hour12) > 12)) return null;
  return { hour, minute };
}

/** The zone a phrase names: in brackets, or bare after the time. */
function zoneIn(words: string): string | null {
  const bracketed = /\(([^)\s]{1,40})\)/.exec(words)?.[1];
  const bare = /\d\s*(?:[ap]\.?m\.?)?\s+(UTC|GMT|[A-Z][a-z]+\/[A-Za-z_/]+|[ECMP][SD]T)\b/.exec(words)?.[1];
  return (
    (bracketed === undefined ? null : zoneNamed(bracketed)) ?? (bare === undefined ? null : zoneNamed(bare))
  );
}
