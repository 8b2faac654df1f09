import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { z } from 'zod';
import { AppError, messageOf } from '../core/errors.ts';
import type { ProblemWire } from './contract.ts';

/** The one shape of every refusal: `application/problem+json`. */
export function problem(
  c: Context,
  status: number,
  body: ProblemWire,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return c.newResponse(JSON.stringify(body), status as 400, {
    'content-type': 'application/problem+json',
    ...headers,
  });
}

/** What was thrown, as a problem; `known` is false for what is a bug of ours. */
export function problemOf(c: Context, error: unknown): { response: Response; known: boolean } {
  if (error instanceof HTTPException) {
    const title = error.status === 400 ? 'the body is not JSON' : messageOf(error);
    const body = { code: 'usage.body', title, hint: 'send application/json' };
    return { response: problem(c, error.status === 400 ? 422 : error.status, body), known: true };
  }
  if (!(error instanceof AppError))
    return { response: problem(c, 500, { code: 'orch.internal', title: messageOf(error) }), known: false };
  const { retryAfterSeconds } = error.facts;
  const wait = typeof retryAfterSeconds === 'number' ? { 'retry-after': String(retryAfterSeconds) } : {};
  const errors = error.facts['errors'] as ProblemWire['errors'];
  const body = {
    code: error.code,
    title: messageOf(error),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(errors === undefined ? {} : { errors }),
  };
  return { response: problem(c, statusOf(error.code), body, wait), known: true };
}

/** A request that does not fit its schema: every field is named. */
export function invalid(target: string, error: z.core.$ZodError): AppError {
  const whole = target === 'json' ? 'body' : target;
  const errors = error.issues.map((issue) => ({
    field: issue.path.join('.') || whole,
    message: issue.message,
  }));
  return new AppError(errors.map(({ field, message }) => `${field}: ${message}`).join('; '), {
    code: target === 'json' ? 'usage.body' : 'usage.query',
    hint: 'correct the named field; /api/v1/openapi.json has its shape',
    facts: { errors },
  });
}

const CONFLICTS = ['account.', 'approval.', 'job.', 'task.', 'question.', 'user.'];

function statusOf(code: string): number {
  if (code === 'not_found' || code.endsWith('.unknown')) return 404;
  if (code.startsWith('usage.')) return 422;
  if (code === 'auth.too_many') return 429;
  if (code === 'auth.forbidden' || code === 'auth.origin' || code === 'auth.setup_done') return 403;
  if (code.startsWith('auth.')) return 401;
  if (code === 'config.changed' || code === 'config.set_elsewhere') return 409;
  if (code === 'config.machine_only') return 403;
  if (code.startsWith('config.')) return 422;
  return CONFLICTS.some((family) => code.startsWith(family)) ? 409 : 400;
}
