import { classifyWords, saysBadRequest, saysPlanLimit, saysSignedOut } from './failure-words.ts';
import { objectAt, textAt } from './fields.ts';
import { isJsonObject, type JsonObject } from './json-documents.ts';

/** What a CLI says of a failure, however it spells it. Empty string: unsaid. */
export interface ErrorSaid {
  /** HTTP status of the model's API. */
  readonly status: number | null;
  /** The API's own name for it, such as `rate_limit_error`. */
  readonly type: string;
  /** The CLI's own name for it. */
  readonly code: string;
  readonly text: string;
  /** When the limit ends and how long to wait, as fields say it. */
  readonly resetAt: number | null;
  readonly retryAfterMs: number | null;
  /** When it was said, epoch milliseconds. */
  readonly at: number | null;
  /** The event it was read from. */
  readonly event: JsonObject | null;
}

export const NOTHING_SAID: ErrorSaid = {
  status: null,
  type: '',
  code: '',
  text: '',
  resetAt: null,
  retryAfterMs: null,
  at: null,
  event: null,
};

export interface FailureRule {
  readonly rule: string;
  readonly verdict: 'permanent' | 'transient' | 'auth' | 'usage_limit' | 'lost';
  /** Recordings or documentation it was made from. */
  readonly seen: string;
  readonly when: (error: ErrorSaid) => boolean;
  /** It ended at a limit that it was given: the session can go on. */
  readonly ownLimit?: boolean;
}

/**
 * Rules of the kind every API error obeys, for the tables of the adapters: the status first, the words
 * where a status or its absence leaves room for them.
 */
export const SAYS = {
  /** The plan or the credit is used up, and not a mere rate. */
  planLimit: ({ status, type, text }: ErrorSaid) =>
    status === 402 ||
    /^(?:billing_error|insufficient_quota|usage_limit_reached|usage_not_included|quota_exceeded)$/.test(
      type,
    ) ||
    (isOneOf(status, [400, 403, 429]) && saysPlanLimit(text)),
  signedOut: ({ status, type, text }: ErrorSaid) =>
    isOneOf(status, [401, 403, 407]) ||
    /^(?:authentication_error|permission_error|invalid_api_key)$/.test(type) ||
    (status === 400 && saysSignedOut(text)),
  rate: ({ status, type }: ErrorSaid) =>
    status === 429 || /^(?:rate_limit_error|rate_limit_exceeded|too_many_requests)$/.test(type),
  serverTrouble: ({ status, type }: ErrorSaid) =>
    (status !== null && status >= 500) ||
    isOneOf(status, [408, 409, 425, 499]) ||
    /^(?:overloaded_error|api_error|timeout_error|server_error|server_is_overloaded)$/.test(type),
  badRequest: ({ status, type }: ErrorSaid) =>
    (status !== null && status >= 400) || /^(?:invalid_request_error|not_found_error)$/.test(type),
  authWords: ({ text }: ErrorSaid) => classifyWords(text) === 'auth',
  planWords: ({ text }: ErrorSaid) => classifyWords(text) === 'usage_limit',
  transientWords: ({ text }: ErrorSaid) => classifyWords(text) === 'transient',
  requestWords: ({ text }: ErrorSaid) => saysBadRequest(text),
} as const;

/** What a failure comes to by a table, first match first; null when no row knows it. */
export function ruleFor(rules: readonly FailureRule[], error: ErrorSaid): FailureRule | null {
  return rules.find((row) => row.when(error)) ?? null;
}

/** The API's own error in a response body, or in a text that quotes one: `{"error":{"type","message","code"}}`. */
export function errorInBody(body: string): JsonObject | null {
  const start = body.indexOf('{');
  if (start < 0) return null;
  try {
    const parsed: unknown = JSON.parse(body.slice(start));
    const whole = Array.isArray(parsed) ? (parsed as unknown[])[0] : parsed;
    if (!isJsonObject(whole)) return null;
    return objectAt(whole, 'error') ?? (textAt(whole, 'message') === '' ? null : whole);
  } catch {
    // An HTML page, or words: its status and text still tell.
    return null;
  }
}

function isOneOf(status: number | null, statuses: readonly number[]): boolean {
  return status !== null && statuses.includes(status);
}
