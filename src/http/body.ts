import type { Context } from 'hono';
import type { z } from 'zod';
import { AppError } from '../core/errors.ts';

/** The JSON body in its shape; a wrong field is named. Throws `usage.body`. */
export async function body<S extends z.ZodType>(c: Context, schema: S): Promise<z.infer<S>> {
  const json: unknown = await c.req.json().catch(() => {
    throw new AppError('the body is not JSON', { code: 'usage.body', hint: 'send application/json' });
  });
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  throw new AppError(issues.join('; '), { code: 'usage.body', hint: 'correct the named field' });
}
