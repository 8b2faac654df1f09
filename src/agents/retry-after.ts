const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

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
  const delay =
    /\bretry[-_ ]?after(_ms)?(?:[-_](?:seconds|secs?))?["']?\s*[:=]?\s*["']?(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)?\b/i.exec(
      text,
    ) ??
    /\b(?:try again|retry) (?:in|after)( )(?:about )?(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b/i.exec(
      text,
    );
  if (delay === null) return null;
  const unit =
    delay[1] === '_ms' || /^mi?l?l?i?s/i.test(delay[3] ?? '') ? 'ms' : (delay[3]?.[0] ?? 's').toLowerCase();
  const ms = Number(delay[2]) * (UNIT_MS[unit] ?? 1000);
  return Number.isSafeInteger(Math.round(ms)) ? Math.round(ms) : null;
}
