/** A wall-clock moment in some zone; `month` counts from 1. */
export interface WallClock {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

const ABBREVIATIONS: Readonly<Record<string, string>> = {
  z: 'UTC',
  gmt: 'UTC',
  utc: 'UTC',
  est: '-05:00',
  edt: '-04:00',
  cst: '-06:00',
  cdt: '-05:00',
  mst: '-07:00',
  mdt: '-06:00',
  pst: '-08:00',
  pdt: '-07:00',
  bst: '+01:00',
  cet: '+01:00',
  cest: '+02:00',
  jst: '+09:00',
};

/** The zone a text names (`America/New_York`, `UTC`, `PST`, `GMT+2`), as Intl takes it; null when it is none. */
export function zoneNamed(name: string): string | null {
  const offset = /^(?:utc|gmt)?\s*([+-])(\d{1,2})(?::?(\d{2}))?$/i.exec(name);
  const zone =
    offset === null
      ? (ABBREVIATIONS[name.toLowerCase()] ?? name)
      : `${offset[1]}${(offset[2] ?? '').padStart(2, '0')}:${offset[3] ?? '00'}`;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: zone });
    return zone;
  } catch {
    // A word in brackets that is no zone.
    return null;
  }
}

/** What a clock in that zone shows at an instant. */
export function wallClockAt(epochMs: number, zone: string): WallClock {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  }).formatToParts(epochMs);
  const read = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  return {
    year: read('year'),
    month: read('month'),
    day: read('day'),
    hour: read('hour'),
    minute: read('minute'),
  };
}

/** The instant at which a clock in that zone shows this; a time that daylight saving skips is the one after. */
export function instantOf(clock: WallClock, zone: string): number {
  const asUtc = utcOf(clock);
  // Two rounds: the first offset may be the one on the other side of a change.
  const guess = asUtc - offsetAt(asUtc, zone);
  return asUtc - offsetAt(guess, zone);
}

/** The same wall clock some days later (days may overflow the month). */
export function plusDays(clock: WallClock, days: number): WallClock {
  const date = new Date(Date.UTC(clock.year, clock.month - 1, clock.day + days));
  return { ...clock, year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** 0 is Sunday. */
export function weekdayOf(clock: WallClock): number {
  return new Date(Date.UTC(clock.year, clock.month - 1, clock.day)).getUTCDay();
}

function offsetAt(epochMs: number, zone: string): number {
  return utcOf(wallClockAt(epochMs, zone)) - Math.floor(epochMs / 60_000) * 60_000;
}

function utcOf(clock: WallClock): number {
  return Date.UTC(clock.year, clock.month - 1, clock.day, clock.hour, clock.minute);
}
