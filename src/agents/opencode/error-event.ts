import { type ErrorSaid, errorInBody, NOTHING_SAID } from '../api-error.ts';
import { amountAt, flagAt, objectAt, textAt } from '../fields.ts';
import { isJsonObject, type JsonObject } from '../json-documents.ts';
import { epochMsOf } from '../reset-time.ts';
import { readRetryAfter } from '../retry-after.ts';

/** The API may be asked again, says the CLI; it tells no status when there was no answer at all. */
export const RETRYABLE = 'retryable';
/** The plan's own headers refused the request, not a rate. */
export const PLAN_REJECTED = 'plan_rejected';

/**
 * An `error` event: the CLI's name for it, the status, and of the API's answer its body and headers.
 * `code` is the CLI's name, or one of the two above.
 */
export function errorOf(event: JsonObject): ErrorSaid {
  const said = event['error'];
  const error = isJsonObject(said) ? said : null;
  const data = objectAt(error, 'data') ?? error;
  const headers = lowerCased(objectAt(data, 'responseHeaders'));
  const body = errorInBody(textAt(data, 'responseBody'));
  const at = epochMsOf(event['timestamp']);
  const isRejected = headers['anthropic-ratelimit-unified-status'] === 'rejected';
  const resetAt =
    epochMsOf(headers['anthropic-ratelimit-unified-reset']) ??
    epochMsOf(body?.['resets_at']) ??
    after(at, amountAt(body, 'resets_in_seconds'));
  const name = textAt(error, 'name');
  return {
    ...NOTHING_SAID,
    status: amountAt(data, 'statusCode'),
    type: textAt(body, 'type') || textAt(body, 'code'),
    code: isRejected && resetAt !== null ? PLAN_REJECTED : flagAt(data, 'isRetryable') ? RETRYABLE : name,
    text: textAt(data, 'message') || textAt(body, 'message') || (typeof said === 'string' ? said : name),
    resetAt,
    retryAfterMs: retryAfterIn(headers, at),
    at,
    event,
  };
}

function retryAfterIn(headers: Readonly<Record<string, string>>, at: number | null): number | null {
  const inMs = amountAt(headers, 'retry-after-ms');
  if (inMs !== null) return Math.round(inMs);
  const stated = headers['retry-after'];
  return stated === undefined ? null : readRetryAfter(`retry-after: ${stated}`, at ?? 0);
}

function after(at: number | null, seconds: number | null): number | null {
  return at === null || seconds === null ? null : at + seconds * 1000;
}

/** Header names come in any case. */
function lowerCased(headers: JsonObject | null): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]),
  );
}
