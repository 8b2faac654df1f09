import { z } from 'zod';

/** What every part of the contract is made of. Instants are ISO strings. */

export const instant = z.string().meta({ format: 'date-time' });

export const scopeSchema = z.object({ kind: z.string(), id: z.string(), label: z.string() });

/** An error, as `application/problem+json`. `code` is for programs, `title` and `hint` for people. */
export const problemSchema = z
  .object({
    code: z.string().meta({ description: 'stable; match on this', examples: ['auth.forbidden'] }),
    title: z.string().meta({ description: 'what went wrong, in a sentence' }),
    detail: z.string().optional(),
    hint: z.string().optional().meta({ description: 'what to do about it' }),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'of a request that is not valid: each field, and what is wrong with it' }),
  })
  .meta({ id: 'Problem' });
export type ProblemWire = z.infer<typeof problemSchema>;

const DEFAULT_LIMIT = 100;
export const MAX_LIMIT = 1000;

/** The two query parameters of every list, beside its filters. */
export const paging = {
  limit: z.coerce
    .number<string | number>()
    .int()
    .min(1)
    .default(DEFAULT_LIMIT)
    .meta({ description: `how many at most; never more than ${MAX_LIMIT}` }),
  after: z.coerce
    .number<string | number>()
    .int()
    .optional()
    .meta({ description: 'where to go on: `next` of the page before' }),
};
export const next = z.number().nullable().meta({ description: 'pass as `after`; null at the end' });

/** Several words of a closed set in one parameter, separated by commas. */
export function listOf<T extends string>(known: readonly [T, ...T[]]) {
  return z
    .string()
    .optional()
    .transform((text, c): T[] | undefined => {
      if (text === undefined || text === '') return undefined;
      return text.split(',').map((part) => {
        const match = known.find((each) => each === part.trim());
        if (match !== undefined) return match;
        c.addIssue({ code: 'custom', message: `${part.trim()} is none of ${known.join(', ')}` });
        return z.NEVER;
      });
    })
    .meta({ description: `one or more of ${known.join(', ')}, separated by commas` });
}

/** A query parameter that names an instant. */
export const instantQuery = z
  .string()
  .optional()
  .transform((text, c): number | undefined => {
    if (text === undefined) return undefined;
    const at = Date.parse(text);
    if (!Number.isNaN(at)) return at;
    c.addIssue({ code: 'custom', message: 'no instant; ISO 8601, such as 2026-01-31T09:30:00Z' });
    return z.NEVER;
  })
  .meta({ description: 'an instant, ISO 8601' });

/** `?wrap=1`, `?wrap=true`. */
export const flag = z
  .enum(['0', '1', 'true', 'false'])
  .optional()
  .transform((text) => text === '1' || text === 'true');

export const ok = z.object({ ok: z.literal(true) });
