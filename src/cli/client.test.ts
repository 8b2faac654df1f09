import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type Client, clientOf } from './client.ts';

const heard: { method: string; url: string; body: string }[] = [];
let answer: (response: ServerResponse) => unknown;
const service = createServer((request, response) => {
  void text(request).then((body) => {
    heard.push({ method: request.method ?? '', url: request.url ?? '', body });
    answer(response);
  });
});
let client: ReturnType<typeof clientOf>;

beforeAll(async () => {
  await once(service.listen(0, '127.0.0.1'), 'listening');
  client = clientOf(`http://127.0.0.1:${(service.address() as AddressInfo).port}`, null);
});
beforeEach(() => {
  heard.length = 0;
  answer = (response) => response.end('{}');
});
afterAll(() => service.close());

it('writes what stands for the parts of a path so that it stays one part', async () => {
  await client.get('/runs/{id}/log', { params: { id: '../x y?z#ü' }, query: { after: 0 } });
  await client.post('/salvage/{name}/restore', { params: { name: 'a/b' }, body: { branch: 'c' } });
  await client.remove('/tokens/{id}', { params: { id: 7 } });
  expect(heard).toEqual([
    { method: 'GET', url: '/api/v1/runs/..%2Fx%20y%3Fz%23%C3%BC/log?after=0', body: '' },
    { method: 'POST', url: '/api/v1/salvage/a%2Fb/restore', body: '{"branch":"c"}' },
    { method: 'DELETE', url: '/api/v1/tokens/7', body: '' },
  ]);
});

it('leaves out of a query what is not set, and nothing else', async () => {
  await client.get('/jobs', { query: { project: undefined, after: null } });
  await client.get('/jobs', { query: { q: 'a&b=c', project: '', limit: 5 } });
  expect(heard.map(({ url }) => url)).toEqual(['/api/v1/jobs', '/api/v1/jobs?q=a%26b%3Dc&project=&limit=5']);
});

it('gives the bytes of a file as they are', async () => {
  answer = (response) => response.end(Buffer.from([0x1f, 0x8b, 0xff]));
  expect([...(await client.download('/runs/{id}/bundle', { params: { id: 'run_1' } }))]).toEqual([
    0x1f, 0x8b, 0xff,
  ]);
});

it('throws what the server refused, with its code and hint', async () => {
  answer = (response) =>
    response.writeHead(404).end('{"code":"not_found","title":"there is no job_9","hint":"orch jobs"}');
  await expect(client.get('/jobs/{id}', { params: { id: 'job_9' } })).rejects.toMatchObject({
    code: 'not_found',
    message: 'there is no job_9',
    hint: 'orch jobs',
  });
});

it.each(['<h1>Bad gateway</h1>', 'null', '{"code":1,"title":"x"}'])(
  'says so when a refusal is not one of ours: %s',
  async (body) => {
    answer = (response) => response.writeHead(502).end(body);
    await expect(client.post('/upkeep')).rejects.toMatchObject({
      code: 'server.error',
      message: 'Orch answered 502',
    });
  },
);

/** Never called: the compiler is the test, and complains where a line below is taken after all. */
export async function refused(api: Client): Promise<void> {
  // @ts-expect-error there is no such route
  await api.get('/job');
  // @ts-expect-error nor one of this method
  await api.post('/runs');
  // @ts-expect-error the path has a part that is not named
  await api.get('/jobs/{id}');
  // @ts-expect-error it has another name
  await api.get('/jobs/{id}', { params: { key: 'job_1' } });
  // @ts-expect-error a search needs its text
  await api.get('/runs/{id}/log/search', { params: { id: 'run_1' } });
  // @ts-expect-error the query does not know this word
  await api.get('/runs', { query: { sort: 'newest' } });
  // @ts-expect-error nor this name
  await api.get('/jobs', { query: { stauts: 'failed' } });
  // @ts-expect-error a pause has a scope
  await api.post('/pause', { body: { note: 'why' } });
  // @ts-expect-error the body is not a part of this route
  await api.post('/upkeep', { body: {} });
  // @ts-expect-error a file is downloaded
  await api.get('/runs/{id}/bundle', { params: { id: 'run_1' } });
  const one = await api.get('/jobs/{id}', { params: { id: 'job_1' } });
  // @ts-expect-error the answer is one job
  void one.jobs;
}
