import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import {
  createHttpClient,
  type HttpAnswer,
  HttpError,
  type HttpRequest,
  path,
} from '../../lib/http-client.ts';
import type { Secret } from '../../lib/secret.ts';
import {
  type PlaneComment,
  type PlaneItem,
  type PlaneLabel,
  type PlaneMember,
  type PlaneProject,
  type PlaneState,
  page,
  planeComment,
  planeItem,
  planeLabel,
  planeMember,
  planeProject,
  planeState,
} from './plane-types.ts';
import { createRateBudget, type RateBudget } from './rate-budget.ts';

/** Comments and items that Orch makes carry it, and an id that is unique under it in a project. */
const EXTERNAL_SOURCE = 'orch';
/** A list that is longer than so many pages is an error, never a part: at Plane's 100 to 1000 entries a page. */
const MAX_PAGES = 200;
/** When Plane refuses for the rate and does not say for how long. */
const DEFAULT_REFUSAL_MS = 60_000;

/**
 * Plane's public API as one key sees it. Every method throws `HttpError`, also for an answer that is not what
 * Plane is known to say; reads are safe to repeat, writes say so themselves.
 */
export interface PlaneClient {
  me(signal?: AbortSignal): Promise<PlaneMember>;
  projects(signal?: AbortSignal): Promise<PlaneProject[]>;
  states(projectId: string, signal?: AbortSignal): Promise<PlaneState[]>;
  labels(projectId: string, signal?: AbortSignal): Promise<PlaneLabel[]>;
  members(projectId: string, signal?: AbortSignal): Promise<PlaneMember[]>;
  workspaceMembers(signal?: AbortSignal): Promise<PlaneMember[]>;
  /** All work items, oldest first. Plane takes no filters: it ignores them without a word. */
  items(projectId: string, signal?: AbortSignal): Promise<PlaneItem[]>;
  item(projectId: string, id: string, signal?: AbortSignal): Promise<PlaneItem>;
  /** `WID-1`, from any project of the workspace. */
  itemByKey(identifier: string, number: number, signal?: AbortSignal): Promise<PlaneItem>;
  setState(projectId: string, id: string, stateId: string, signal?: AbortSignal): Promise<void>;
  comments(projectId: string, itemId: string, signal?: AbortSignal): Promise<PlaneComment[]>;
  /** Once per external id in the project: a repeat changes nothing. Answers the comment's id, and whether it is new. */
  addComment(
    projectId: string,
    itemId: string,
    comment: { readonly html: string; readonly externalId: string },
    signal?: AbortSignal,
  ): Promise<{ readonly id: string; readonly isNew: boolean }>;
  editComment(
    projectId: string,
    itemId: string,
    commentId: string,
    html: string,
    signal?: AbortSignal,
  ): Promise<void>;
  /** A repeat, and a URL that Plane does not take (400), changes nothing. */
  addLink(
    projectId: string,
    itemId: string,
    link: { readonly url: string; readonly title: string },
    signal?: AbortSignal,
  ): Promise<void>;
  /** The clock of the server by its last answer, against ours; null = it did not say. */
  skewMs(): number | null;
}

export interface PlaneClientOptions {
  /** `https://plane.example`; no trailing slash. */
  readonly url: string;
  readonly workspace: string;
  readonly token: Secret;
  readonly clock: Clock;
  readonly budget?: RateBudget;
  readonly fetch?: typeof fetch;
}

export function createPlaneClient(options: PlaneClientOptions): PlaneClient {
  const { url, workspace, token, clock, budget = createRateBudget(clock) } = options;
  const http = createHttpClient({
    base: `${url}/api/v1`,
    headers: { 'x-api-key': token.reveal() },
    secrets: [token.reveal()],
    now: clock,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
  let skew: number | null = null;

  async function send(request: HttpRequest): Promise<HttpAnswer> {
    const waitMs = await budget.turn(request.method === 'GET' ? 'read' : 'write', request.signal);
    if (waitMs !== null)
      throw new HttpError(`${request.method} ${request.path}: the key's requests are used up`, {
        ...{ method: request.method, path: request.path, status: 429, body: '' },
        ...{ retryAfterMs: waitMs, done: 'no' },
      });
    try {
      const answer = await http.send(request);
      budget.learn(answer.headers);
      const date = Date.parse(answer.headers.get('date') ?? '');
      if (!Number.isNaN(date)) skew = date - clock();
      return answer;
    } catch (error) {
      if (error instanceof HttpError && error.status === 429)
        budget.refused(error.retryAfterMs ?? DEFAULT_REFUSAL_MS);
      throw error;
    }
  }

  async function one<T extends z.ZodType>(request: HttpRequest, shape: T): Promise<z.output<T>> {
    const read = shape.safeParse((await send(request)).json());
    if (read.success) return read.data;
    throw unreadable(request, z.prettifyError(read.error));
  }

  async function list<T extends z.ZodType>(
    where: string,
    shape: T,
    query: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<z.output<T>[]> {
    const all: z.output<T>[] = [];
    let cursor: string | undefined;
    for (let pages = 1; ; pages++) {
      const request = get(where, { ...query, cursor }, signal);
      const found = await one(request, page(shape));
      all.push(...(found.results as z.output<T>[]));
      if (!found.next_page_results) return all;
      if (typeof found.next_cursor !== 'string' || found.next_cursor === cursor)
        throw unreadable(request, 'there is a next page, but no cursor that leads to it');
      if (pages === MAX_PAGES) throw unreadable(request, `there are more than ${MAX_PAGES} pages`);
      cursor = found.next_cursor;
    }
  }

  const inWorkspace = path`/workspaces/${workspace}`;
  const inProject = (id: string) => `${inWorkspace}${path`/projects/${id}`}`;
  const ofItem = (projectId: string, id: string) => `${inProject(projectId)}${path`/work-items/${id}`}`;

  return {
    me: (signal) => one(get('/users/me/', {}, signal), planeMember),
    projects: (signal) => list(`${inWorkspace}/projects/`, planeProject, {}, signal),
    states: (projectId, signal) => list(`${inProject(projectId)}/states/`, planeState, {}, signal),
    labels: (projectId, signal) => list(`${inProject(projectId)}/labels/`, planeLabel, {}, signal),
    members: (projectId, signal) =>
      one(get(`${inProject(projectId)}/members/`, {}, signal), z.array(planeMember)),
    workspaceMembers: (signal) => one(get(`${inWorkspace}/members/`, {}, signal), z.array(planeMember)),
    async items(projectId, signal) {
      // By creation, which nothing changes between two pages.
      const found = await list(
        `${inProject(projectId)}/work-items/`,
        planeItem,
        { order_by: 'created_at' },
        signal,
      );
      return [...new Map(found.map((item) => [item.id, item])).values()];
    },
    item: (projectId, id, signal) => one(get(`${ofItem(projectId, id)}/`, {}, signal), planeItem),
    itemByKey: (identifier, number, signal) =>
      one(get(`${inWorkspace}${path`/work-items/${identifier}-${number}`}/`, {}, signal), planeItem),
    async setState(projectId, id, state, signal) {
      await send(write('PATCH', `${ofItem(projectId, id)}/`, { state }, signal));
    },
    comments: (projectId, itemId, signal) =>
      list(`${ofItem(projectId, itemId)}/comments/`, planeComment, { order_by: 'created_at' }, signal),
    async addComment(projectId, itemId, { html, externalId }, signal) {
      const body = { comment_html: html, external_source: EXTERNAL_SOURCE, external_id: externalId };
      const request = write('POST', `${ofItem(projectId, itemId)}/comments/`, body, signal);
      try {
        const { id } = await one(request, z.object({ id: z.string() }));
        return { id, isNew: true };
      } catch (error) {
        const id = error instanceof HttpError && error.status === 409 ? existingId(error.body) : null;
        if (id === null) throw error;
        return { id, isNew: false };
      }
    },
    async editComment(projectId, itemId, commentId, comment_html, signal) {
      const where = `${ofItem(projectId, itemId)}${path`/comments/${commentId}`}/`;
      await send(write('PATCH', where, { comment_html }, signal));
    },
    async addLink(projectId, itemId, link, signal) {
      try {
        await send(write('POST', `${ofItem(projectId, itemId)}/links/`, link, signal));
      } catch (error) {
        if (!(error instanceof HttpError) || error.status !== 400) throw error;
      }
    },
    skewMs: () => skew,
  };
}

function get(
  where: string,
  query: Record<string, string | undefined>,
  signal: AbortSignal | undefined,
): HttpRequest {
  const defined = Object.fromEntries(
    Object.entries(query).filter((each): each is [string, string] => each[1] !== undefined),
  );
  return { method: 'GET', path: where, query: defined, ...(signal === undefined ? {} : { signal }) };
}

function write(
  method: 'POST' | 'PATCH',
  where: string,
  body: unknown,
  signal: AbortSignal | undefined,
): HttpRequest {
  return { method, path: where, body, ...(signal === undefined ? {} : { signal }) };
}

/** Of a 409: the object that has the external id already. */
function existingId(body: string): string | null {
  try {
    return z.object({ id: z.string() }).parse(JSON.parse(body)).id;
  } catch {
    return null; // another kind of conflict
  }
}

function unreadable({ method, path: where }: HttpRequest, why: string): HttpError {
  return new HttpError(`${method} ${where}: ${why}`, {
    ...{ method, path: where, status: null, body: why, retryAfterMs: null },
    done: method === 'GET' ? 'no' : 'unknown',
  });
}
