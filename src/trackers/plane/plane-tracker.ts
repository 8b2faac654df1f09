import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { DestinationContext } from '../../clients/destination-context.ts';
import { createPlaneClient, type PlaneClient } from '../../clients/plane/plane-client.ts';
import { createPlaneDirectory, type PlaneDirectory } from '../../clients/plane/plane-directory.ts';
import type { Comment } from '../../core/comment.ts';
import { destinationError } from '../../core/destination-error.ts';
import { AppError } from '../../core/errors.ts';
import { HttpError } from '../../lib/http-client.ts';
import type { ItemStatus, TrackedItem, Tracker } from '../tracker.ts';
import type { TrackerKind } from '../tracker-kind.ts';
import { toHtml, toMarkdown } from './markup.ts';
import { createPlaneProject, type PlaneRule } from './plane-project.ts';

const text = () => z.string().trim().min(1);

const KEYS = {
  project: text().describe('Project in Plane: its identifier (`WID`), name or id.'),
  label: text().optional().describe('Items with this label are taken on.'),
  state: text().optional().describe('Items in this state are taken on.'),
  assignee: text()
    .optional()
    .describe('Items assigned to this person (display name or e-mail) are taken on.'),
  states: z
    .strictObject({
      in_progress: text()
        .optional()
        .describe('State of an item that is worked on. Default: the first started one.'),
      needs_you: text()
        .optional()
        .describe('State of an item that waits for a person. Default: it stays where it is.'),
      done: text().optional().describe('State of a finished item. Default: the first completed one.'),
      cancelled: text().optional().describe('State of a cancelled item. Default: the first cancelled one.'),
    })
    .prefault({})
    .describe('Names of the states that Orch moves items to.'),
};

const configSchema = z.object(KEYS);

export const planeTracker: TrackerKind = {
  kind: 'plane',
  keys: KEYS,
  needs: ['plane_url', 'plane_workspace', 'plane_api_token'],
  check({ label, state, assignee }) {
    if (label !== undefined || state !== undefined || assignee !== undefined) return [];
    const problem = 'is missing: without a match rule every item would be taken on';
    return [{ key: 'label', problem, fix: 'add label, state or assignee' }];
  },
  create(context) {
    return createPlaneTracker(context);
  },
};

/** Its requests, and what it remembers, are shared by all projects of one key. */
function planeOf(context: Pick<DestinationContext, 'access' | 'clock' | 'once'>): {
  readonly client: PlaneClient;
  readonly directory: PlaneDirectory;
  readonly url: string;
  readonly workspace: string;
} {
  const { url, workspace, apiToken: token } = context.access.plane;
  if (url === null || workspace === null || token === null)
    throw new AppError('Plane is not set up', {
      code: 'config.plane',
      hint: 'set ORCH_PLANE_URL, ORCH_PLANE_WORKSPACE and ORCH_PLANE_API_TOKEN',
    });
  const { clock } = context;
  return context.once(`plane ${url} ${workspace} ${fingerprintOf([token.reveal()])}`, () => {
    const client = createPlaneClient({ url, workspace, token, clock });
    return { client, directory: createPlaneDirectory(client, clock), url, workspace };
  });
}

const MOVED_TO: Readonly<Record<ItemStatus, string | null>> = {
  in_progress: 'started',
  needs_you: null,
  done: 'completed',
  cancelled: 'cancelled',
};
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Of an external id in Plane. */
const MAX_EXTERNAL_ID = 255;
const PULL_REQUEST = /https?:\/\/[^\s<>()[\]"'`]{1,400}\/(?:pull|pulls|merge_requests)\/\d{1,9}(?![\w/])/;

function createPlaneTracker(context: DestinationContext): Tracker {
  const config = configSchema.parse(context.config);
  const plane = planeOf(context);
  const { client, directory } = plane;
  const rule: PlaneRule = {
    label: config.label ?? null,
    state: config.state ?? null,
    assignee: config.assignee ?? null,
    own: { inProgress: config.states.in_progress ?? null, needsYou: config.states.needs_you ?? null },
  };
  const project = createPlaneProject(plane, config.project, rule, context.clock);
  const words = wordsOf(rule, config.project);
  /** Ids of living comments that are known. */
  const reports = new Map<string, string>();
  const linked = new Set<string>();

  /** `what` is for people. An item that is no id of Plane's cannot be there. */
  async function onItem<T>(
    what: string,
    id: string,
    act: (projectId: string) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted();
    if (!UUID.test(id))
      throw destinationError('tracker', {
        ...{ vendor: 'Plane', what, status: 404, said: `there is no item ${id}`, retryAfterMs: null },
        done: 'no',
      });
    return asTracker(what, async () => act((await project.here(signal)).id));
  }

  async function linkPullRequest(projectId: string, id: string, body: string, signal: AbortSignal) {
    const url = PULL_REQUEST.exec(body)?.[0];
    if (url === undefined || linked.has(`${id} ${url}`)) return;
    await client.addLink(projectId, id, { url, title: 'Pull request' }, signal);
    linked.add(`${id} ${url}`);
  }

  return {
    kind: 'plane',
    async item(id, signal) {
      if (!UUID.test(id)) return null;
      return asTracker(`the item ${id}`, async () => {
        try {
          return await project.tracked(
            await client.item((await project.here(signal)).id, id, signal),
            signal,
          );
        } catch (error) {
          if (isGone(error)) return null;
          throw error;
        }
      });
    },
    comment: (id, body, by) =>
      onItem(
        'a comment',
        id,
        async (projectId) => {
          const comment = { html: htmlOf(body), externalId: externalId(id, by.key) };
          await client.addComment(projectId, id, comment, by.signal);
        },
        by.signal,
      ),
    report: (id, body, by) =>
      onItem(
        'the report',
        id,
        async (projectId) => {
          const html = htmlOf(body);
          const known = reports.get(id);
          const added =
            known === undefined
              ? await client.addComment(
                  projectId,
                  id,
                  { html, externalId: externalId(id, 'report') },
                  by.signal,
                )
              : { id: known, isNew: false };
          if (!added.isNew)
            try {
              await client.editComment(projectId, id, added.id, html, by.signal);
            } catch (error) {
              reports.delete(id); // somebody removed it: the next delivery writes another
              throw error;
            }
          reports.set(id, added.id);
          await linkPullRequest(projectId, id, body, by.signal);
        },
        by.signal,
      ),
    setStatus: (id, status, _stage, by) =>
      onItem(
        `the state of an item`,
        id,
        async (projectId) => {
          const state = await project.stateFor(MOVED_TO[status], config.states[status] ?? null, by.signal);
          if (state !== null) await client.setState(projectId, id, state, by.signal);
        },
        by.signal,
      ),
    async survey() {
      return { source: 'Plane', rule: words, ...project.survey() };
    },
    feed: {
      rule: {
        text: words,
        fingerprint: fingerprintOf([
          plane.url,
          plane.workspace,
          config.project.toUpperCase(),
          rule.label,
          rule.state,
          rule.assignee,
        ]),
      },
      isAbout: (place) => project.isAbout(place),
      matching: (signal): Promise<readonly TrackedItem[]> =>
        asTracker('the work items', () => project.matching(signal)),
      comments: (id, since, signal) =>
        onItem('the comments', id, (projectId) => commentsOf(projectId, id, since, signal), signal),
    },
  };

  async function commentsOf(
    projectId: string,
    id: string,
    since: number | null,
    signal: AbortSignal,
  ): Promise<Comment[]> {
    const me = await directory.me(signal);
    const all = await client.comments(projectId, id, signal);
    // Plane counts microseconds, which a Date does not.
    const inOrder = all.toSorted((a, b) => (a.created_at < b.created_at ? -1 : 1));
    const others = inOrder.filter(
      ({ actor, updated_at }) => actor !== me.id && (since === null || !(Date.parse(updated_at) < since)),
    );
    const read: Comment[] = [];
    for (const { id: comment, actor, updated_by, comment_html, created_at, updated_at } of others) {
      const authors = [actor, updated_by].flatMap((person) => person ?? []);
      const may = await Promise.all(authors.map((person) => directory.mayWrite(projectId, person, signal)));
      const names = await project.names(actor ?? null, signal);
      read.push({
        id: comment,
        // Whoever changed the words last answers for them too.
        by: {
          id: actor ?? '',
          name: actor == null ? 'somebody' : (names(actor) ?? actor),
          mayWrite: actor != null && may.every(Boolean),
        },
        body: toMarkdown(comment_html ?? '', names),
        createdAt: Date.parse(created_at),
        updatedAt: Date.parse(updated_at),
        url: null,
      });
    }
    return read;
  }
}

/** Unique in a project, the same on every repeat. */
function externalId(item: string, key: string): string {
  const id = `${item}:${key}`;
  return id.length <= MAX_EXTERNAL_ID ? id : `${item}:${fingerprintOf([key])}`;
}

/** Plane refuses a comment without words. */
function htmlOf(body: string): string {
  const html = toHtml(body);
  return html === '' ? '<p></p>' : html;
}

function wordsOf({ label, state, assignee }: PlaneRule, project: string): string {
  const parts = [
    ...(label === null ? [] : [`label ${label}`]),
    ...(state === null ? [] : [`state ${state}`]),
    ...(assignee === null ? [] : [`assigned to ${assignee}`]),
  ];
  return `${parts.join(', ')} in ${project}`;
}

function fingerprintOf(parts: readonly (string | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** Plane says so itself: a 404 of something in front of it has no such body. */
function isGone(error: unknown): boolean {
  return error instanceof HttpError && error.status === 404 && /^\s*\{\s*"(error|detail)"/.test(error.body);
}

async function asTracker<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const { status, retryAfterMs, done } = error;
    const isStrange = status === 404 && !isGone(error);
    throw destinationError('tracker', {
      ...{ vendor: 'Plane', what, retryAfterMs, done },
      status: isStrange ? null : status,
      said: isStrange ? `404 without Plane's own words (${error.message})` : error.message,
      ...hintFor(status),
    });
  }
}

function hintFor(status: number | null): { hint?: string } {
  switch (status) {
    case 401:
    case 403:
      return {
        hint: 'Plane answers 403 for a wrong key, an unknown workspace and a missing permission alike: check ORCH_PLANE_API_TOKEN and ORCH_PLANE_WORKSPACE, and that the account of the key is a member of the project',
      };
    case 429:
      return { hint: "raise Plane's own API_KEY_RATE_LIMIT (300/minute), or give Orch a key of its own" };
    case null:
      return { hint: 'check ORCH_PLANE_URL, and that Plane is up' };
    default:
      return {};
  }
}
