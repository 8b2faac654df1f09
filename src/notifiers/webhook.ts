import { createHmac } from 'node:crypto';
import type { Delivery } from '../core/delivery.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { Notifier, NotifierMessage } from './notifier.ts';

const TIMEOUT_MS = 20_000;
/** Answers that time may change: not signed in or allowed, too slow, too much. */
const MAY_CHANGE = new Set([401, 403, 408, 429]);
/** Errors of a connection that was never made. */
const NEVER_SENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/;

/**
 * Sends each notification as JSON with the headers of Standard Webhooks. `webhook-id` is the same whenever one
 * is sent again, so that a receiver that remembers it takes each once.
 */
export function createWebhookNotifier(options: {
  readonly url: string;
  readonly secret: string;
  readonly clock: () => number;
}): Notifier {
  const { url, clock } = options;
  const key = signingKey(options.secret);

  async function post(message: NotifierMessage, by: Delivery): Promise<string> {
    by.signal.throwIfAborted();
    const id = by.key;
    const at = String(Math.floor(clock() / 1000));
    const body = JSON.stringify(bodyOf(message));
    const signature = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64');
    let response: Response;
    try {
      response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': at,
          'webhook-signature': `v1,${signature}`,
        },
        body,
        redirect: 'error',
        signal: AbortSignal.any([by.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
    } catch (error) {
      throw unanswered(error);
    }
    await response.body?.cancel();
    if (response.ok) return id;
    throw refused(response, clock());
  }

  return {
    channel: `webhook:${new URL(url).host}`,
    hasButtons: false,
    waitMs: () => 0,
    send: post,
    edit: async (_ref, message, by) => {
      await post(message, by);
    },
  };
}

/** Standard Webhooks writes keys as `whsec_<base64>`; any other text is the key itself. */
function signingKey(secret: string): Buffer {
  return secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8');
}

function bodyOf({ event, incident, change, title, detail, urgent, project, at }: NotifierMessage) {
  return {
    ...{ type: event, incident, state: change, title, detail, urgent, project },
    at: new Date(at).toISOString(),
  };
}

function unanswered(error: unknown): AppError {
  const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
  const code =
    error instanceof Error ? String((error.cause as { code?: string } | undefined)?.code ?? '') : '';
  // Never the address: it may carry a secret of the receiver's.
  const what =
    error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : messageOf(error);
  return new AppError(`the webhook cannot be reached: ${what}${cause}`, {
    code: 'notifier.unreachable',
    hint: 'check notify.webhook.url and the network; a redirect is not followed',
    facts: NEVER_SENT.test(`${code} ${cause}`) ? { done: 'no' } : {},
  });
}

function refused(response: Response, now: number): AppError {
  const { status } = response;
  const isFinal = status >= 400 && status < 500 && !MAY_CHANGE.has(status);
  const retryAfterMs = delayOf(response.headers.get('retry-after'), now);
  return new AppError(`the webhook answered ${status}`, {
    code: isFinal ? 'notifier.refused' : 'notifier.unreachable',
    hint:
      status === 401 || status === 403
        ? 'the receiver does not accept the signature: compare notify.webhook.secret'
        : 'look at the log of the receiver',
    facts: {
      status,
      ...(status < 500 ? { done: 'no' } : {}),
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    },
  });
}

function delayOf(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
