import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../engine/engine.ts';
import { createLogger } from '../lib/logger.ts';
import { webhooks } from '../registry.ts';
import { hmacOf, signedBy } from '../webhooks/signature.ts';
import type { Webhook, WebhookPlace } from '../webhooks/webhook.ts';
import { createHttp } from './server.ts';
import { readWebFiles } from './web-files.ts';

const SECRET = 'shared';
const MIB = 1024 * 1024;

/** A vendor of ours: two headers, of which either will do. */
const acme: Webhook = {
  kind: 'acme',
  ...signedBy({ 'x-acme-signature': 'hex', 'x-hub-signature-256': 'sha256=' }),
  read(header, body) {
    const { repo, issue } = (body ?? {}) as { repo?: unknown; issue?: unknown };
    if (issue === 'boom') throw new Error('an adapter with a fault');
    const isOurs = typeof repo === 'string' && typeof issue === 'number';
    return {
      what: 'issue',
      delivery: header('x-acme-delivery'),
      actor: null,
      places: isOurs ? [{ kind: 'item', at: repo, id: String(issue) }] : [],
    };
  },
};

function open(live: readonly Webhook[] = [acme], secret = SECRET) {
  const looks: { kind: string; places: readonly WebhookPlace[] }[] = [];
  const app = createHttp({
    engine: {
      nudge: (kind: string, places: readonly WebhookPlace[]) => looks.push({ kind, places }),
      onRun: () => undefined,
    } as unknown as Engine,
    tokens: ['t'],
    web: readWebFiles('/nowhere'),
    version: 'test',
    publicUrl: null,
    url: () => 'http://127.0.0.1:8044',
    configProblem: () => null,
    config: () => [],
    settings: null,
    async *check() {},
    webhooks: () => live.map((webhook) => ({ webhook, secret })),
    log: createLogger('silent', null),
    shutdown: () => undefined,
  });
  const send = async (
    body: string | Uint8Array,
    headers: Record<string, string>,
    path = '/webhooks/acme',
    method = 'POST',
  ) => {
    // Names of headers in any case: a recorded type stands in for ours, not beside it.
    const all = new Headers({ 'content-type': 'application/json' });
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    const request = new Request(`http://orch${path}`, {
      method,
      headers: all,
      ...(method === 'GET' || method === 'HEAD' ? {} : { body: Buffer.from(body) }),
    });
    const answer = await app.fetch(request);
    await new Promise((done) => setImmediate(done));
    return answer;
  };
  const signed = (body: string | Uint8Array, more: Record<string, string> = {}) =>
    send(body, { 'x-acme-signature': hmacOf(Buffer.from(body), secret), ...more });
  return { app, looks, send, signed };
}

const BODY = '{ "repo": "acme/api", "issue": 7 }';

describe('a webhook', () => {
  it('has the place that a signed delivery names looked at, and answers at once', async () => {
    const { looks, signed } = open();
    expect((await signed(BODY)).status).toBe(202);
    expect(looks).toEqual([{ kind: 'acme', places: [{ kind: 'item', at: 'acme/api', id: '7' }] }]);
  });

  it('needs no sign-in, and takes more than the API does', async () => {
    const { looks, signed } = open();
    const large = JSON.stringify({ repo: 'acme/api', issue: 7, fill: 'x'.repeat(3 * MIB) });
    expect((await signed(large)).status).toBe(202);
    expect(looks).toHaveLength(1);
  });

  it.each([
    ['another vendor', '/webhooks/other', 'POST'],
    ['no vendor', '/webhooks', 'POST'],
    ['a folder below', '/webhooks/acme/more', 'POST'],
    ['another vendor by GET', '/webhooks/other', 'GET'],
  ])('does not exist for %s', async (_what, path, method) => {
    const answer = await open().send(BODY, {}, path, method);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });

  it('does not exist without a secret', async () => {
    const { signed, looks } = open([]);
    expect((await signed(BODY)).status).toBe(404);
    expect(looks).toEqual([]);
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('is not for %s', async (method) => {
    const answer = await open().send(BODY, {}, '/webhooks/acme', method);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
  });

  it.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['text', { 'content-type': 'text/plain' }],
    ['nothing named', { 'content-type': '' }],
    ['JSON of another encoding', { 'content-type': 'application/json; charset=utf-16' }],
    ['something zipped', { 'content-encoding': 'gzip' }],
  ])('takes no %s', async (_what, headers) => {
    const { signed, looks } = open();
    expect((await signed(BODY, headers)).status).toBe(415);
    expect(looks).toEqual([]);
  });

  it.each([
    ['none', {}],
    ['an empty one', { 'x-acme-signature': '' }],
    ['one of other bytes', { 'x-acme-signature': hmacOf(Buffer.from('{}'), SECRET) }],
    ['one of another secret', { 'x-acme-signature': hmacOf(Buffer.from(BODY), 'guessed') }],
    [
      'a right one beside a wrong one',
      { 'x-acme-signature': hmacOf(Buffer.from(BODY), SECRET), 'x-hub-signature-256': 'sha256=00' },
    ],
    [
      'a right one beside an empty one',
      { 'x-acme-signature': hmacOf(Buffer.from(BODY), SECRET), 'x-hub-signature-256': '' },
    ],
    ['one of sha1', { 'x-hub-signature': `sha1=${createHmac('sha1', SECRET).update(BODY).digest('hex')}` }],
  ])('refuses a delivery with the signature: %s', async (_what, headers) => {
    const { send, looks } = open();
    expect((await send(BODY, headers)).status).toBe(401);
    expect(looks).toEqual([]);
  });

  it('verifies the bytes as they came, also of another spelling of the same JSON', async () => {
    const { send } = open();
    const spelt = '{\n  "repo":"acme\\/api", "issue":7.0 }';
    expect((await send(spelt, { 'x-acme-signature': hmacOf(Buffer.from(BODY), SECRET) })).status).toBe(401);
    const both = hmacOf(Buffer.from(spelt), SECRET);
    const headers = { 'x-acme-signature': both, 'x-hub-signature-256': `sha256=${both}` };
    expect((await send(spelt, headers)).status).toBe(202);
  });

  it('reads no more than 10 MiB', async () => {
    const { signed, looks, app } = open();
    expect((await signed('x'.repeat(10 * MIB + 1))).status).toBe(413);
    expect((await signed(`"${'x'.repeat(10 * MIB - 2)}"`)).status).toBe(202);
    // Without a stated length it is the bytes that are counted.
    let read = 0;
    const endless = new ReadableStream({
      pull(controller) {
        read += MIB;
        controller.enqueue(new Uint8Array(MIB));
      },
    });
    const init: RequestInit = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
    };
    const answer = await app.fetch(new Request('http://orch/webhooks/acme', { ...init, duplex: 'half' }));
    expect([answer.status, read <= 13 * MIB]).toEqual([413, true]);
    expect(looks).toEqual([]);
  });

  it.each([
    ['an empty body', ''],
    ['blanks', '   '],
    ['half of a body', BODY.slice(0, 9)],
    ['two bodies', BODY + BODY],
    ['bytes that are no text', Buffer.from([0x22, 0xff, 0xfe, 0x22])],
  ])('answers 400 to %s, signed though it is', async (_what, body) => {
    const { signed, looks } = open();
    const answer = await signed(body);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    expect(looks).toEqual([]);
  });

  it.each([
    ['null', 'null'],
    ['a number', '7'],
    ['a list', '[]'],
    ['wrong types', '{"repo":{"a":1},"issue":[7]}'],
    ['a repository that nobody knows', '{"repo":null,"issue":null}'],
    ['what an adapter trips over', '{"repo":"x","issue":"boom"}'],
  ])('takes %s for no event of ours', async (_what, body) => {
    const { signed, looks } = open();
    expect((await signed(body)).status).toBe(202);
    expect(looks).toEqual([]);
  });

  it('is not stopped by what is nested without end', async () => {
    const { signed, looks } = open();
    const depth = 5 * MIB;
    const begun = Date.now();
    for (const body of ['['.repeat(depth), `${'['.repeat(depth)}${']'.repeat(depth)}`]) {
      expect((await signed(body)).status).toBe(400);
    }
    expect(Date.now() - begun).toBeLessThan(5000);
    expect(looks).toEqual([]);
    expect((await signed(JSON.stringify({ repo: '['.repeat(999), issue: 7, more: '\\"{{' }))).status).toBe(
      202,
    );
    expect(looks).toHaveLength(1);
  });

  it('looks once for a delivery that is replayed, and anew for another', async () => {
    const { signed, looks } = open();
    for (let i = 0; i < 3; i++) expect((await signed(BODY, { 'x-acme-delivery': 'd1' })).status).toBe(202);
    expect(looks).toHaveLength(1);
    await signed(BODY, { 'x-acme-delivery': 'd2' });
    expect(looks).toHaveLength(2);
  });

  it('remembers nothing of what it refuses', async () => {
    const { send, signed, looks } = open();
    await send(BODY, { 'x-acme-delivery': 'd1', 'x-acme-signature': '00' });
    await signed(BODY, { 'x-acme-delivery': 'd1' });
    expect(looks).toHaveLength(1);
  });
});

const SHARED = [process.env['ORCH_SHARED_DIR'], join(import.meta.dirname, '../../../shared')].find(
  (folder) => folder !== undefined && existsSync(join(folder, 'fixtures/webhooks')),
);

interface Recorded {
  readonly secret: string;
  readonly events: Record<
    string,
    { file: string; meaning: string; headers: Record<string, string>; bytes: number }
  >;
}

describe.each(['gitea', 'plane', 'github'])('recorded deliveries of %s', (kind) => {
  const webhook = webhooks().find((each) => each.kind === kind);
  const folder = join(SHARED ?? '', 'fixtures/webhooks', kind);
  const why = SHARED === undefined ? 'no folder of recordings beside the project' : 'no such adapter';
  const isThere = SHARED !== undefined && webhook !== undefined;

  it.skipIf(!isThere)(`each is answered as it should be${isThere ? '' : ` (skipped: ${why})`}`, async () => {
    const { secret, events } = JSON.parse(readFileSync(join(folder, 'headers.json'), 'utf8')) as Recorded;
    const { looks, send } = open(webhook === undefined ? [] : [webhook], secret);
    const path = `/webhooks/${kind}`;
    let seen = 0;
    for (const [name, { file, headers, bytes }] of Object.entries(events)) {
      const body = readFileSync(join(folder, file));
      expect(body.byteLength).toBe(bytes);
      const isForm = headers['Content-Type'] !== 'application/json';
      expect([name, (await send(body, headers, path)).status]).toEqual([name, isForm ? 415 : 202]);
      const after = looks.length;
      const broken = Buffer.from(body);
      broken[broken.length - 2] = 0x20;
      if (!isForm) expect([name, (await send(broken, headers, path)).status]).toEqual([name, 401]);
      expect([name, (await send(body, headers, path)).status]).toEqual([name, isForm ? 415 : 202]);
      expect([name, looks.length]).toEqual([name, after]);
      seen += 1;
    }
    expect(seen).toBeGreaterThan(15);
    const places = looks.flatMap((look) => look.places);
    expect(places.some((place) => place.kind === 'item')).toBe(true);
    expect(new Set(looks.map((look) => look.kind))).toEqual(new Set([kind]));
  });
});
