import { type ErrorSaid, errorInBody, NOTHING_SAID } from '../api-error.ts';
import { amountAt, listAt, objectAt, textAt } from '../fields.ts';
import { isJsonObject, type JsonObject } from '../json-documents.ts';

/** Statuses that an API answers with. An exit code tells one of them, less the 256 that fit into it. */
const STATUSES = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 499, 500, 501, 502, 503, 504, 529];
const EXIT_CODES = 256;

/** Exit codes of the CLI itself; the first two were recorded, the others are documented. */
const OWN_CODES: Readonly<Record<number, string>> = {
  41: 'auth',
  55: 'untrusted',
  42: 'input',
  44: 'sandbox',
  52: 'config',
  53: 'turn_limit',
  54: 'tool',
  130: 'cancelled',
};

/** Whether an exit code is one that the CLI gives itself, so that it names no signal. */
export function isOwnExitCode(exitCode: number): boolean {
  return exitCode in OWN_CODES || STATUSES.some((status) => status % EXIT_CODES === exitCode);
}

/** Names of errors in the trace before the final JSON, which tell a used-up quota from a rate. */
const QUOTA_ERROR = /\b(Terminal|Retryable)QuotaError\b/g;

/** An error object of a result or of stderr. Its message may quote the API's whole answer. */
export function errorOf(holder: JsonObject, stderr: string): ErrorSaid {
  const error = objectAt(holder, 'error') ?? holder;
  const message = textAt(error, 'message');
  const body = errorInBody(message);
  const numbers = [amountAt(error, 'code'), amountAt(body, 'code')];
  const status = numbers.find((code) => code !== null && code >= 400 && code < 600) ?? null;
  const own = numbers[0] === null || numbers[0] === undefined ? '' : (OWN_CODES[numbers[0]] ?? '');
  return {
    ...NOTHING_SAID,
    status,
    type: reasonIn(body) || textAt(body, 'status') || textAt(error, 'status'),
    code: own || quotaIn(stderr) || nameOf(textAt(error, 'type')),
    text: textAt(body, 'message') || message,
    retryAfterMs: delayIn(stderr),
    event: holder,
  };
}

/** What the exit code alone tells, for output that was cut off or is mere words. */
export function errorOfExit(exitCode: number | null, stderr: string): ErrorSaid | null {
  if (exitCode === null || exitCode === 0) return null;
  const status = STATUSES.find((each) => each % EXIT_CODES === exitCode) ?? null;
  const own = OWN_CODES[exitCode] ?? '';
  if (status === null && own === '') return null;
  return {
    ...NOTHING_SAID,
    status,
    code: own || quotaIn(stderr),
    retryAfterMs: status === null ? null : delayIn(stderr),
  };
}

function reasonIn(body: JsonObject | null): string {
  const details = listAt(body, 'details').filter(isJsonObject);
  return details.map((detail) => textAt(detail, 'reason')).find((reason) => reason !== '') ?? '';
}

function quotaIn(stderr: string): string {
  const last = [...stderr.matchAll(QUOTA_ERROR)].at(-1);
  return last === undefined ? '' : `${(last[1] ?? '').toLowerCase()}_quota`;
}

/** `Error` says nothing. */
function nameOf(type: string): string {
  return type === 'Error' ? '' : type;
}

function delayIn(stderr: string): number | null {
  const last = [...stderr.matchAll(/\bretryDelayMs: (\d+(?:\.\d+)?)/g)].at(-1);
  return last === undefined ? null : Math.round(Number(last[1]));
}
