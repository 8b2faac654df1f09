import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { createHttpClient, HttpError, path } from './http-client.ts';

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = null;
});

async function clientOf(answer: RequestListener, options: { timeoutMs?: number; maxBytes?: number } = {}) {
  const started = createServer(answer);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  const { port } = started.address() as AddressInfo;
  return createHttpClient({
    base: `http://127.0.0.1:${port}/api`,
    headers: { authorization: 'token s3cr3t-value' },
    secrets: ['s3cr3t-value'],
    now: () => Date.parse('2026-11-22T10:00:00Z'),
    ...options,
  });
}

const failure = async (act: Promise<unknown>): Promise<HttpError> => {
  const error = await act.then(
    () => new Error('it went well'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof HttpError) return error;
  throw error;
};

it('encodes every part of a path, also one that would climb', () => {
  expect(path`/repos/${'a/b'}/x/${'../../admin'}/${12}`).toBe('/repos/a%2Fb/x/..%2F..%2Fadmin/12');
});

it('sends JSON with its headers and reads what comes back', async () => {
  const client = await clientOf((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () =>
      response.end(
        JSON.stringify({
          url: request.url,
          body,
          type: request.headers['content-type'],
          auth: request.headers.authorization,
        }),
      ),
    );
  });
  const answer = await client.send({
    method: 'POST',
    path: '/x',
    query: { page: 2, skip: undefined },
    body: { a: 1 },
  });
  expect(answer.json()).toEqual({
    url: '/api/x?page=2',
    body: '{"a":1}',
    type: 'application/json',
    auth: 'token s3cr3t-value',
  });
});

it('tries a GET again after a 5xx or a short Retry-After, and a write never', async () => {
  let asked = 0;
  const client = await clientOf((request, response) => {
    asked += 1;
    response.statusCode = asked < 3 ? 503 : 200;
    response.setHeader('retry-after', '0');
    response.end(request.method === 'GET' ? '{}' : 'busy');
  });
  expect((await client.send({ method: 'GET', path: '/x' })).status).toBe(200);
  expect(asked).toBe(3);
  asked = 0;
  const error = await failure(client.send({ method: 'POST', path: '/x', body: {} }));
  expect([asked, error.status, error.done, error.retryAfterMs]).toEqual([1, 503, 'unknown', 0]);
});

it('leaves a long Retry-After to its caller, in seconds or as a date', async () => {
  for (const [header, ms] of [
    ['120', 120_000],
    ['Sun, 22 Nov 2026 10:01:00 GMT', 60_000],
    ['soon', null],
  ] as const) {
    let asked = 0;
    const client = await clientOf((_, response) => {
      asked += 1;
      response.writeHead(header === 'soon' ? 403 : 429, { 'retry-after': header }).end();
    });
    const error = await failure(client.send({ method: 'GET', path: '/x' }));
    expect([asked, error.retryAfterMs, error.done]).toEqual([1, ms, 'no']);
    server?.close();
  }
});

it('takes a redirect for an error: a POST would become a GET', async () => {
  const client = await clientOf((request, response) => {
    if (request.url === '/api/x') response.writeHead(301, { location: '/api/x/' }).end();
    else response.end('[]');
  });
  expect((await failure(client.send({ method: 'POST', path: '/x', body: {} }))).status).toBeNull();
});

it('knows that nothing was done when there was no connection, and not when the answer was cut', async () => {
  const client = await clientOf((request, response) => {
    if (request.method === 'POST') response.destroy();
    else response.end('{"half":');
  });
  expect(await failure(client.send({ method: 'POST', path: '/x', body: {} }))).toMatchObject({
    status: null,
    done: 'unknown',
  });
  const half = await client.send({ method: 'GET', path: '/x' });
  expect(() => half.json()).toThrow('no JSON');
  server?.closeAllConnections();
  server?.close();
  expect(await failure(client.send({ method: 'POST', path: '/x', body: {} }))).toMatchObject({
    status: null,
    done: 'no',
  });
});

it('gives up what hangs or never ends, and says whose patience it was', async () => {
  const client = await clientOf(
    (request, response) => {
      if (request.url === '/api/big') response.end('x'.repeat(5000));
    },
    { timeoutMs: 200, maxBytes: 1000 },
  );
  expect((await failure(client.send({ method: 'POST', path: '/hangs', body: {} }))).message).toMatch(
    /timeout/i,
  );
  expect((await failure(client.send({ method: 'POST', path: '/big', body: {} }))).message).toContain(
    'larger than 1000',
  );
  const signal = AbortSignal.abort(new Error('given up'));
  await expect(client.send({ method: 'GET', path: '/hangs', signal })).rejects.toThrow('given up');
});

it('never shows a secret, wherever the answer repeats it', async () => {
  const client = await clientOf((_, response) => response.writeHead(400).end('bad token s3cr3t-value'));
  const error = await failure(client.send({ method: 'GET', path: '/x' }));
  expect(JSON.stringify([error.message, error.body, String(error.stack)])).not.toContain('s3cr3t-value');
});
