import { OpenAPIHono } from '@hono/zod-openapi';
import type { z } from 'zod';
import { ACTIONS } from '../core/roles.ts';
import { ACCESS } from './access.ts';
import { problemSchema } from './contract.ts';
import { invalid } from './problem.ts';
import type { AppEnv } from './server.ts';

/** Routes with their schemas. What does not fit is refused before the handler sees it, each field named. */
export function createRoutes() {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalid(result.target, result.error);
    },
  });
}

/** How a route begins: method, path as OpenAPI writes it, the group it is shown in, one line. */
export function route<const M extends 'get' | 'post' | 'delete', const P extends string>(
  method: M,
  path: P,
  tag: string,
  summary: string,
) {
  return { method, path, tags: [tag], summary };
}

/** The answer of a route that went well; refusals are the same everywhere and added to the document. */
export function answer<S extends z.ZodType>(schema: S, description: string): Record<200, Described<S>>;
export function answer<S extends z.ZodType, const N extends number>(
  schema: S,
  description: string,
  status: N,
): Record<N, Described<S>>;
export function answer<S extends z.ZodType>(schema: S, description: string, status = 200) {
  return { [status]: { description, content: { 'application/json': { schema } } } };
}

interface Described<S> {
  readonly description: string;
  readonly content: { readonly 'application/json': { readonly schema: S } };
}

export function jsonBody<S extends z.ZodType>(schema: S) {
  return { content: { 'application/json': { schema } }, required: true as const };
}

/** The whole document, OpenAPI 3.1: with what each route asks of whoever uses it. */
export function describeApi(app: OpenAPIHono<AppEnv>, version: string) {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' });
  app.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: 'orch_session',
  });
  app.openAPIRegistry.register('Problem', problemSchema);
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Orch',
      version,
      description:
        'All that the CLI and the page do. Errors are `application/problem+json`. Lists are pages: `limit`, `after`, and `next` in the answer.',
    },
  });
  for (const [path, item] of Object.entries(document.paths ?? {}))
    for (const [method, operation] of Object.entries(item ?? {})) {
      const action = ACCESS[`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`];
      if (action === undefined || typeof operation !== 'object') continue;
      const details = operation as Record<string, unknown>;
      details['x-orch-action'] = action;
      if (action !== 'public') {
        details['x-orch-role'] = ACTIONS[action];
        details['security'] = [{ token: [] }, { session: [] }];
      }
      details['responses'] = {
        ...(details['responses'] as object),
        default: {
          description: 'refused',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      };
    }
  return document;
}
