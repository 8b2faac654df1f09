import type { Clock } from '../../lib/clock.ts';

/** GitHub allows about 80 contents a minute and 500 an hour; beyond it punishes for longer. */
const WRITES_PER_MINUTE = 60;
const MINUTE_MS = 60_000;
/** What GitHub asks for when it names no time with a secondary limit. */
const SECONDARY_MS = 60_000;

/**
 * `fetch` for GitHub's API. Limits come as 403 or 429, with the time to come back in one of three places: each
 * ends up in Retry-After, and until then nothing is asked. A log is a redirect to a store that must not see the
 * token: it is followed once, without it. Every other redirect stays an error.
 */
export function createGithubFetch(
  clock: Clock,
  saw: (headers: Headers) => void,
  send: typeof fetch = fetch,
): typeof fetch {
  let closedUntil = 0;
  let writes: number[] = [];

  return async (input, init) => {
    const now = clock();
    const isWrite = init?.method !== undefined && init.method !== 'GET';
    writes = writes.filter((at) => at > now - MINUTE_MS);
    const isFull = isWrite && writes.length >= WRITES_PER_MINUTE;
    const waitMs = Math.max(closedUntil - now, isFull ? (writes[0] ?? now) + MINUTE_MS - now : 0);
    if (waitMs > 0) return limited('the requests of this token are used up', waitMs);
    if (isWrite) writes.push(now);
    const isLog = !isWrite && addressOf(input).endsWith('/logs');
    const answer = await send(input, isLog ? { ...init, redirect: 'manual' } : init);
    saw(answer.headers);
    const to = isLog && answer.status === 302 ? answer.headers.get('location') : null;
    if (to !== null) return send(to, { redirect: 'error', ...(init?.signal && { signal: init.signal }) });
    if (answer.status !== 403 && answer.status !== 429) return answer;
    const text = await answer.text();
    const retryMs = retryAfter(answer, text, clock());
    if (retryMs === null) return new Response(text, { status: answer.status, headers: answer.headers });
    closedUntil = Math.max(closedUntil, clock() + retryMs);
    return limited(text, retryMs);
  };
}

function retryAfter({ status, headers }: Response, text: string, now: number): number | null {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000;
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  if (headers.get('x-ratelimit-remaining') === '0' && Number.isFinite(reset))
    return Math.max(1000, reset * 1000 - now);
  return status === 429 || /secondary rate limit|abuse detection/i.test(text) ? SECONDARY_MS : null;
}

function limited(text: string, waitMs: number): Response {
  return new Response(text, { status: 429, headers: { 'retry-after': String(Math.ceil(waitMs / 1000)) } });
}

function addressOf(input: Parameters<typeof fetch>[0]): string {
  if (typeof input === 'string') return input;
  return input instanceof URL ? input.pathname : input.url;
}
