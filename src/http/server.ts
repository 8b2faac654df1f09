import { timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { AppError, messageOf } from '../core/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { Logger } from '../lib/logger.ts';
import type { ProblemWire } from './contract.ts';
import { actionRoutes } from './routes/actions.ts';
import { lineRoutes } from './routes/line.ts';
import { outboxRoutes } from './routes/outbox.ts';
import { pageRoutes } from './routes/page.ts';
import { readRoutes } from './routes/read.ts';
import { salvageRoutes } from './routes/salvage.ts';
import type { WebFiles } from './web-files.ts';

const MAX_BODY_BYTES = 1024 * 1024;

export interface HttpOptions {
  readonly engine: Engine;
  /** Bearer tokens that may do everything; the CLI's is one of them. */
  readonly tokens: readonly string[];
  /** Opens the read-only page, and nothing else; part of the printed address. */
  readonly pageCode: string;
  readonly version: string;
  /** The built page. */
  readonly web: WebFiles;
  /** Why the changed orch.yaml is not in force; null when it is. */
  readonly configProblem: () => string | null;
  readonly log: Logger;
  /** Ends the service; called after the answer was sent. */
  readonly shutdown: (cancel: boolean) => void;
}

export interface AppEnv {
  Variables: { by: string };
}

/** The whole HTTP surface as one handler, testable without a socket. */
export function createHttp(options: HttpOptions) {
  const app = new Hono<AppEnv>();
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
    const age = options.engine.tickAge();
    return age !== null && age < 30_000
      ? c.json({ ok: true, schedulerTickAgeMs: age })
      : c.json({ ok: false, schedulerTickAgeMs: age }, 503);
  });
  app.use('/api/*', async (c, next) => {
    const token = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1];
    if (token === undefined || !known(token, options.tokens))
      return problem(c, 401, {
        code: 'auth.required',
        title: 'not signed in',
        hint: 'run the CLI as the user that runs orch up, or set ORCH_API_TOKEN',
      });
    c.set('by', actorName(c.req.header('x-orch-by')));
    return next();
  });
  app.route('/api/v1', readRoutes(options));
  app.route('/api/v1', lineRoutes(options));
  app.route('/api/v1', actionRoutes(options));
  app.route('/api/v1', salvageRoutes(options));
  app.route('/api/v1', outboxRoutes(options));
  app.route('/', pageRoutes(options.web));
  app.notFound((c) => problem(c, 404, { code: 'not_found', title: `there is no ${c.req.path}` }));
  app.onError((error, c) => {
    if (!(error instanceof AppError))
      options.log.error({ path: c.req.path, error: error.stack }, 'request failed');
    const status = error instanceof AppError ? statusOf(error.code) : 500;
    const hint = error instanceof AppError ? error.hint : undefined;
    return problem(c, status, {
      code: error instanceof AppError ? error.code : 'orch.internal',
      title: messageOf(error),
      ...(hint === undefined ? {} : { hint }),
    });
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

function problem(c: Context, status: number, body: ProblemWire): Response {
  return c.newResponse(JSON.stringify(body), status as 400, { 'content-type': 'application/problem+json' });
}

function known(token: string, tokens: readonly string[]): boolean {
  const given = Buffer.from(token);
  return tokens.some((each) => {
    const wanted = Buffer.from(each);
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  });
}

/** Who the CLI says it acts for; shown in the audit log, never a permission. */
function actorName(header: string | undefined): string {
  const name = (header ?? '')
    .replace(/[^\p{L}\p{N} ._@-]/gu, '')
    .slice(0, 60)
    .trim();
  return name === '' ? 'api' : name;
}

function statusOf(code: string): number {
  if (code === 'not_found' || code.endsWith('.unknown')) return 404;
  if (code.startsWith('usage.')) return 422;
  if (
    code.startsWith('account.') ||
    code.startsWith('approval.') ||
    code.startsWith('job.') ||
    code.startsWith('task.') ||
    code.startsWith('question.')
  )
    return 409;
  return 400;
}
