import { createHmac, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, listen } from './listen.ts';

/**
 * What happens to a request instead of a good answer. `drop` comes after it was worked on: what was asked is done,
 * and only the answer gets lost.
 */
export type PlaneFault =
  | { readonly status: number; readonly body?: object; readonly retryAfter?: number }
  | 'drop';

export interface PlaneWebhook {
  readonly url: string;
  readonly secret: string;
  readonly version: 'v1' | 'v2';
}

interface Item {
  readonly id: string;
  readonly project: string;
  readonly sequence_id: number;
  name: string;
  description_html: string;
  priority: string;
  state: string;
  labels: string[];
  assignees: string[];
  readonly created_at: string;
  updated_at: string;
  readonly created_by: string;
  updated_by: string | null;
  external_source: string | null;
  external_id: string | null;
  archived_at: string | null;
  is_draft: boolean;
}

interface Comment {
  readonly id: string;
  readonly issue: string;
  readonly project: string;
  comment_html: string;
  readonly actor: string;
  readonly created_by: string;
  updated_by: string | null;
  readonly created_at: string;
  updated_at: string;
  readonly external_source: string | null;
  readonly external_id: string | null;
}

interface Link {
  readonly id: string;
  readonly issue: string;
  readonly url: string;
  readonly title: string | null;
}

export interface Person {
  readonly id: string;
  readonly display_name: string;
  readonly email: string;
  /** Told only when the fake `tellsRoles`. */
  readonly role: number;
}

const STATES = [
  ['Backlog', 'backlog'],
  ['Todo', 'unstarted'],
  ['In Progress', 'started'],
  ['In Review', 'started'],
  ['Done', 'completed'],
  ['Cancelled', 'cancelled'],
] as const;

export type Plane = Awaited<ReturnType<typeof startPlane>>;

/** Plane's public API on loopback: one workspace `acme`, project `WID`, the bot's key, and Plane's own habits. */
export async function startPlane(
  options: {
    readonly perMinute?: number;
    readonly pageSize?: number;
    readonly tellsRoles?: boolean;
    readonly clock?: () => number;
  } = {},
) {
  const { pageSize = 1000, tellsRoles = true, clock = Date.now } = options;
  let perMinute = options.perMinute ?? 100_000;
  const key = 'plane_api_fake-key';
  const workspace = randomUUID();
  const person = (display_name: string, role: number): Person => ({
    ...{ id: randomUUID(), display_name, email: `${display_name}@example.com`, role },
  });
  const bot = person('orch-bot', 15);
  const ada = person('ada', 20);
  const guest = person('gus', 5);
  const people = [bot, ada, guest];
  const projects = [{ id: randomUUID(), identifier: 'WID', name: 'Widgets' }];
  const project = projects[0] as { id: string; identifier: string; name: string };
  const states = STATES.map(([name, group], i) => ({
    ...{ id: randomUUID(), name, group, sequence: (i + 1) * 15_000, project: project.id },
  }));
  const labels = ['agent', 'bug'].map((name) => ({ id: randomUUID(), name, project: project.id }));
  const items = new Map<string, Item>();
  const comments = new Map<string, Comment>();
  const links: Link[] = [];
  const requests: { method: string; path: string; at: number }[] = [];
  const webhooks: PlaneWebhook[] = [];
  const deliveries = new Set<Promise<unknown>>();
  let window: number[] = [];
  let faults: { fault: PlaneFault; when: (method: string, path: string) => boolean }[] = [];
  let always: PlaneFault | null = null;
  let ticks = 0;
  let trouble: { random: () => number; before: number; after: number } | null = null;

  /** Microseconds, as Plane writes them; never the same twice. */
  function now(): string {
    ticks = (ticks + 1) % 1000;
    return new Date(clock()).toISOString().replace('Z', `${String(ticks).padStart(3, '0')}Z`);
  }

  function stateId(name: string): string {
    const found = states.find((state) => state.name === name);
    if (found === undefined) throw new Error(`the fake has no state ${name}`);
    return found.id;
  }
  function labelId(name: string): string {
    const found = labels.find((label) => label.name === name);
    if (found !== undefined) return found.id;
    const made = { id: randomUUID(), name, project: project.id };
    labels.push(made);
    return made.id;
  }

  // What Plane says.

  function itemWire(item: Item) {
    return {
      ...item,
      ...{ type_id: null, deleted_at: null, point: null, description_binary: null, start_date: null },
      ...{ target_date: null, sort_order: 65_535, completed_at: null, workspace, parent: null },
      ...{ estimate_point: null, type: null },
    };
  }
  function commentWire(comment: Comment) {
    return {
      ...comment,
      ...{ deleted_at: null, attachments: [], access: 'INTERNAL', edited_at: null, workspace },
      ...{ description: null, parent: null },
    };
  }
  const stamp = '2026-11-22T09:04:42.418036Z';
  const base = {
    ...{ created_at: stamp, updated_at: stamp, deleted_at: null, external_source: null, external_id: null },
    ...{ created_by: null, updated_by: null, workspace },
  };
  const stateWire = (state: (typeof states)[number]) => ({
    ...{
      ...base,
      ...state,
      description: '',
      color: '#60646C',
      slug: state.name.toLowerCase().replace(' ', '-'),
    },
    ...{ is_triage: false, default: state.name === 'Backlog' },
  });
  const labelWire = (label: (typeof labels)[number]) => ({
    ...{ ...base, ...label, description: '', color: '#60646C', sort_order: 65_535, parent: null },
  });
  const projectWire = (each: (typeof projects)[number]) => ({
    ...base,
    ...each,
    is_member: true,
    network: 2,
  });
  const memberWire = ({ role, ...rest }: Person) => ({
    ...{ ...rest, first_name: '', last_name: '', avatar: '', avatar_url: null },
    ...(tellsRoles ? { role } : {}),
  });

  function paged<T>(all: readonly T[], query: URLSearchParams): Answer {
    const size = Math.min(Number(query.get('per_page') ?? pageSize), pageSize);
    const cursor = query.get('cursor') ?? `${size}:0:0`;
    const match = /^(\d+):(\d+):[01]$/.exec(cursor);
    if (match === null) return [400, { detail: 'Invalid cursor parameter.' }];
    const page = Number(match[2]);
    const results = all.slice(page * size, (page + 1) * size);
    const more = (page + 1) * size < all.length;
    return [
      200,
      {
        ...{ grouped_by: null, sub_grouped_by: null, total_count: all.length, extra_stats: null },
        ...{ next_cursor: `${size}:${page + 1}:0`, prev_cursor: `${size}:${page - 1}:1` },
        ...{ next_page_results: more, prev_page_results: page > 0, count: results.length },
        ...{ total_pages: Math.ceil(all.length / size), total_results: all.length, results },
      },
    ];
  }

  // What people and Orch do.

  function change(item: Item, fields: Partial<Item>, by: Person): void {
    for (const [field, value] of Object.entries(fields)) {
      const before = item[field as keyof Item];
      if (JSON.stringify(before) === JSON.stringify(value)) continue;
      Object.assign(item, { [field]: value });
      item.updated_at = now();
      item.updated_by = by.id;
      tell('issue', 'updated', item, by, { field, old_value: before, new_value: value });
    }
  }

  function write(
    comment: Omit<Comment, 'id' | 'created_at' | 'updated_at' | 'updated_by'>,
    by: Person,
  ): Comment {
    const at = now();
    const made = { ...comment, id: randomUUID(), created_at: at, updated_at: at, updated_by: null };
    comments.set(made.id, made);
    tell('issue_comment', 'created', made, by, {});
    return made;
  }

  function tell(
    event: 'issue' | 'issue_comment',
    action: string,
    of: Item | Comment,
    actor: Person,
    activity: object,
  ): void {
    for (const hook of webhooks) {
      const delivery = randomUUID();
      const body =
        hook.version === 'v1'
          ? v1(event, action, of, actor, activity)
          : v2(event, action, of, actor, delivery);
      const bytes = pythonJson(body);
      const sent = fetch(hook.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Autopilot',
          'x-plane-delivery': delivery,
          'x-plane-event': String(body['event']),
          'x-plane-signature': createHmac('sha256', hook.secret).update(bytes).digest('hex'),
        },
        body: bytes,
      }).then(
        (response) => response.arrayBuffer(),
        () => null, // nobody there: Plane would come again in some minutes
      );
      deliveries.add(sent);
      void sent.finally(() => deliveries.delete(sent));
    }
  }

  function v1(event: string, action: string, of: Item | Comment, actor: Person, activity: object) {
    const data =
      'issue' in of
        ? commentWire(of)
        : {
            ...itemWire(of),
            state: states.find(({ id }) => id === of.state),
            labels: labels.filter(({ id }) => of.labels.includes(id)),
            assignees: people.filter(({ id }) => of.assignees.includes(id)),
          };
    return {
      ...{ event, action, webhook_id: randomUUID(), workspace_id: workspace, data },
      activity: { field: null, new_value: null, old_value: null, ...activity, actor: memberWire(actor) },
    } as Record<string, unknown>;
  }

  function v2(event: string, action: string, of: Item | Comment, actor: Person, delivery: string) {
    const entity = 'issue' in of ? of.issue : of.id;
    const name = event === 'issue' ? `workitem.${action}` : `workitem.comment.${action}`;
    const data =
      'issue' in of
        ? { id: of.issue, comment: { id: of.id, actor_id: actor.id, comment_stripped: 'x' } }
        : {
            ...{ id: of.id, name: of.name, state_id: of.state, label_ids: of.labels, project_id: of.project },
            ...{ updated_by_id: actor.id, sequence_id: of.sequence_id, parent_id: 'None' },
          };
    return {
      ...{ version: 'v2', delivery_id: delivery, event_id: randomUUID(), entity_id: entity },
      ...{ entity_type: 'issue', event: name, webhook_id: randomUUID(), workspace_id: workspace, data },
      previous_attributes: {},
    } as Record<string, unknown>;
  }

  // The API.

  function inProject(parts: string[], method: string, query: URLSearchParams, body: Body): Answer {
    const [id, family, ...rest] = parts;
    const here = projects.find((each) => each.id === id);
    if (here === undefined) return [404, { error: 'The requested resource does not exist.' }];
    if (family === undefined) return [200, projectWire(here)];
    if (family === 'states') return paged(states.filter((each) => each.project === id).map(stateWire), query);
    if (family === 'labels') return paged(labels.filter((each) => each.project === id).map(labelWire), query);
    if (family === 'members') return [200, people.map(memberWire)];
    if (family === 'work-items') return workItems(here.id, rest, method, query, body);
    return [404, { error: 'The requested resource does not exist.' }];
  }

  function workItems(
    id: string,
    parts: string[],
    method: string,
    query: URLSearchParams,
    body: Body,
  ): Answer {
    const [itemId, family, commentId] = parts;
    if (itemId === undefined) {
      // state, label and assignee in the query are ignored without a word
      const all = [...items.values()].filter((item) => item.project === id);
      const ordered = all.toSorted((a, b) => a.created_at.localeCompare(b.created_at));
      return paged(
        (query.get('order_by')?.startsWith('-') === true ? ordered.toReversed() : ordered).map(itemWire),
        query,
      );
    }
    const item = items.get(itemId);
    if (item === undefined || item.project !== id)
      return [404, { error: 'The requested resource does not exist.' }];
    if (family === 'comments') return itemComments(item, commentId, method, query, body);
    if (family === 'links') return itemLinks(item, method, query, body);
    if (method === 'PATCH') {
      const {
        state,
        labels: wanted,
        assignees,
      } = body as { state?: string; labels?: string[]; assignees?: string[] };
      if (state !== undefined && !states.some((each) => each.id === state))
        return [400, { non_field_errors: ['State is not valid please pass a valid state_id'] }];
      change(
        item,
        {
          ...(state === undefined ? {} : { state }),
          // the whole list is replaced, and what is not of this project falls out of it
          ...(wanted === undefined
            ? {}
            : { labels: labels.map((each) => each.id).filter((each) => wanted.includes(each)) }),
          ...(assignees === undefined
            ? {}
            : { assignees: people.map((each) => each.id).filter((each) => assignees.includes(each)) }),
        },
        bot,
      );
    }
    return [200, itemWire(item)];
  }

  function itemComments(
    item: Item,
    commentId: string | undefined,
    method: string,
    query: URLSearchParams,
    body: Body,
  ): Answer {
    const { comment_html, external_source = null, external_id = null } = body as Partial<Comment>;
    if (commentId === undefined && method === 'GET') {
      const all = [...comments.values()].filter((comment) => comment.issue === item.id);
      return paged(all.toSorted((a, b) => b.created_at.localeCompare(a.created_at)).map(commentWire), query);
    }
    if (commentId === undefined) {
      const same = [...comments.values()].find(
        (comment) =>
          external_id !== null &&
          comment.project === item.project &&
          comment.external_source === external_source &&
          comment.external_id === external_id,
      );
      if (same !== undefined)
        return [
          409,
          {
            error: 'Work item comment with the same external id and external source already exists',
            id: same.id,
          },
        ];
      const made = write(
        {
          ...{ issue: item.id, project: item.project, comment_html: comment_html ?? '<p></p>' },
          ...{ actor: bot.id, created_by: bot.id, external_source, external_id },
        },
        bot,
      );
      return [201, commentWire(made)];
    }
    const comment = comments.get(commentId);
    if (comment === undefined) return [404, { error: 'The requested resource does not exist.' }];
    if (method === 'PATCH' && comment_html !== undefined && comment.comment_html !== comment_html) {
      Object.assign(comment, { comment_html, updated_at: now(), updated_by: bot.id });
      tell('issue_comment', 'updated', comment, bot, { field: 'comment_html' });
    }
    return [200, commentWire(comment)];
  }

  function itemLinks(item: Item, method: string, query: URLSearchParams, body: Body): Answer {
    const wire = (link: Link) => ({
      ...{ ...base, ...link, project: item.project, metadata: {}, updated_by: null },
    });
    if (method === 'GET') return paged(links.filter((link) => link.issue === item.id).map(wire), query);
    const { url, title = null } = body as { url: string; title?: string };
    if (!/^https?:\/\//.test(url)) return [400, { url: ['Invalid URL format.'] }];
    if (links.some((link) => link.issue === item.id && link.url === url))
      return [400, { error: 'URL already exists for this Issue' }];
    const link = { id: randomUUID(), issue: item.id, url, title };
    links.push(link);
    return [201, wire(link)];
  }

  function handle(method: string, url: URL, headers: IncomingMessage['headers'], body: Body): Answer {
    if (headers['x-api-key'] !== key)
      return [
        403,
        {
          detail:
            headers['x-api-key'] === undefined
              ? 'Authentication credentials were not provided.'
              : 'Given API token is not valid',
        },
      ];
    const at = clock();
    window = window.filter((each) => each > at - 60_000);
    if (window.length >= perMinute)
      return [
        429,
        { detail: 'Request was throttled. Expected available in 20 seconds.' },
        { 'retry-after': String(Math.ceil(((window[0] ?? at) + 60_000 - at) / 1000)) },
      ];
    window.push(at);
    const limits = {
      'x-ratelimit-remaining': String(perMinute - window.length),
      'x-ratelimit-reset': String(Math.floor(at / 1000) + 60),
    };
    if (!url.pathname.startsWith('/api/v1/')) return [404, { error: 'Page not found.' }];
    const parts = url.pathname
      .slice('/api/v1/'.length)
      .split('/')
      .filter((part) => part !== '');
    const [status, answer] = route(parts, method, url.searchParams, body);
    return [status, answer, limits];
  }

  function route(parts: string[], method: string, query: URLSearchParams, body: Body): Answer {
    if (parts.join('/') === 'users/me') return [200, memberWire(bot)];
    const [workspaces, slug, family, ...rest] = parts;
    if (workspaces !== 'workspaces') return [404, { error: 'Page not found.' }];
    if (slug !== 'acme') return [403, { detail: 'You do not have permission to perform this action.' }];
    if (family === 'members') return [200, people.map(memberWire)];
    if (family === 'projects' && rest.length === 0) return paged(projects.map(projectWire), query);
    if (family === 'projects') return inProject(rest, method, query, body);
    if (family === 'work-items') {
      const [, identifier, number] = /^(.+)-(\d+)$/.exec(rest[0] ?? '') ?? [];
      const at = projects.find((each) => each.identifier === identifier);
      const item = [...items.values()].find(
        (each) => each.project === at?.id && each.sequence_id === Number(number),
      );
      return item === undefined
        ? [404, { error: 'The requested resource does not exist.' }]
        : [200, itemWire(item)];
    }
    return [404, { error: 'Page not found.' }];
  }

  function serve(request: IncomingMessage, response: ServerResponse, text: string): void {
    const url = new URL(request.url ?? '/', 'http://plane');
    const method = request.method ?? 'GET';
    requests.push({ method, path: url.pathname, at: clock() });
    if (!url.pathname.endsWith('/')) {
      response.writeHead(301, { location: `${url.pathname}/${url.search}` }).end();
      return;
    }
    const at = faults.findIndex(({ when }) => when(method, url.pathname));
    const fault = always ?? (at === -1 ? undefined : faults.splice(at, 1)[0]?.fault);
    if (typeof fault === 'object') {
      const retry = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      answer(response, [fault.status, fault.body ?? { error: 'Something went wrong' }, retry]);
      return;
    }
    if (trouble !== null && trouble.random() < trouble.before) {
      answer(response, [502, { error: 'Bad gateway' }]);
      return;
    }
    const given = handle(method, url, request.headers, text === '' ? {} : (JSON.parse(text) as Body));
    if (fault === 'drop' || (trouble !== null && trouble.random() < trouble.after)) request.socket.destroy();
    else answer(response, given);
  }

  const server = await listen(async (request, response) => serve(request, response, await bodyOf(request)));
  const isWrite = (method: string) => method !== 'GET';

  return {
    ...{
      url: server.url,
      key,
      workspace,
      project,
      projects,
      states,
      labels,
      people,
      bot,
      ada,
      guest,
    },
    ...{ items, comments, links, requests, webhooks, stateId, labelId },
    item(
      fields: Partial<Pick<Item, 'name' | 'description_html' | 'priority' | 'is_draft' | 'archived_at'>> & {
        state?: string;
        labels?: string[];
        assignees?: Person[];
        by?: Person;
      } = {},
    ): Item {
      const { state = 'Todo', labels: names = [], assignees = [], by = ada, ...rest } = fields;
      const at = now();
      const item: Item = {
        ...{ id: randomUUID(), project: project.id, sequence_id: items.size + 1, name: 'An item' },
        ...{ description_html: '<p>Text.</p>', priority: 'none', created_at: at, updated_at: at },
        ...{ created_by: by.id, updated_by: null, external_source: null, external_id: null },
        ...{ archived_at: null, is_draft: false, ...rest },
        ...{ state: stateId(state), labels: names.map(labelId), assignees: assignees.map(({ id }) => id) },
      };
      items.set(item.id, item);
      tell('issue', 'created', item, by, {});
      return item;
    },
    change: (item: Item, fields: { state?: string; labels?: string[]; name?: string }, by: Person = ada) =>
      change(
        item,
        {
          ...(fields.state === undefined ? {} : { state: stateId(fields.state) }),
          ...(fields.labels === undefined ? {} : { labels: fields.labels.map(labelId) }),
          ...(fields.name === undefined ? {} : { name: fields.name }),
        },
        by,
      ),
    say: (item: Item, html: string, by: Person = ada) =>
      write(
        {
          ...{ issue: item.id, project: item.project, comment_html: html, actor: by.id, created_by: by.id },
          ...{ external_source: null, external_id: null },
        },
        by,
      ),
    /** Of an item, oldest first. */
    commentsOf: (itemId: string): Comment[] => [...comments.values()].filter(({ issue }) => issue === itemId),
    stateOf: (itemId: string): string =>
      states.find(({ id }) => id === items.get(itemId)?.state)?.name ?? 'gone',
    /** The next requests that fit meet these, one each. */
    fail(fault: PlaneFault, when: (method: string, path: string) => boolean = () => true) {
      faults = [...faults, { fault, when }];
    },
    /** The next write is done, and its answer gets lost. */
    loseNext() {
      faults = [...faults, { fault: 'drop', when: isWrite }];
    },
    failAlways(fault: PlaneFault | null) {
      always = fault;
    },
    /** Shares of requests that fail before they act, and after. */
    setTrouble(value: typeof trouble) {
      trouble = value;
    },
    limit(to: number) {
      perMinute = to;
    },
    /** Every webhook under way was answered or failed. */
    async told() {
      while (deliveries.size > 0) await Promise.all(deliveries);
    },
    close: server.close,
  };
}

type Body = Record<string, unknown>;
type Answer = readonly [status: number, body: object, headers?: Record<string, string>];

function answer(response: ServerResponse, [status, body, headers = {}]: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** As Python's json.dumps writes it, which is what Plane signs. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([name, each]) => `${pythonJson(name)}: ${pythonJson(each)}`)
      .join(', ')}}`;
  return (JSON.stringify(value) ?? 'null').replaceAll(
    /[\u007f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
