import { z } from 'zod';
import {
  createHttpClient,
  type HttpAnswer,
  HttpError,
  type HttpRequest,
  path,
} from '../../lib/http-client.ts';
import type { Secret } from '../../lib/secret.ts';
import type { RepositoryName } from '../repository-name.ts';
import { type GiteaUser, permission, user } from './wire.ts';

/** Gitea's (and Forgejo's) API as one of its users. Throws `HttpError` for everything that did not go well. */
export interface GiteaClient {
  /** Answers in whatever form. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** An answer of this shape; one that lacks a field we rely on is an error, never a crash further on. */
  one<T>(shape: z.ZodType<T>, request: HttpRequest): Promise<T>;
  /** As `one`; null when it is not there, and its repository is. */
  find<T>(at: RepositoryName, shape: z.ZodType<T>, request: HttpRequest): Promise<T | null>;
  /** All pages of a list, or an error: never a part. `listOf` takes the list out of an answer that wraps it. */
  all<A, T>(shape: z.ZodType<A>, listOf: (answer: A) => readonly T[], request: HttpRequest): Promise<T[]>;
  /**
   * What an error of ours means: a repository that the token may not see answers 404 for everything in it, so a
   * 404 is believed only while the repository is there.
   */
  told(at: RepositoryName, error: unknown): Promise<unknown>;
  /** The user that the token belongs to. */
  own(signal?: AbortSignal): Promise<GiteaUser>;
  /** May write to the repository; a few minutes old at most. Nobody (a deleted user) may not. */
  mayWrite(at: RepositoryName, login: string | null, signal?: AbortSignal): Promise<boolean>;
}

export interface GiteaClientOptions {
  /** Without `/api/v1`. */
  readonly url: string;
  readonly token: Secret;
  readonly now: () => number;
  readonly timeoutMs?: number;
}

/** Gitea gives no more, and cuts a larger wish without a word. */
const PAGE_SIZE = 50;
/** 5,000 entries; more is an error that says so, for half a list would pass for the whole. */
const MAX_PAGES = 100;
/** A person who loses the right to write is believed for this long. */
const PERMISSION_KEPT_MS = 5 * 60_000;
const MAY_WRITE: readonly string[] = ['write', 'admin', 'owner'];

export function createGiteaClient({ url, token, now, timeoutMs }: GiteaClientOptions): GiteaClient {
  const secret = token.reveal();
  const http = createHttpClient({
    base: `${url}/api/v1`,
    headers: { authorization: `token ${secret}` },
    secrets: [secret],
    now,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  let ownUser: Promise<GiteaUser> | null = null;
  const permissions = new Map<string, { readonly mayWrite: boolean; readonly until: number }>();

  async function one<T>(shape: z.ZodType<T>, request: HttpRequest): Promise<T> {
    const answer = await http.send(request);
    const parsed = shape.safeParse(answer.json());
    if (parsed.success) return parsed.data;
    const at = parsed.error.issues[0];
    const field = at === undefined || at.path.length === 0 ? 'the answer' : at.path.join('.');
    throw unusable(request, answer, `${field}: ${at?.message ?? 'not as documented'}`);
  }

  async function askMayWrite(at: RepositoryName, login: string, signal?: AbortSignal): Promise<boolean> {
    const below = path`/repos/${at.owner}/${at.name}`;
    const end = signal === undefined ? {} : { signal };
    try {
      const asked = `${below}${path`/collaborators/${login}/permission`}`;
      return MAY_WRITE.includes((await one(permission, { method: 'GET', path: asked, ...end })).permission);
    } catch (error) {
      const status = error instanceof HttpError ? error.status : null;
      // A user who is gone, or was never one of theirs.
      if (status === 404) return false;
      if (status !== 403) throw error;
      // Only administrators may ask that of others; whom an issue can be assigned to is told to every reader.
      const writers = await one(z.array(user), { method: 'GET', path: `${below}/assignees`, ...end });
      return writers.some((each) => each.login.toLowerCase() === login.toLowerCase());
    }
  }

  return {
    send: (request) => http.send(request),
    one,
    async find(at, shape, request) {
      try {
        return await one(shape, request);
      } catch (error) {
        if (!(error instanceof HttpError) || error.status !== 404) throw error;
        // A repository that the token may not see answers 404 for everything in it.
        await http.send({ method: 'GET', path: path`/repos/${at.owner}/${at.name}`, ...signalOf(request) });
        return null;
      }
    },
    async all(shape, listOf, request) {
      const found = [];
      for (let page = 1; page <= MAX_PAGES; page++) {
        const query = { ...request.query, page, limit: PAGE_SIZE };
        const list = listOf(await one(shape, { ...request, query }));
        // The server may give less than the wish on every page: only an empty one is the end.
        if (list.length === 0) return found;
        found.push(...list);
      }
      throw new HttpError(`${request.method} ${request.path}: more than ${MAX_PAGES} pages`, {
        ...{ method: request.method, path: request.path, status: 200, retryAfterMs: null, done: 'no' },
        body: `the list has more than ${MAX_PAGES} pages of ${PAGE_SIZE}, and a part of it is no answer`,
      });
    },
    async told(at, error) {
      if (!(error instanceof HttpError) || error.status !== 404) return error;
      const { method, path: below, done } = error;
      const repository = path`/repos/${at.owner}/${at.name}`;
      const said = `the token does not see the repository ${at.owner}/${at.name} (404)`;
      return http.send({ method: 'GET', path: repository }).then(
        () => error,
        (other: unknown) =>
          other instanceof HttpError && other.status === 404
            ? new HttpError(`${method} ${below}: ${said}`, {
                ...{ method, path: below, status: 403, body: said, retryAfterMs: null, done },
              })
            : other,
      );
    },
    own(signal) {
      const asked = ownUser ?? one(user, { method: 'GET', path: '/user', ...(signal && { signal }) });
      ownUser = asked;
      asked.catch(() => {
        ownUser = null;
      });
      return asked;
    },
    async mayWrite(at, login, signal) {
      if (login === null) return false;
      const key = `${at.owner}/${at.name}/${login}`;
      const known = permissions.get(key);
      if (known !== undefined && known.until > now()) return known.mayWrite;
      const mayWrite = await askMayWrite(at, login, signal);
      permissions.set(key, { mayWrite, until: now() + PERMISSION_KEPT_MS });
      return mayWrite;
    },
  };
}

/** What the error of a failed request says, for the error of a tracker or forge. Null: it is none of ours. */
export function failedRequest(error: unknown) {
  if (!(error instanceof HttpError)) return null;
  const { method, status, retryAfterMs, done } = error;
  const scope = /required=\[([^\]]*)\]/.exec(error.body)?.[1];
  const hint =
    status === 401
      ? 'the token is not valid (any more): set ORCH_GITEA_TOKEN or ORCH_GITEA_REVIEWER_TOKEN anew'
      : status === 403 && scope !== undefined
        ? `the token lacks the scope ${scope}: make one that has it; orch doctor --only gitea names all`
        : null;
  return {
    ...{ vendor: 'Gitea', what: `${method} ${error.path}`, status, retryAfterMs, done },
    said: said(error),
    ...(hint === null ? {} : { hint }),
  };
}

/** Gitea's own words, without the JSON around them. */
function said({ body, message, status }: HttpError): string {
  if (status === null) return message;
  const text = /^\s*\{.*"message"\s*:\s*"((?:[^"\\]|\\.)*)"/s.exec(body)?.[1];
  return (text ?? body).slice(0, 300);
}

function unusable(request: HttpRequest, answer: HttpAnswer, why: string): HttpError {
  const { method } = request;
  return new HttpError(`${method} ${request.path}: an answer that cannot be used: ${why}`, {
    ...{ method, path: request.path, status: answer.status, retryAfterMs: null },
    ...{ body: `an answer that cannot be used: ${why}`, done: method === 'GET' ? 'no' : 'unknown' },
  });
}

function signalOf({ signal }: HttpRequest): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
