import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TelegramCall {
  readonly method: string;
  readonly text: string;
  readonly messageId: number;
}

/** A Telegram Bot API on loopback that records what it is told. */
export async function startTelegram(): Promise<{
  url: string;
  calls: TelegramCall[];
  sent: () => TelegramCall[];
  close: () => Promise<void>;
}> {
  const calls: TelegramCall[] = [];
  let next = 1;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const method = request.url?.split('/').at(-1) ?? '';
      const json = (body === '' ? {} : JSON.parse(body)) as { text?: string; message_id?: number };
      const messageId = method === 'sendMessage' ? next++ : (json.message_id ?? 0);
      calls.push({ method, text: json.text ?? '', messageId });
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          ok: true,
          result: { message_id: messageId, date: 0, chat: { id: 1, type: 'private' } },
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    sent: () => calls.filter((call) => call.method === 'sendMessage'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
