import type { Answer, Asking, FileRoute, PathOf, ProblemWire, Route } from '../../../src/http/contract.ts';
import { heardFromServer, lostServer } from './connection.ts';

const BASE = '/api/v1';

/** What the server refused, or that it did not answer at all (`code` is then `network`). */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: ProblemWire;

  constructor(status: number, problem: ProblemWire) {
    super(problem.title);
    this.status = status;
    this.problem = problem;
  }

  get code(): string {
    return this.problem.code;
  }
}

/** What is asked beside the path, once the types of the contract have done their work. */
export interface Given {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string | number | null | undefined>>;
  readonly body?: object;
  readonly signal?: AbortSignal;
}

/** Where something is read, as the contract writes it; an empty text of the query is not set. */
export function address<P extends PathOf<'GET', Route | FileRoute>>(
  path: P,
  ...asking: Asking<`GET ${P}`>
): string;
export function address(path: string, given?: Given): string {
  return addressOf(path, given);
}

export function get<P extends PathOf<'GET'>>(
  path: P,
  ...asking: Asking<`GET ${P}`, { readonly signal?: AbortSignal }>
): Promise<Answer<`GET ${P}`>>;
export function get(path: string, given?: Given): Promise<unknown> {
  return read(path, given);
}

/** `get` for those whose own callers the contract has checked. */
export async function read<T>(path: string, given: Given = {}): Promise<T> {
  const { signal } = given;
  return send<T>(addressOf(path, given), signal === undefined ? {} : { signal });
}

export function post<P extends PathOf<'POST'>>(
  path: P,
  ...asking: Asking<`POST ${P}`>
): Promise<Answer<`POST ${P}`>>;
export function post(path: string, given?: Given): Promise<unknown> {
  return write(path, given);
}

/** `post` for those whose own callers the contract has checked. */
export async function write(path: string, given: Given = {}): Promise<unknown> {
  return send(addressOf(path, given), {
    method: 'POST',
    body: JSON.stringify(given.body ?? {}),
    headers: { 'content-type': 'application/json' },
  });
}

export function del<P extends PathOf<'DELETE'>>(
  path: P,
  ...asking: Asking<`DELETE ${P}`>
): Promise<Answer<`DELETE ${P}`>>;
export function del(path: string, given?: Given): Promise<unknown> {
  return send(addressOf(path, given), { method: 'DELETE' });
}

function addressOf(path: string, { params = {}, query = {} }: Given = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_part, name: string) =>
    encodeURIComponent(String(params[name] ?? '')),
  );
  const set = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  const search = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return `${BASE}${filled}${search === '' ? '' : `?${search}`}`;
}

async function send<T>(url: string, init: RequestInit): Promise<T> {
  const response = await fetch(url, { ...init, credentials: 'same-origin' }).catch((error: unknown) => {
    if (init.signal?.aborted === true) throw error;
    lostServer();
    throw new ApiError(0, { code: 'network', title: 'The server does not answer' });
  });
  heardFromServer();
  const text = await response.text();
  const body: unknown = parse(text);
  if (response.ok) return body as T;
  throw new ApiError(response.status, isProblem(body) ? body : unnamed(response.status));
}

function parse(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

function isProblem(body: unknown): body is ProblemWire {
  return typeof body === 'object' && body !== null && 'code' in body && 'title' in body;
}

function unnamed(status: number): ProblemWire {
  return { code: `http.${status}`, title: `The server answered with status ${status}` };
}
