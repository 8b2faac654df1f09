import { createHash } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { messageOf } from '../../core/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Webhook, WebhookEvent, WebhookHeaders, WebhookPlace } from '../../webhooks/webhook.ts';
import type { ProblemWire } from '../contract.ts';

/** A vendor whose secret is set: without one it has no route. */
export interface LiveWebhook {
  readonly webhook: Webhook;
  readonly secret: string;
}

/** When deliveries of a kind last came to this service, as ISO times. */
export interface HeardDelivery {
  readonly kind: string;
  readonly takenAt: string | null;
  readonly refusedAt: string | null;
}

export interface WebhookOptions {
  /** Those with a secret now; asked at every delivery, so that a changed configuration counts at once. */
  readonly webhooks: () => readonly LiveWebhook[];
  /** Has the places looked at soon; returns at once. */
  readonly nudge: (kind: string, places: readonly WebhookPlace[]) => void;
  /** Told of each delivery whether its signature was right; for people who look why none comes. */
  readonly heard: (kind: string, wasTaken: boolean) => void;
  readonly log: Logger;
}

const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** Deliveries remembered, to tell a repeat; an older one is harmless too, and costs a look. */
const MAX_REMEMBERED = 4096;
const MAX_LOGGED = 100;
const MAX_DEPTH = 200;
const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * What vendors send. Nothing is kept of a delivery but that it came: a good one has the places it names looked
 * at, through the vendor's API. It is answered before anything is looked at.
 */
export function webhookRoutes({ webhooks, nudge, heard, log }: WebhookOptions) {
  const routes = new Hono();
  const remembered = new Set<string>();

  function isRepeat(kind: string, delivery: string | null, body: Uint8Array): boolean {
    const digest = createHash('sha256').update(body).digest('base64');
    const key = `${kind} ${(delivery ?? '').slice(0, MAX_LOGGED)} ${digest}`;
    if (remembered.has(key)) return true;
    remembered.add(key);
    const [oldest] = remembered;
    if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest);
    return false;
  }

  async function take(c: Context, { webhook, secret }: LiveWebhook): Promise<Response> {
    const { kind } = webhook;
    const header: WebhookHeaders = (name) => c.req.header(name) ?? null;
    const encoding = header('content-encoding');
    if (encoding !== null || !isJson(header('content-type')))
      return problem(c, 415, 'webhook.not_json', 'only application/json without an encoding is taken', {
        hint: `set the content type of the ${kind} webhook to application/json`,
      });
    const body = await bodyOf(c, MAX_BODY_BYTES);
    if (body === null)
      return problem(c, 413, 'request.too_large', `a delivery has at most ${MAX_BODY_BYTES} bytes`);
    const isTaken = isAuthentic(webhook, header, body, secret);
    heard(kind, isTaken);
    if (!isTaken)
      return problem(c, 401, 'webhook.signature', 'the signature is not right', {
        hint: `the secret of the ${kind} webhook is the one that Orch has`,
      });
    const parsed = parse(body);
    if (parsed === null) return problem(c, 400, 'webhook.not_json', 'the body is not JSON');
    const event = read(webhook, header, parsed.value);
    const facts = { kind, what: event.what.slice(0, MAX_LOGGED), delivery: event.delivery };
    if (isRepeat(kind, event.delivery, body)) {
      log.debug(facts, 'a delivery came again');
      return c.json({ ok: true, looks: 0 }, 202);
    }
    log.debug({ ...facts, places: event.places.length }, 'a delivery came');
    if (event.places.length > 0) setImmediate(() => nudge(kind, event.places));
    return c.json({ ok: true, looks: event.places.length }, 202);
  }

  /** An adapter promises not to throw; if one does, what came is no event of ours. */
  function read(webhook: Webhook, header: WebhookHeaders, value: unknown): WebhookEvent {
    try {
      return webhook.read(header, value);
    } catch (error) {
      log.error({ kind: webhook.kind, error: messageOf(error) }, 'a delivery could not be read');
      return { what: 'unreadable', delivery: null, actor: null, places: [] };
    }
  }

  routes.all('/:kind', async (c) => {
    const live = webhooks().find(({ webhook }) => webhook.kind === c.req.param('kind'));
    if (live === undefined) return problem(c, 404, 'not_found', `there is no ${c.req.path}`);
    if (c.req.method === 'POST') return take(c, live);
    c.header('allow', 'POST');
    return problem(c, 405, 'webhook.method', 'a webhook is delivered by POST');
  });
  routes.all('/*', (c) => problem(c, 404, 'not_found', `there is no ${c.req.path}`));
  routes.all('/', (c) => problem(c, 404, 'not_found', `there is no ${c.req.path}`));
  return routes;
}

/** All that are there are right, and one is there. */
function isAuthentic(webhook: Webhook, header: WebhookHeaders, body: Uint8Array, secret: string): boolean {
  const given = webhook.signatureHeaders.flatMap((name) => {
    const value = header(name);
    return value === null ? [] : [{ name, value }];
  });
  // Every one is looked at: which of them was wrong takes no less time than none.
  const right = given.filter(
    ({ name, value }) => value !== '' && webhook.isSigned(name, value, body, secret),
  );
  return given.length > 0 && right.length === given.length;
}

function isJson(contentType: string | null): boolean {
  const [essence, ...parameters] = (contentType ?? '').split(';').map((part) => part.trim().toLowerCase());
  return essence === 'application/json' && parameters.every((each) => /^(?:charset="?utf-?8"?)?$/.test(each));
}

/** The bytes as they came; null when there are more than `limit`, of which no more are read. */
async function bodyOf(c: Context, limit: number): Promise<Uint8Array | null> {
  if (Number(c.req.header('content-length') ?? 0) > limit) return null;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of c.req.raw.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function parse(body: Uint8Array): { readonly value: unknown } | null {
  if (isDeep(body)) return null;
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown };
  } catch {
    return null; // empty, not UTF-8, not JSON
  }
}

/** Nothing that a vendor sends is nested like this, and to parse it would take seconds. */
function isDeep(body: Uint8Array): boolean {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (inText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

function problem(
  c: Context,
  status: number,
  code: string,
  title: string,
  more: Partial<ProblemWire> = {},
): Response {
  const body: ProblemWire = { code, title, ...more };
  return c.newResponse(JSON.stringify(body), status as 400, { 'content-type': 'application/problem+json' });
}
