import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen } from '../listen.ts';
import type { ModelRequest, Reply, Scenario, Scripted, Seen, Usage } from './scenario.ts';

export interface FakeAnthropic {
  readonly url: string;
  /** Every request since the last `load`, in order of arrival. */
  requests(): readonly Seen[];
  /** The agent's own turns among them. */
  turns(): readonly Seen[];
  /** Begins another scenario and forgets the requests so far. */
  load(scenario: Scenario): void;
  close(): Promise<void>;
}

interface Event {
  readonly type: string;
  readonly [field: string]: unknown;
}

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const MAX_WAIT_MS = 5 * 60_000;
const PIECE_CHARS = 60;
const DEFAULT_USAGE: Usage = {
  input_tokens: 1200,
  output_tokens: 42,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};
const NOTHING: Reply = { text: 'Nothing more is scripted.' };

/** Starts a scripted model API on loopback, for the real CLI to talk to. */
export async function startFakeAnthropic(): Promise<FakeAnthropic> {
  let seen: Seen[] = [];
  let script = scriptOf({});
  const stopping = new AbortController();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const path = request.url ?? '/';
    const asked = readRequest(body);
    const isModel = request.method === 'POST' && /\/v1\/messages(?:\?|$)/.test(path);
    const kind = !isModel ? 'other' : asked.tools.length > 0 ? 'main' : 'side';
    const reply = isModel ? script.next(kind === 'main', asked) : null;
    seen.push({
      ...asked,
      at: Date.now(),
      method: request.method ?? '',
      path,
      kind,
      credentials: credentialsOf(request),
      replied: reply === null ? 'built in' : nameOf(reply),
    });
    if (reply !== null) return play(reply, asked, request, response);
    if (/\/count_tokens/.test(path)) return sendJson(response, 200, { input_tokens: 1200 });
    if (request.method === 'HEAD') return sendJson(response, 200, {});
    sendError(response, 404, { type: 'not_found_error', message: 'fake API: no such endpoint' });
  }

  async function play(
    reply: Reply,
    asked: ModelRequest,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const wait = waiter(response, stopping.signal);
    await wait(reply.delay_ms ?? 0);
    if (reply.drop === 'before_headers') return void request.socket.destroy();
    const headers = { 'request-id': id('req'), ...reply.headers };
    if (reply.usage_limit !== undefined) {
      const error = {
        type: 'rate_limit_error',
        message: "This request would exceed your account's rate limit.",
      };
      return sendError(response, 429, error, { ...headers, ...limitHeaders(reply.usage_limit) });
    }
    if (reply.status !== undefined) {
      const error = reply.error ?? { type: 'api_error', message: 'Internal server error' };
      return sendError(response, reply.status, error, headers);
    }
    const isCut = reply.drop !== undefined || reply.stall_ms !== undefined;
    const events = eventsOf(reply, asked);
    if (!asked.stream) {
      await wait(reply.stall_ms ?? 0);
      // The CLI's way out of a broken stream is broken too.
      if (isCut) return void request.socket.destroy();
      return sendJson(response, 200, messageOf(reply, asked), headers);
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers });
    for (const event of isCut ? events.slice(0, Math.ceil(events.length / 2)) : events)
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    if (!isCut) return void response.end();
    await wait(reply.stall_ms ?? 50);
    response.destroy();
  }

  const server = await listen((request, response) =>
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendError(response, 500, { type: 'api_error', message: `fake API: ${String(error)}` });
    }),
  );
  return {
    url: server.url,
    requests: () => seen,
    turns: () => seen.filter((request) => request.kind === 'main'),
    load(scenario) {
      seen = [];
      script = scriptOf(scenario);
    },
    async close() {
      stopping.abort();
      await server.close();
    },
  };
}

/** The same fingerprint as in `credentials`, so that a test can say which one was sent. */
export function fingerprintOf(credential: string): string {
  return createHash('sha256').update(credential).digest('hex').slice(0, 8);
}

function scriptOf(scenario: Scenario): { next(isMain: boolean, asked: ModelRequest): Reply } {
  const queue: { left: number | null; scripted: Scripted }[] = (scenario.replies ?? []).map((scripted) => ({
    left: null,
    scripted,
  }));
  return {
    next(isMain, asked) {
      if (!isMain) return scenario.side ?? { text: 'ok' };
      const [head] = queue;
      const scripted = head?.scripted ?? scenario.after ?? NOTHING;
      const reply = typeof scripted === 'function' ? scripted(asked) : scripted;
      if (head !== undefined) {
        head.left =
          (head.left ?? (reply.repeat === 'forever' ? Number.POSITIVE_INFINITY : (reply.repeat ?? 1))) - 1;
        if (head.left <= 0) queue.shift();
      }
      return reply;
    },
  };
}

function contentOf(reply: Reply): Event[] {
  const uses = [reply.tool_use ?? []].flat();
  return [
    ...(reply.text === undefined ? [] : [{ type: 'text', text: reply.text }]),
    ...uses.map(({ name, input }) => ({ type: 'tool_use', id: id('toolu'), name, input })),
  ];
}

function messageOf(reply: Reply, asked: ModelRequest): Event {
  return {
    id: id('msg'),
    type: 'message',
    role: 'assistant',
    model: asked.model,
    content: contentOf(reply),
    stop_reason: reply.tool_use === undefined ? 'end_turn' : 'tool_use',
    stop_sequence: null,
    usage: { ...DEFAULT_USAGE, ...reply.usage },
  };
}

/** A message as the events of its stream. */
function eventsOf(reply: Reply, asked: ModelRequest): Event[] {
  const message = messageOf(reply, asked);
  const usage = { ...DEFAULT_USAGE, ...reply.usage };
  const blocks = contentOf(reply).flatMap((block, index): Event[] => {
    const isText = block.type === 'text';
    const whole = isText ? String(block['text']) : JSON.stringify(block['input']);
    return [
      {
        type: 'content_block_start',
        index,
        content_block: isText ? { ...block, text: '' } : { ...block, input: {} },
      },
      ...piecesOf(whole).map((piece) => ({
        type: 'content_block_delta',
        index,
        delta: isText
          ? { type: 'text_delta', text: piece }
          : { type: 'input_json_delta', partial_json: piece },
      })),
      { type: 'content_block_stop', index },
    ];
  });
  return [
    {
      type: 'message_start',
      message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
    },
    { type: 'ping' },
    ...blocks,
    {
      type: 'message_delta',
      delta: { stop_reason: message['stop_reason'], stop_sequence: null },
      usage: { output_tokens: usage.output_tokens },
    },
    { type: 'message_stop' },
  ];
}

function piecesOf(text: string): string[] {
  const count = Math.max(1, Math.ceil(text.length / PIECE_CHARS));
  return Array.from({ length: count }, (_, i) => text.slice(i * PIECE_CHARS, (i + 1) * PIECE_CHARS));
}

/** What the vendor sends when a plan is used up. */
function limitHeaders({ claim, reset }: NonNullable<Reply['usage_limit']>): Record<string, string> {
  const short = claim === 'five_hour' ? '5h' : '7d';
  const prefix = 'anthropic-ratelimit-unified';
  return {
    'retry-after': String(Math.max(0, reset - Math.floor(Date.now() / 1000))),
    [`${prefix}-status`]: 'rejected',
    [`${prefix}-reset`]: String(reset),
    [`${prefix}-representative-claim`]: claim,
    [`${prefix}-fallback`]: 'unavailable',
    [`${prefix}-${short}-status`]: 'rejected',
    [`${prefix}-${short}-reset`]: String(reset),
    [`${prefix}-${short}-utilization`]: '1',
    [`${prefix}-overage-status`]: 'rejected',
    [`${prefix}-overage-disabled-reason`]: 'org_level_disabled',
  };
}

function credentialsOf({ headers }: IncomingMessage): Seen['credentials'] {
  const key = headers['x-api-key'];
  const bearer = /^bearer (.*)$/i.exec(headers.authorization ?? '')?.[1];
  return [
    ...(typeof key === 'string' ? [{ header: 'x-api-key', fingerprint: fingerprintOf(key) }] : []),
    ...(bearer === undefined ? [] : [{ header: 'authorization', fingerprint: fingerprintOf(bearer) }]),
  ];
}

interface Body {
  model?: string;
  stream?: boolean;
  system?: unknown;
  messages?: unknown;
  tools?: { name?: string }[];
}

function readRequest(text: string): ModelRequest {
  const body = (text === '' ? {} : JSON.parse(text)) as Body;
  return {
    model: body.model ?? '',
    stream: body.stream === true,
    system: textsIn(body.system).join('\n'),
    said: textsIn(body.messages).join('\n'),
    ...lastWord(body.messages),
    tools: (body.tools ?? []).map((tool) => tool.name ?? ''),
  };
}

/** The newest message that answers no tool, and the answers since. */
function lastWord(messages: unknown): Pick<ModelRequest, 'told' | 'answers'> {
  const all = (Array.isArray(messages) ? messages : []) as { role?: string; content?: unknown }[];
  const isPrompt = ({ role, content }: (typeof all)[number]) =>
    role === 'user' &&
    !(Array.isArray(content) && content.some((block: { type?: string }) => block.type === 'tool_result'));
  const at = all.findLastIndex(isPrompt);
  const texts = textsIn(all[at]?.content).filter((text) => !text.startsWith('<system-reminder>'));
  const later = all.slice(at + 1).filter(({ role }) => role === 'assistant');
  return { told: texts.join('\n'), answers: later.length };
}

/** Every string in a value of whatever shape, in order. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

function nameOf(reply: Reply): string {
  if (reply.usage_limit !== undefined) return 'usage limit';
  if (reply.status !== undefined) return `status ${reply.status}`;
  return reply.drop ?? (reply.stall_ms === undefined ? 'message' : 'stall');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('the request is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Waits that end early when the other side hangs up or the server closes. */
function waiter(response: ServerResponse, stopping: AbortSignal): (ms: number) => Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, stopping]);
  return async (ms) => {
    if (ms > 0) await sleep(Math.min(ms, MAX_WAIT_MS), undefined, { signal }).catch(() => undefined);
  };
}

function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(response.req.method === 'HEAD' ? undefined : JSON.stringify(value));
}

function sendError(
  response: ServerResponse,
  status: number,
  error: { type: string; message: string },
  headers: Record<string, string> = {},
): void {
  sendJson(response, status, { type: 'error', error, request_id: id('req') }, headers);
}

function id(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}
