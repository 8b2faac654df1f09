import { z } from 'zod';
import {
  createHttpClient,
  type HttpAnswer,
  HttpError,
  type HttpRequest,
  path,
} from '../../lib/http-client.ts';
import type { Secret } from '../../lib/secret.ts';
import { askedOnce, believed, createPermissions, failedRequest, tooLong } from '../host-client.ts';
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
  const permissions = createPermissions(now);
  const own = askedOnce((signal) => one(user, { method: 'GET', path: '/user', ...(signal && { signal }) }));

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
      throw tooLong(request.method, request.path, MAX_PAGES, PAGE_SIZE);
    },
    told: (at, error) =>
      believed(error, at, () => http.send({ method: 'GET', path: path`/repos/${at.owner}/${at.name}` })),
    own,
    mayWrite: (at, login, signal) => permissions(at, login, (named) => askMayWrite(at, named, signal)),
  };
}

/** What an error of ours says, for that of a tracker or forge; null: it is none of Gitea's. */
export function giteaFailure(error: unknown) {
  return failedRequest('Gitea', error, ({ status, body }) => {
    if (status === 401)
      return 'the token is not valid (any more): set ORCH_GITEA_TOKEN or ORCH_GITEA_REVIEWER_TOKEN anew';
    const scope = /required=\[([^\]]*)\]/.exec(body)?.[1];
    return status === 403 && scope !== undefined
      ? `the token lacks the scope ${scope}: make one that has it; orch doctor --only gitea names all`
      : null;
  });
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
