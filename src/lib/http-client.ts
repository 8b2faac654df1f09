import { setTimeout as sleep } from 'node:timers/promises';

/** One request to a vendor's JSON API, and how long, how often and how much of it. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the client's base, as written by `path`: every part encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Throws `HttpError` when the text is no JSON: half an answer is none. */
  json(): unknown;
}

/** A request that did not end in 2xx. Its text never holds one of the client's secrets. */
export class HttpError extends Error {
  readonly method: string;
  readonly path: string;
  /** Null: no answer came. */
  readonly status: number | null;
  /** What the answer said, cut; empty without one. */
  readonly body: string;
  readonly retryAfterMs: number | null;
  /** `no` when certainly nothing was done: never sent, or refused with a 4xx. */
  readonly done: 'no' | 'unknown';

  constructor(
    message: string,
    facts: Pick<HttpError, 'method' | 'path' | 'status' | 'body' | 'retryAfterMs' | 'done'>,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'HttpError';
    this.method = facts.method;
    this.path = facts.path;
    this.status = facts.status;
    this.body = facts.body;
    this.retryAfterMs = facts.retryAfterMs;
    this.done = facts.done;
  }
}

/** Whether a failed request was answered with one of these. */
export function isStatus(error: unknown, ...statuses: readonly number[]): error is HttpError {
  return error instanceof HttpError && error.status !== null && statuses.includes(error.status);
}

export interface HttpClientOptions {
  /** `https://gitea.example/api/v1`; no trailing slash. */
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Masked in every error. */
  readonly secrets: readonly string[];
  readonly now: () => number;
  /** One try, body included; default 20 s. */
  readonly timeoutMs?: number;
  /** Default 20 MiB. */
  readonly maxBytes?: number;
  readonly fetch?: typeof fetch;
}

export interface HttpClient {
  /**
   * A 2xx answer, or `HttpError`. A GET is tried again a few times where a moment may help (no answer, 429, 5xx;
   * Retry-After is kept when it is short); anything else is sent once, for its outcome may be unknown. Redirects
   * are errors: followed, a POST would become a GET.
   */
  send(request: HttpRequest): Promise<HttpAnswer>;
}

const TIMEOUT_MS = 20_000;
const MAX_BYTES = 20 * 1024 * 1024;
const GET_TRIES = 3;
/** A longer delay is the caller's to wait. */
const MAX_WAIT_MS = 5000;
const SHOWN_BODY = 2000;
/** Errors of a connection that was never made. */
const NEVER_SENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|UND_ERR_CONNECT_TIMEOUT|ENETUNREACH|EHOSTUNREACH/;

/** Writes a path with every value encoded: path`/repos/${owner}/${name}/branches/${branch}`. */
export function path(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return parts.reduce((text, part, i) => `${text}${encodeURIComponent(String(values[i - 1]))}${part}`);
}

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { base, secrets, now, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = options;
  const send = options.fetch ?? fetch;

  function mask(text: string): string {
    return secrets.reduce(
      (masked, secret) => (secret === '' ? masked : masked.replaceAll(secret, '[secret]')),
      text,
    );
  }

  async function attempt(request: HttpRequest): Promise<HttpAnswer> {
    const { method, body } = request;
    const signals = [
      AbortSignal.timeout(timeoutMs),
      ...(request.signal === undefined ? [] : [request.signal]),
    ];
    const error = (
      why: string,
      facts: { status?: number; body?: string; retryAfterMs?: number | null; done: 'no' | 'unknown' },
      cause?: unknown,
    ) =>
      new HttpError(
        mask(`${method} ${request.path}: ${why}`),
        {
          ...{ method, path: mask(request.path), status: facts.status ?? null },
          ...{ body: mask(facts.body ?? ''), retryAfterMs: facts.retryAfterMs ?? null, done: facts.done },
        },
        cause,
      );
    request.signal?.throwIfAborted();
    let status: number | null = null;
    try {
      const response = await send(addressOf(base, request), {
        method,
        headers: {
          accept: 'application/json',
          ...options.headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...request.headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.any(signals),
      });
      status = response.status;
      const text = await bodyOf(response, maxBytes);
      if (!response.ok)
        throw error(`${response.status} ${text.slice(0, 300)}`.trim(), {
          ...{ status: response.status, body: text.slice(0, SHOWN_BODY) },
          retryAfterMs: retryAfter(response.headers, now()),
          done: response.status < 500 && response.status !== 408 ? 'no' : 'unknown',
        });
      return { status: response.status, headers: response.headers, text, json: () => parsed(text, error) };
    } catch (thrown) {
      if (thrown instanceof HttpError) throw thrown;
      request.signal?.throwIfAborted();
      const why = reasonOf(thrown);
      throw error(
        why,
        { ...(status === null ? {} : { status }), done: NEVER_SENT.test(why) ? 'no' : 'unknown' },
        thrown,
      );
    }
  }

  return {
    async send(request) {
      for (let tries = 1; ; tries++) {
        try {
          return await attempt(request);
        } catch (error) {
          const waitMs = request.method === 'GET' && tries < GET_TRIES ? pauseAfter(error, tries) : null;
          if (waitMs === null) throw error;
          await sleep(waitMs, undefined, request.signal === undefined ? {} : { signal: request.signal });
        }
      }
    },
  };
}

/** Null: another try would not help, or only later. */
function pauseAfter(error: unknown, tries: number): number | null {
  if (!(error instanceof HttpError)) return null;
  const { status, retryAfterMs } = error;
  if (status !== null && status !== 429 && status < 500) return null;
  const waitMs = retryAfterMs ?? 250 * 2 ** (tries - 1);
  return waitMs <= MAX_WAIT_MS ? waitMs : null;
}

function addressOf(base: string, { path: below, query }: HttpRequest): URL {
  const url = new URL(`${base}${below}`);
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

/** Retry-After as seconds or a date; what is neither counts for nothing. */
function retryAfter(headers: Headers, now: number): number | null {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000);
  const at = value === '' ? Number.NaN : Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

async function bodyOf(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(
  text: string,
  error: (why: string, facts: { body: string; done: 'unknown' }) => HttpError,
): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw error('the answer is no JSON', { body: text.slice(0, 300), done: 'unknown' });
  }
}

/** The words of a failed fetch: Node hides them in the cause. */
function reasonOf(thrown: unknown): string {
  const words: string[] = [];
  for (let each: unknown = thrown; each instanceof Error && words.length < 4; each = each.cause) {
    const code = 'code' in each && typeof each.code === 'string' ? `${each.code} ` : '';
    words.push(`${code}${each.message}`.trim());
  }
  return words.length === 0 ? String(thrown) : words.join(': ');
}
