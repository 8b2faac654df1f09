// What the clients of Gitea and GitHub do alike.
import { HttpError } from '../lib/http-client.ts';
import type { RepositoryName } from './repository-name.ts';

/** A person who loses the right to write is believed for this long. */
const PERMISSION_KEPT_MS = 5 * 60_000;
const SHOWN = 300;

/** Asks once for whom the token belongs to; anew after a failure. */
export function askedOnce<U>(ask: (signal?: AbortSignal) => Promise<U>): typeof ask {
  let known: Promise<U> | null = null;
  return (signal) => {
    const asked = known ?? ask(signal);
    known = asked;
    asked.catch(() => {
      known = null;
    });
    return asked;
  };
}

/** Who may write to a repository; a few minutes old at most. Nobody (a deleted user) may not. */
export function createPermissions(now: () => number) {
  const known = new Map<string, { readonly mayWrite: boolean; readonly until: number }>();
  return async (
    { owner, name }: RepositoryName,
    login: string | null,
    ask: (login: string) => Promise<boolean>,
  ): Promise<boolean> => {
    if (login === null) return false;
    const key = `${owner}/${name}/${login}`.toLowerCase();
    const last = known.get(key);
    if (last !== undefined && last.until > now()) return last.mayWrite;
    const mayWrite = await ask(login);
    known.set(key, { mayWrite, until: now() + PERMISSION_KEPT_MS });
    return mayWrite;
  };
}

/**
 * What an error means: a repository that the token may not see answers 404 for everything in it, so a 404 is
 * believed only while a `look` at the repository finds it, and is told as a 403 else.
 */
export async function believed(
  error: unknown,
  { owner, name }: RepositoryName,
  look: () => Promise<unknown>,
): Promise<unknown> {
  if (!(error instanceof HttpError) || error.status !== 404) return error;
  const { method, path, done } = error;
  try {
    await look();
    return error;
  } catch (other) {
    if (!(other instanceof HttpError) || other.status !== 404) return other;
    const said = `the token does not see the repository ${owner}/${name} (404)`;
    const facts = { method, path, status: 403, body: said, retryAfterMs: null, done };
    return new HttpError(`${method} ${path}: ${said}`, facts);
  }
}

/** A list that is longer than anybody reads: half of it would pass for the whole. */
export function tooLong(method: string, path: string, pages: number, pageSize: number): HttpError {
  const body = `the list has more than ${pages} pages of ${pageSize}, and a part of it is no answer`;
  const facts = { method, path, status: 200, body, retryAfterMs: null, done: 'no' } as const;
  return new HttpError(`${method} ${path}: more than ${pages} pages`, facts);
}

/** The vendor's own words for its no, without the JSON around them. */
export function said({ body, message }: HttpError): string {
  return /"message"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? (body === '' ? message : body);
}

/** What the error of a failed request says, for the error of a tracker or forge. Null: it is none of ours. */
export function failedRequest(vendor: string, error: unknown, hintOf: (error: HttpError) => string | null) {
  if (!(error instanceof HttpError)) return null;
  const { method, path, status, retryAfterMs, done } = error;
  const hint = hintOf(error);
  return {
    ...{ vendor, what: `${method} ${path}`, status, retryAfterMs, done },
    said: status === null ? error.message : said(error).slice(0, SHOWN),
    ...(hint === null ? {} : { hint }),
  };
}

/** The same for a line of `orch doctor`. */
export function wordsOf(error: unknown, failed: ReturnType<typeof failedRequest>): string {
  if (failed === null) return error instanceof Error ? error.message : String(error);
  const { what, status, said: words, hint } = failed;
  return `${status === null ? '' : `${what} answered ${status}: `}${words}${hint === undefined ? '' : ` (${hint})`}`;
}
