import { createEngine, type Engine } from '../engine/engine.ts';
import type { Runtime } from '../engine/runtime.ts';
import { createLogger } from '../lib/logger.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { createHttp, type HttpOptions } from './server.ts';
import { readWebFiles } from './web-files.ts';

const ROOT = 'the-token-of-this-machine';
export const T0 = Date.UTC(2026, 0, 5, 9);
export const PASSWORD = 'four small words here';

const RUNTIME: Runtime = {
  projects: new Map(),
  accounts: new Map(),
  stageKinds: new Map(),
  notifiers: [],
  slots: 2,
  maxAttempts: 3,
  budgets: { maxTransientAttempts: 8, maxLostAttempts: 3, backoff: { baseMs: 10_000, maxMs: 900_000 } },
  accountRules: {
    threshold: 5,
    cooldownMs: 120_000,
    probeIntervalMs: 300_000,
    expirySkewMs: 60_000,
    checkAuth: true,
    authStrict: false,
  },
  preflight: { cacheTtlMs: 60_000, expirySkewMs: 60_000 },
  runTimeoutMs: 7_200_000,
  stallTimeoutMs: 900_000,
  runsDir: '/nowhere/runs',
  worktreesDir: '/nowhere/worktrees',
  shapesDir: '/nowhere/shapes',
  scratchDir: '/nowhere/tmp',
  disks: [],
  retention: {
    worktreesMs: 'never',
    runsMs: 'never',
    ledgerMs: 'never',
    outboxMs: 'never',
    unknownShapesMs: 'never',
    salvageMs: 'never',
  },
};

export interface Asked {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string | null;
  readonly cookie?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpKit {
  now: number;
  readonly store: Store;
  readonly engine: Engine;
  readonly app: ReturnType<typeof createHttp>;
  /** Asks without a socket; as the CLI of this machine unless another token, a cookie or null (nobody) is given. */
  ask(path: string, asked?: Asked): Promise<Response>;
  /** The JSON of what `ask` answers, with its status. */
  json<T = Record<string, unknown>>(path: string, asked?: Asked): Promise<T & { status: number }>;
  close(): Promise<void>;
}

/** The whole HTTP surface over an empty store in memory and an engine that was not started: nothing is dispatched. */
export function createHttpKit(
  options: Partial<HttpOptions> & {
    readonly runtime?: Partial<Runtime>;
    readonly workspace?: object;
    /** A database that is there, instead of one in memory. */
    readonly path?: string;
    /** Time is that of the machine. */
    readonly isTicking?: boolean;
  } = {},
): HttpKit {
  const kit = { now: T0 };
  const clock = options.isTicking === true ? Date.now : () => kit.now;
  const store = openSqliteStore(options.path ?? ':memory:', clock);
  const engine = createEngine({
    store,
    workspace: (options.workspace ?? {}) as Workspace,
    runtime: { ...RUNTIME, ...options.runtime },
    additions: { files: [], read: () => ({ additions: null as never, problems: [] }) },
    clock,
    random: () => 0.5,
    log: createLogger('silent', null),
    baseEnv: {},
  });
  const app = createHttp({
    engine,
    tokens: [ROOT],
    web: readWebFiles('/nowhere'),
    version: '0.0.0-test',
    publicUrl: null,
    url: () => 'http://127.0.0.1:8044',
    configProblem: () => null,
    webhooks: () => [],
    config: () => [],
    settings: null,
    async *check() {},
    log: createLogger('silent', null),
    shutdown: () => undefined,
    ...options,
  });
  const ask = async (path: string, { method, body, token, cookie, headers }: Asked = {}) => {
    const bearer = token === undefined && cookie === undefined ? ROOT : (token ?? null);
    return app.request(path.startsWith('/') ? `http://orch.test${path}` : path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
        ...(cookie === undefined ? {} : { cookie, origin: 'http://orch.test', host: 'orch.test' }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  };
  return Object.assign(kit, {
    ...{ store, engine, app, ask },
    async json<T>(path: string, asked?: Asked) {
      const response = await ask(path, asked);
      return { ...((await response.json()) as T), status: response.status };
    },
    close: () => store.close(),
  });
}

/** The cookie that an answer sets, as the next request sends it. */
export function cookieOf(response: Response): string {
  return (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}
