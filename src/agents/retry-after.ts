const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const PART =
  '(\\d+(?:\\.\\d+)?)\\s*(ms|milliseconds?|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z])';
const DELAY = `${PART}(?:(?:,|\\s|and)*${PART.replaceAll('(\\d', '(?:\\d').replace('(ms', '(?:ms')})*`;

/**
 * A stated delay: `Retry-After: 12`, its HTTP-date form, `retry after 12 seconds`, `try again in 5s`.
 * A CLI's own backoff ("Retrying in 4 seconds") is none. Dates count from `sentAt`. Null when nothing is stated.
 */
export function readRetryAfter(text: string, sentAt: number): number | null {
  const date =
    /retry[-_ ]after["']?\s*[:=]?\s*["']?((?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,\s*\d{1,2}[\s-][a-z]{3}[\s-]\d{2,4}\s+\d{2}:\d{2}:\d{2}\s*gmt)/i.exec(
      text,
    );
  if (date?.[1] !== undefined) {
    const at = Date.parse(date[1]);
    return Number.isNaN(at) ? null : Math.max(0, at - sentAt);
  }
  const stated =
    /\bretry[-_ ]?after(_ms)?(?:[-_](?:seconds|secs?|ms))?["']?\s*[:=]?\s*["']?(?=\d)/i.exec(text) ??
    // Without a unit `try again in 5 …` may speak of anything.
    new RegExp(`\\b(?:try again|retry) (?:in|after)(?: about)? (?=${DELAY})`, 'i').exec(text);
  if (stated === null) return null;
  const words = text.slice(stated.index + stated[0].length, stated.index + stated[0].length + 60);
  const ms = delayMs(words, /[-_]ms["']?\s*[:=]?\s*["']?$/i.test(stated[0]) ? 'ms' : 's');
  return ms !== null && Number.isSafeInteger(ms) ? ms : null;
}

/** `12`, `12 seconds`, `500ms`, `1m30.5s`, `2 hours 5 minutes`; a bare number counts in `bareUnit`. */
function delayMs(words: string, bareUnit: string): number | null {
  const parts = new RegExp(`^${DELAY}`, 'i').exec(words);
  if (parts === null) {
    const bare = /^\d+(?:\.\d+)?/.exec(words);
    return bare === null ? null : Math.round(Number(bare[0]) * (UNIT_MS[bareUnit] ?? 1000));
  }
  let total = 0;
  for (const [, count = '', unit = ''] of parts[0].matchAll(new RegExp(PART, 'gi'))) {
    const name = /^mi?l?l?i?s/i.test(unit) ? 'ms' : (unit[0] ?? 's').toLowerCase();
    total += Number(count) * (UNIT_MS[name] ?? 1000);
  }
  return Math.round(total);
}
