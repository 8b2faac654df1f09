import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { failureOf } from '../core/delivery.ts';
import { notifierContract } from './notifier.contract.ts';
import type { NotifierMessage } from './notifier.ts';
import { createWebhookNotifier } from './webhook.ts';

const SECRET = 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
const NOW = Date.UTC(2026, 0, 5, 9);

type Fault = 'drop' | { readonly status: number; readonly headers?: Record<string, string> };

/** A receiver that verifies what it gets and takes each id once. */
async function startReceiver() {
  const taken = new Map<string, Record<string, unknown>>();
  const requests: { headers: IncomingHttpHeaders; body: string }[] = [];
  const faults: Fault[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      requests.push({ headers: request.headers, body });
      const fault = faults.shift();
      if (typeof fault === 'object') return void response.writeHead(fault.status, fault.headers).end();
      if (!isSigned(request.headers, body)) return void response.writeHead(401).end();
      taken.set(String(request.headers['webhook-id']), JSON.parse(body));
      if (fault === 'drop') request.socket.destroy();
      else response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in?key=PRIVATE`,
    ...{ taken, requests, faults, close },
  };
}

/** As the receivers of Standard Webhooks do. */
function isSigned(headers: IncomingHttpHeaders, body: string): boolean {
  const key = Buffer.from(SECRET.slice(6), 'base64');
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const wanted = Buffer.from(`v1,${createHmac('sha256', key).update(text).digest('base64')}`);
  const given = Buffer.from(String(headers['webhook-signature']));
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

const notifierTo = (url: string) => createWebhookNotifier({ url, secret: SECRET, clock: () => NOW });

notifierContract(
  'webhook',
  async () => {
    const receiver = await startReceiver();
    return {
      notifier: notifierTo(receiver.url),
      hasLookUp: true,
      seen: () => {
        // What a receiver shows: the latest of each incident.
        const latest = new Map([...receiver.taken.values()].map((each) => [each['incident'], each]));
        return [...latest.values()].map((each) => JSON.stringify(each));
      },
      loseNext: () => void receiver.faults.push('drop'),
      refuseNext: (trouble) => {
        const faults: Record<typeof trouble, Fault> = {
          for_ever: { status: 422 },
          not_now: { status: 503 },
          wait_7_s: { status: 429, headers: { 'retry-after': '7' } },
          message_gone: { status: 410 },
        };
        receiver.faults.push(faults[trouble]);
      },
      unplug: receiver.close,
      secret: 'PRIVATE',
      discard: receiver.close,
    };
  },
  { messagesGo: false },
);

const by = { key: 'show:webhook:account:a:7', again: false, signal: new AbortController().signal };
const message: NotifierMessage = {
  ...{
    title: 'Account a is signed out',
    detail: 'd',
    state: 'needs_you',
    incident: 'account:a',
    event: 'needs_you',
  },
  ...{ project: 'api', change: 'opened', urgent: true, at: NOW, silent: false, buttons: [], replyTo: null },
};

async function open() {
  const receiver = await startReceiver();
  onTestFinished(receiver.close);
  return { receiver, notifier: notifierTo(receiver.url) };
}

describe('the webhook', () => {
  it('sends grouped events as JSON that a receiver can verify', async () => {
    const { receiver, notifier } = await open();
    await notifier.send(message, by);
    expect(receiver.requests[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': by.key,
      'webhook-timestamp': String(NOW / 1000),
    });
    expect([...receiver.taken.values()]).toEqual([
      {
        ...{ type: 'needs_you', incident: 'account:a', state: 'opened', title: 'Account a is signed out' },
        ...{ detail: 'd', urgent: true, project: 'api', at: '2026-01-05T09:00:00.000Z' },
      },
    ]);
  });

  it.each([
    [[400, 404, 409, 410, 413, 422], 'refused'],
    [[401, 403, 408, 429, 500, 503], 'unreachable'],
  ] as const)('takes %j for %s', async (statuses, kind) => {
    const { receiver, notifier } = await open();
    for (const status of statuses) {
      receiver.faults.push({ status });
      expect(failureOf(await notifier.send(message, by).catch((error: unknown) => error))).toMatchObject({
        kind,
      });
    }
  });

  it('follows no redirect: the receiver that is named is the one that is told', async () => {
    const { receiver, notifier } = await open();
    receiver.faults.push({ status: 302, headers: { location: '/elsewhere' } });
    const error = failureOf(await notifier.send(message, by).catch((thrown: unknown) => thrown));
    expect(error.kind).toBe('unreachable');
    expect(receiver.requests).toHaveLength(1);
  });
});
