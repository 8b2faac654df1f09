import type { ProblemWire } from '../../../src/http/contract.ts';
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

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Drops what is not set; an empty text is not set either. */
export function address(path: string, query: Query = {}): string {
  const set = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  const search = new URLSearchParams(set.map(([name, value]) => [name, String(value)])).toString();
  return `${BASE}${path}${search === '' ? '' : `?${search}`}`;
}

export async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return send<T>(address(path, query), { ...(signal === undefined ? {} : { signal }) });
}

export async function post<T>(path: string, body: object = {}): Promise<T> {
  return send<T>(address(path), withBody('POST', body));
}

export async function del<T>(path: string): Promise<T> {
  return send<T>(address(path), { method: 'DELETE' });
}

function withBody(method: string, body: object): RequestInit {
  return { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
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
