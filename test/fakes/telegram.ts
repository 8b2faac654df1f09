import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TelegramCall {
  readonly method: string;
  readonly text: string;
  readonly messageId: number;
  readonly at: number;
}

/**
 * What happens to a call instead of a good answer. `drop` and `hang` come after the message was taken: it is in
 * the chat, and only the answer gets lost.
 */
export type TelegramFault =
  | { readonly status: number; readonly description?: string; readonly retryAfter?: number }
  | 'drop'
  | 'hang';

/** A Telegram Bot API on loopback: `calls` is everything it was told, `chat` what people then see. */
export async function startTelegram(): Promise<{
  url: string;
  calls: TelegramCall[];
  /** Texts by message id, as edited last. */
  chat: Map<number, string>;
  sent: () => TelegramCall[];
  /** The next calls meet these, one each; the ones after them go well. */
  fail: (...faults: readonly TelegramFault[]) => void;
  /** Every call meets this until `null`. */
  failAlways: (fault: TelegramFault | null) => void;
  close: () => Promise<void>;
}> {
  const calls: TelegramCall[] = [];
  const chat = new Map<number, string>();
  let next = 1;
  let faults: TelegramFault[] = [];
  let always: TelegramFault | null = null;

  function take(method: string, json: { text?: string; message_id?: number }): number {
    const messageId = method === 'sendMessage' ? next++ : (json.message_id ?? 0);
    chat.set(messageId, json.text ?? '');
    return messageId;
  }

  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const method = request.url?.split('/').at(-1) ?? '';
      const json = (body === '' ? {} : JSON.parse(body)) as { text?: string; message_id?: number };
      const fault = always ?? faults.shift();
      const isRefused = typeof fault === 'object';
      const messageId = isRefused ? (json.message_id ?? 0) : take(method, json);
      calls.push({ method, text: json.text ?? '', messageId, at: Date.now() });
      if (fault === 'hang') return;
      if (fault === 'drop') request.socket.destroy();
      else if (isRefused)
        answer(response, fault.status, {
          ok: false,
          error_code: fault.status,
          description: fault.description ?? 'Some trouble',
          ...(fault.retryAfter === undefined ? {} : { parameters: { retry_after: fault.retryAfter } }),
        });
      else
        answer(response, 200, {
          ok: true,
          result: { message_id: messageId, date: 0, chat: { id: 1, type: 'private' } },
        });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    chat,
    sent: () => calls.filter((call) => call.method === 'sendMessage'),
    fail: (...more) => {
      faults = [...faults, ...more];
    },
    failAlways: (fault) => {
      always = fault;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}
