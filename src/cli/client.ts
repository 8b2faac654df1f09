import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { processEnvironment } from '../config/process.ts';
import { AppError, messageOf } from '../core/errors.ts';
import type { Answer, Asking, FileRoute, PathOf, ProblemWire } from '../http/contract.ts';

const TIMEOUT_MS = 60_000;

export interface ServerInfo {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly startedAt: string;
  readonly version: string;
}

/** Where the running server says it is; null when none has written its file. */
export async function readServerInfo(home: string): Promise<ServerInfo | null> {
  const text = await readFile(join(home, 'server.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return JSON.parse(text) as ServerInfo;
  } catch {
    return null; // half-written by a crash: as good as none
  }
}

/** Paths as the contract writes them; what stands for their parts and the query is written by the client. */
export interface Client {
  get<P extends PathOf<'GET'>>(path: P, ...asking: Asking<`GET ${P}`>): Promise<Answer<`GET ${P}`>>;
  post<P extends PathOf<'POST'>>(path: P, ...asking: Asking<`POST ${P}`>): Promise<Answer<`POST ${P}`>>;
  remove<P extends PathOf<'DELETE'>>(
    path: P,
    ...asking: Asking<`DELETE ${P}`>
  ): Promise<Answer<`DELETE ${P}`>>;
  /** The bytes of an answer that is a file. */
  download<P extends PathOf<'GET', FileRoute>>(path: P, ...asking: Asking<`GET ${P}`>): Promise<Uint8Array>;
  readonly url: string;
}

/** Any of them, once its types have done their work. */
interface Given {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string | number | null | undefined>>;
  readonly body?: object;
}

/**
 * Talks to the server of this ORCH_HOME, or, when there is none, to where `orch login` went. Throws
 * `server.unreachable` (exit 6) with the way out.
 */
export async function connect(home: string): Promise<Client> {
  const info = await readServerInfo(home);
  if (info === null) {
    const remote = await readRemote(home);
    if (remote === null) throw unreachable(`no Orch is running for ${home}`);
    return clientOf(remote.url, remote.token);
  }
  const token =
    processEnvironment()['ORCH_API_TOKEN'] ??
    (await readFile(join(home, 'cli-token'), 'utf8').catch(() => ''));
  return clientOf(info.url, token.trim());
}

async function readRemote(home: string): Promise<{ url: string; token: string } | null> {
  const text = await readFile(join(home, 'remote.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return JSON.parse(text) as { url: string; token: string };
  } catch {
    return null; // not ours, or half-written: as good as none
  }
}

/** A client of a server whose address and token are known; null = asks as nobody. */
export function clientOf(url: string, token: string | null): Client {
  const ask = async (method: string, path: string, given: Given = {}): Promise<Response> => {
    const { body } = given;
    let response: Response;
    try {
      response = await fetch(`${url}/api/v1${addressOf(path, given)}`, {
        method,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          'x-orch-by': userName(),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
        redirect: 'error',
      });
    } catch (error) {
      throw unreachable(`Orch at ${url} does not answer: ${messageOf(error)}`);
    }
    if (response.ok) return response;
    const problem: unknown = await response.json().catch(() => null);
    if (!isProblem(problem))
      throw new AppError(`Orch answered ${response.status}`, {
        code: 'server.error',
        hint: 'look at the service log',
      });
    throw new AppError(problem.title, {
      code: problem.code,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    });
  };
  const json =
    (method: string) =>
    async (path: string, given?: Given): Promise<unknown> =>
      (await ask(method, path, given)).json().catch(() => null);
  const bytes = async (path: string, given?: Given) =>
    new Uint8Array(await (await ask('GET', path, given)).arrayBuffer());
  return {
    url,
    get: json('GET') as Client['get'],
    post: json('POST') as Client['post'],
    remove: json('DELETE') as Client['remove'],
    download: bytes as Client['download'],
  };
}

function addressOf(path: string, { params = {}, query = {} }: Given): string {
  const filled = path.replace(/\{(\w+)\}/g, (_part, name: string) =>
    encodeURIComponent(String(params[name] ?? '')),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null) search.set(name, String(value));
  return search.size === 0 ? filled : `${filled}?${search.toString()}`;
}

/** By hand, not by its schema: a command that only asks starts without all the schemas there are. */
function isProblem(value: unknown): value is ProblemWire {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    'title' in value &&
    typeof value.title === 'string'
  );
}

function unreachable(what: string): AppError {
  return new AppError(what, { code: 'server.unreachable', hint: 'orch up' });
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'cli'; // a user without an entry in the password database
  }
}
