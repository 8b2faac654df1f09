import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { AppError } from '../core/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { Actor } from '../engine/intake.ts';
import type { Person } from '../engine/people.ts';
import type { Logger } from '../lib/logger.ts';
import { createMetrics } from './metrics.ts';
import { describeApi } from './openapi.ts';
import { problem, problemOf } from './problem.ts';
import { accountRoutes } from './routes/accounts.ts';
import { actionRoutes } from './routes/actions.ts';
import { briefRoutes } from './routes/brief.ts';
import { budgetRoutes } from './routes/budgets.ts';
import { bulkRoutes } from './routes/bulk.ts';
import { bundleRoutes } from './routes/bundle.ts';
import { docsRoutes } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { explainRoutes } from './routes/explain.ts';
import { intakeRoutes } from './routes/intake.ts';
import { lineRoutes } from './routes/line.ts';
import { logRoutes } from './routes/logs.ts';
import { nowRoutes } from './routes/now.ts';
import { outboxRoutes } from './routes/outbox.ts';
import { servePage } from './routes/page.ts';
import { peopleRoutes } from './routes/people.ts';
import { reportRoutes } from './routes/reports.ts';
import { salvageRoutes } from './routes/salvage.ts';
import { settingsRoutes } from './routes/settings.ts';
import { snoozeRoutes } from './routes/snooze.ts';
import { systemRoutes } from './routes/system.ts';
import { type HeardDelivery, type LiveWebhook, webhookRoutes } from './routes/webhooks.ts';
import { workRoutes } from './routes/work.ts';
import { guard, mayWatch } from './sign-in.ts';
import type { WebFiles } from './web-files.ts';

const MAX_BODY_BYTES = 1024 * 1024;

export interface HttpOptions {
  readonly engine: Engine;
  /** Bearer tokens that may do everything; the CLI's is one of them. */
  readonly tokens: readonly string[];
  /** The built page. */
  readonly web: WebFiles;
  readonly version: string;
  /** The address that people open, when it is not this process's own; `https:` makes cookies secure. */
  readonly publicUrl: string | null;
  /** The address of this process. */
  readonly url: () => string;
  /** What only the command line knows of: every setting with its origin, and the checks of `orch doctor`. */
  readonly config: () => readonly ConfigRow[];
  readonly check: () => AsyncIterable<Finding>;
  /** Null: the configuration is not in a file (the demo). */
  readonly settings: SettingsDoor | null;
  /** Why the changed orch.yaml is not in force; null when it is. */
  readonly configProblem: () => string | null;
  /** Vendors whose deliveries are taken in: those with a secret. */
  readonly webhooks: () => readonly LiveWebhook[];
  readonly log: Logger;
  /** Ends the service; called after the answer was sent. */
  readonly shutdown: (cancel: boolean) => void;
}

export interface RouteOptions extends HttpOptions {
  /** Vendors that sent something since the start. */
  readonly heard: () => readonly HeardDelivery[];
}

export interface ConfigRow {
  readonly key: string;
  readonly path: readonly (string | number)[];
  readonly value: string | number | boolean | null | readonly string[];
  readonly origin: string;
  readonly env: string | null;
  /** Why it cannot be changed here; `secret`: it can, unseen. */
  readonly locked: 'environment' | 'machine' | 'secret' | null;
}

/** What changes orch.yaml and its secrets for people who are not at the machine. */
export interface SettingsDoor {
  /** Of the files as they are now: a change may be bound to it. */
  readonly revision: () => string;
  /** Checks a change and tries the vendors that it is about; writes it unless `test`, and waits until it is in force. Throws AppError, with nothing written. */
  readonly change: (edit: SettingsEdit, options: { readonly test: boolean }) => Promise<SettingsChanged>;
}

export interface SettingsEdit {
  readonly values: readonly { readonly path: readonly (string | number)[]; readonly text: string | null }[];
  readonly secrets: Readonly<Record<string, string | null>>;
  readonly revision: string | null;
}

export interface SettingsChanged {
  readonly changes: readonly {
    readonly key: string;
    readonly before: string | null;
    readonly after: string | null;
  }[];
  readonly warnings: readonly string[];
  readonly findings: readonly Finding[];
}

export interface Finding {
  readonly group: string;
  readonly state: 'ok' | 'warning' | 'error' | 'skipped';
  readonly text: string;
  readonly fix: string | null;
}

export interface AppEnv {
  Variables: { person: Person; actor: Actor };
}

/** The whole HTTP surface as one handler, testable without a socket. */
export function createHttp(options: HttpOptions) {
  const { engine, log } = options;
  const app = new OpenAPIHono<AppEnv>();
  const heard = new Map<string, HeardDelivery>();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        // The page brings its own script, style and fonts; nothing inline, nothing from elsewhere.
        defaultSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
      referrerPolicy: 'no-referrer',
      strictTransportSecurity: options.publicUrl?.startsWith('https:') ? 'max-age=15552000' : false,
    }),
  );
  // Nothing that is answered here may be kept: a route that serves files says otherwise.
  app.use(async (c, next) => {
    await next();
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store');
  });
  // Before the limit for what people ask and the sign-in: a delivery has its own of both.
  app.route(
    '/webhooks',
    webhookRoutes({
      ...options,
      nudge: (kind, places) => options.engine.nudge(kind, places),
      heard: (kind, wasTaken) => {
        const before = heard.get(kind) ?? { kind, takenAt: null, refusedAt: null };
        const at = new Date().toISOString();
        heard.set(kind, wasTaken ? { ...before, takenAt: at } : { ...before, refusedAt: at });
      },
    }),
  );
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) => problem(c, 413, { code: 'request.too_large', title: 'the request is too large' }),
    }),
  );
  app.get('/healthz', (c) => c.json({ ok: true }));
  app.get('/readyz', (c) => {
    const age = engine.tickAge();
    return age !== null && age < 30_000
      ? c.json({ ok: true, schedulerTickAgeMs: age })
      : c.json({ ok: false, schedulerTickAgeMs: age }, 503);
  });
  const metrics = createMetrics(engine);
  app.get('/metrics', async (c) => {
    if (!(await mayWatch(c, { ...options, people: engine.people })))
      return problem(c, 401, {
        code: 'auth.required',
        title: 'metrics are for this machine, or for whoever has a token',
        hint: 'orch tokens create prometheus --role viewer, and give it as a bearer token',
      });
    return c.body(await metrics.text(), 200, { 'content-type': metrics.contentType });
  });
  app.use('/api/*', guard({ ...options, people: engine.people }));
  for (const routes of [
    peopleRoutes,
    explainRoutes,
    workRoutes,
    lineRoutes,
    logRoutes,
    bundleRoutes,
    eventRoutes,
    nowRoutes,
    reportRoutes,
    settingsRoutes,
    systemRoutes,
    bulkRoutes,
    accountRoutes,
    actionRoutes,
    salvageRoutes,
    outboxRoutes,
    briefRoutes,
    intakeRoutes,
    snoozeRoutes,
    budgetRoutes,
  ])
    app.route('/api/v1', routes({ ...options, heard: () => [...heard.values()] }));
  let described: object | undefined;
  const document = () => (described ??= describeApi(app, options.version));
  app.get('/api/v1/openapi.json', (c) => c.json(document()));
  app.route('/', docsRoutes(document, options.version));
  // Whatever is added below: what the API does not have is not found.
  app.all('/api/*', (c) => c.notFound());
  // Last, and not as a route: what the API does not have is never the page.
  app.notFound(
    (c) =>
      servePage(c, options.web) ?? problem(c, 404, { code: 'not_found', title: `there is no ${c.req.path}` }),
  );
  app.onError((error, c) => {
    const { response, known } = problemOf(c, error);
    if (!known) log.error({ path: c.req.path, error: error.stack }, 'request failed');
    return response;
  });
  return app;
}

/** Listens; a used port is a clear error. Resolves with the real port (0 = any free one). */
export async function listen(
  app: ReturnType<typeof createHttp>,
  host: string,
  port: number,
): Promise<{ port: number; close: () => Promise<void> }> {
  const listener = getRequestListener(app.fetch);
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new AppError(`port ${port} on ${host} is in use`, {
              code: 'server.port_in_use',
              hint: 'stop the other program, or set ORCH_PORT (0 takes any free port)',
            })
          : new AppError(`cannot listen on ${host}:${port}: ${error.message}`, {
              code: 'server.listen_failed',
              hint: 'check ORCH_HOST and ORCH_PORT',
              cause: error,
            }),
      ),
    );
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
