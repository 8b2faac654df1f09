import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { processEnvironment } from '../config/process.ts';
import { AppError, messageOf } from '../core/errors.ts';
import { problemSchema } from '../http/contract.ts';

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

export interface Client {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: object): Promise<T>;
  /** The bytes of an answer that is a file. */
  download(path: string): Promise<Uint8Array>;
  remove<T>(path: string): Promise<T>;
  readonly url: string;
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
  const ask = async (method: string, path: string, body?: object): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(`${url}/api/v1${path}`, {
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
    const problem = problemSchema.safeParse(await response.json().catch(() => null));
    if (!problem.success)
      throw new AppError(`Orch answered ${response.status}`, {
        code: 'server.error',
        hint: 'look at the service log',
      });
    throw new AppError(problem.data.title, {
      code: problem.data.code,
      ...(problem.data.hint === undefined ? {} : { hint: problem.data.hint }),
    });
  };
  const request = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const json: unknown = await (await ask(method, path, body)).json().catch(() => null);
    return json as T;
  };
  return {
    url,
    download: async (path) => new Uint8Array(await (await ask('GET', path)).arrayBuffer()),
    get: (path) => request('GET', path),
    post: (path, body) => request('POST', path, body),
    remove: (path) => request('DELETE', path),
  };
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
