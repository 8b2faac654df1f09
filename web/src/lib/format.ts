/** Numbers, money and times as people read them here. Instants come as ISO strings. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const clockTime = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const withSeconds = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});
const dayAndTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const dayMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const dayAndYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
const weekdayAndTime = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const whole = new Intl.DateTimeFormat('en-GB', {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});
const longDay = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long' });

export const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** "4 s", "12 min 41 s", "2 h 5 min", "3 d 4 h": the two largest parts. */
export function duration(ms: number): string {
  const rest = Math.max(0, ms);
  if (rest < MINUTE) return `${Math.floor(rest / 1000)} s`;
  if (rest < HOUR) return parts(Math.floor(rest / MINUTE), 'min', Math.floor((rest % MINUTE) / 1000), 's');
  if (rest < DAY) return parts(Math.floor(rest / HOUR), 'h', Math.floor((rest % HOUR) / MINUTE), 'min');
  return parts(Math.floor(rest / DAY), 'd', Math.floor((rest % DAY) / HOUR), 'h');
}

/** "4 s", "12 min", "2 h", "3 d": the largest part alone, for tables. */
export function shortDuration(ms: number): string {
  return duration(ms).split(' ').slice(0, 2).join(' ');
}

function parts(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** "12 min ago", "in 2 min"; from a day on, the time itself. */
export function relative(at: number, now: number): string {
  const away = at - now;
  if (Math.abs(away) >= DAY) return absolute(at, now);
  if (Math.abs(away) < 1000) return 'now';
  return away > 0 ? `in ${shortDuration(away)}` : `${shortDuration(-away)} ago`;
}

/** "08:13" today, "Tue 09:00" within a week, "21 Nov, 09:12" beyond, "1 Jan 2031" in another year. */
export function absolute(at: number, now: number): string {
  const date = new Date(at);
  if (date.toDateString() === new Date(now).toDateString()) return clockTime.format(date);
  if (Math.abs(at - now) < 7 * DAY) return weekdayAndTime.format(date).replace(',', '');
  if (date.getFullYear() !== new Date(now).getFullYear()) return dayAndYear.format(date);
  return dayAndTime.format(date);
}

export function exact(at: number): string {
  return whole.format(at);
}

export function today(now: number): string {
  return `${longDay.format(now)}, ${clockTime.format(now)}`;
}

export function hourAndMinute(at: number): string {
  return clockTime.format(at);
}

export function hourMinuteAndSecond(at: number): string {
  return withSeconds.format(at);
}

export function dayOfMonth(day: string): string {
  return String(Number(day.slice(8, 10)));
}

/** "22 Nov", of a day of UTC. */
export function dayAndMonth(day: string): string {
  return dayMonth.format(Date.parse(day));
}

export function count(n: number): string {
  return integer.format(n);
}

/** "$1.84", "$331" from a hundred on, "<$0.01" for what would read as nothing. */
export function money(usd: number): string {
  if (usd > 0 && usd < 0.01) return '<$0.01';
  if (usd >= 100) return `$${integer.format(Math.round(usd))}`;
  return `$${usd.toFixed(2)}`;
}

/** An unknown price is a dash, never $0. */
export function moneyOrDash(usd: number | null): string {
  return usd === null ? '–' : money(usd);
}

/** "≈ $1.84": part of it is a list price that nobody pays. */
export function estimated(text: string, isEstimate: boolean): string {
  return isEstimate && text !== '–' ? `≈ ${text}` : text;
}

/** What was spent on something: a dash while none of it is known, and a plus where part of it is not. */
export function spent({ costUsd, unknownCosts }: { costUsd: number; unknownCosts: number }): string {
  if (costUsd === 0) return '–';
  return unknownCosts > 0 ? `${money(costUsd)} +` : money(costUsd);
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  if (n < 1_000_000) return `${Math.round(n / 1000)} kB`;
  if (n < 1_000_000_000) return `${(n / 1e6).toFixed(1)} MB`;
  return `${(n / 1e9).toFixed(1)} GB`;
}

/** "61.2 GB" of 1024 each, as the server counts what is left of a disk. */
export function room(n: number): string {
  return `${(n / 1024 ** 3).toFixed(1)} GB`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function plural(n: number, one: string, many: string = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** "development" -> "Development", "needs_you" -> "Needs you". */
export function sentence(word: string): string {
  return capital(word.replaceAll(/[_-]/g, ' '));
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
