import { endpoint } from '@octokit/endpoint';
import type { Endpoints } from '@octokit/types';
import type { Clock } from '../../lib/clock.ts';
import { createHttpClient, type HttpAnswer, HttpError, isStatus, path } from '../../lib/http-client.ts';
import type { Secret } from '../../lib/secret.ts';
import { askedOnce, believed, createPermissions, failedRequest, tooLong } from '../host-client.ts';
import type { RepositoryName } from '../repository-name.ts';
import { createGithubFetch } from './github-fetch.ts';

/** A request as GitHub's own description of its API names it: `GET /repos/{owner}/{repo}/pulls`. */
export type Route = keyof Endpoints;
type Params<R extends Route> = Omit<
  Endpoints[R]['parameters'],
  'baseUrl' | 'headers' | 'mediaType' | 'request'
>;
type Data<R extends Route> = Endpoints[R]['response']['data'];

/** GitHub's API as one of its users. Every method throws `HttpError` for what did not go well. */
export interface GithubClient {
  send<R extends Route>(route: R, params: Params<R>, signal?: AbortSignal): Promise<Data<R>>;
  /**
   * As `send`; null for 404, and for 410 (an issue that was deleted). A repository that the token may not see
   * answers 404 for everything in it, so it is believed only while that is there.
   */
  find<R extends Route>(route: R, params: Params<R>, signal?: AbortSignal): Promise<Data<R> | null>;
  /** All pages of a list, or an error: never a part. `listOf` takes the list out of an answer. */
  all<R extends Route, T>(
    route: R,
    params: Params<R>,
    listOf: (data: Data<R>) => readonly T[],
    signal?: AbortSignal,
  ): Promise<T[]>;
  /** What is no JSON: a log. */
  text<R extends Route>(route: R, params: Params<R>, signal?: AbortSignal): Promise<string>;
  graphql(query: string, variables: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<void>;
  /** The user that the token belongs to. */
  own(signal?: AbortSignal): Promise<{ readonly id: string; readonly login: string }>;
  /**
   * May write to the repository; a few minutes old at most. `association` is what GitHub says beside a comment,
   * and counts only where the token may not ask.
   */
  mayWrite(
    at: RepositoryName,
    login: string | null,
    association: string | null,
    signal?: AbortSignal,
  ): Promise<boolean>;
  /** A repository that the token may not see answers 404 for everything in it: then the error says 403. */
  told(at: RepositoryName, error: unknown): Promise<unknown>;
  /** Headers of the last answer: scopes of the token, what is left of its requests, the server's clock. */
  lastHeaders(): Headers | null;
}

export interface GithubClientOptions {
  /** Of the pages people see: `https://github.com`, or a GitHub Enterprise Server. */
  readonly url: string;
  readonly token: Secret;
  readonly clock: Clock;
  readonly timeoutMs?: number;
}

const PAGE_SIZE = 100;
/** 10,000 entries; more is an error that says so, for half a list would pass for the whole. */
const MAX_PAGES = 100;
const MAY_WRITE: readonly string[] = ['write', 'maintain', 'admin'];
const ASSOCIATED: readonly string[] = ['OWNER', 'MEMBER', 'COLLABORATOR'];
const CLOUD = 'https://github.com';
const VERSION = '2022-11-28';

export function createGithubClient({ url, token, clock, timeoutMs }: GithubClientOptions): GithubClient {
  const isCloud = url === CLOUD;
  const rest = isCloud ? '' : '/api/v3';
  const secret = token.reveal();
  let last: Headers | null = null;
  const http = createHttpClient({
    base: isCloud ? 'https://api.github.com' : url,
    headers: {
      ...{ authorization: `Bearer ${secret}`, accept: 'application/vnd.github+json' },
      ...{ 'x-github-api-version': VERSION, 'user-agent': 'orch' },
    },
    secrets: [secret],
    now: clock,
    fetch: createGithubFetch(clock, (headers) => {
      last = headers;
    }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  const permissions = createPermissions(clock);
  const own = askedOnce(async (signal) => {
    const { id, login } = await send('GET /user', {}, signal);
    return { id: String(id), login };
  });

  function answer<R extends Route>(
    route: R,
    params: Params<R>,
    signal: AbortSignal | undefined,
  ): Promise<HttpAnswer> {
    const { method, url: full, body } = endpoint(route, { ...params, baseUrl: 'http://api' });
    return http.send({
      method: method,
      path: `${rest}${full.slice('http://api'.length)}`,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async function send<R extends Route>(route: R, params: Params<R>, signal?: AbortSignal): Promise<Data<R>> {
    const answered = await answer(route, params, signal);
    return answered.text === '' ? undefined : answered.json();
  }

  async function askMayWrite(
    at: RepositoryName,
    username: string,
    association: string | null,
    signal?: AbortSignal,
  ): Promise<boolean> {
    try {
      const params = { owner: at.owner, repo: at.name, username };
      const route = 'GET /repos/{owner}/{repo}/collaborators/{username}/permission';
      return MAY_WRITE.includes((await send(route, params, signal)).permission);
    } catch (error) {
      const status = error instanceof HttpError ? error.status : null;
      if (status === 404) return false; // an app, or somebody who is gone
      // Only those who may push may ask that of others. A limit on requests has a time with it.
      if (status !== 403 || (error instanceof HttpError && error.retryAfterMs !== null)) throw error;
      return ASSOCIATED.includes(association ?? '');
    }
  }

  function told(at: RepositoryName, error: unknown): Promise<unknown> {
    const repository = `${rest}${path`/repos/${at.owner}/${at.name}`}`;
    return believed(error, at, () => http.send({ method: 'GET', path: repository }));
  }

  return {
    send,
    told,
    async find(route, params, signal) {
      try {
        return await send(route, params, signal);
      } catch (error) {
        if (!isStatus(error, 404, 410)) throw error;
        const { owner, repo } = params as { owner?: string; repo?: string };
        const seen =
          owner === undefined || repo === undefined ? error : await told({ owner, name: repo }, error);
        if (seen !== error) throw seen;
        return null;
      }
    },
    async all(route, params, listOf, signal) {
      const found = [];
      for (let page = 1; page <= MAX_PAGES; page++) {
        const answered = await answer(route, { ...params, per_page: PAGE_SIZE, page }, signal);
        found.push(...listOf(answered.json()));
        if (!/<[^>]+>;[^,]*rel="next"/.test(answered.headers.get('link') ?? '')) return found;
      }
      const [method = 'GET', where = ''] = route.split(' ');
      throw tooLong(method, where, MAX_PAGES, PAGE_SIZE);
    },
    async text(route, params, signal) {
      return (await answer(route, params, signal)).text;
    },
    async graphql(query, variables, signal) {
      const where = isCloud ? '/graphql' : '/api/graphql';
      const body = { query, variables };
      const answered = await http.send({ method: 'POST', path: where, body, ...(signal && { signal }) });
      const { errors } = answered.json() as { errors?: readonly { readonly message?: unknown }[] };
      if (errors === undefined || errors.length === 0) return;
      const said = errors.map(({ message }) => String(message)).join('; ');
      // Errors come with 200; what GitHub says no to here, it says again.
      throw new HttpError(`POST ${where}: ${said}`, {
        ...{ method: 'POST', path: where, status: 422, body: said, retryAfterMs: null, done: 'no' },
      });
    },
    own,
    mayWrite: (at, login, association, signal) =>
      permissions(at, login, (named) => askMayWrite(at, named, association, signal)),
    lastHeaders: () => last,
  };
}

/** What an error of ours says, for that of a tracker or forge; null: it is none of GitHub's. */
export function githubFailure(error: unknown) {
  return failedRequest('GitHub', error, ({ status, retryAfterMs }) => {
    if (status === 401)
      return 'the token is not valid (any more): set ORCH_GITHUB_TOKEN or ORCH_GITHUB_REVIEWER_TOKEN anew';
    return status === 403 && retryAfterMs === null
      ? 'the token lacks a permission: orch doctor --only github names those that are needed'
      : null;
  });
}
