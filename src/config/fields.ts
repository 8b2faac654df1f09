import { z } from 'zod';
import { parseDuration } from '../lib/duration.ts';
import { Secret } from '../lib/secret.ts';
import { parseHours } from './hours.ts';

/** A timer of Node counts to 2^31 ms; a longer one would fire at once. */
const MAX_SECONDS = 2_147_483;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
const GROUPED = /^\d{1,3}(_\d{3})+$/;

/** Refuses a value inside a transform, with the words an operator needs. */
export function refuse(ctx: z.RefinementCtx, problem: string, fix: string): typeof z.NEVER {
  ctx.addIssue({ code: 'custom', message: problem, params: { fix } });
  return z.NEVER;
}

export function text() {
  return z.string().min(1).max(10_000);
}

/** One line without control characters; it may end up in arguments, so it starts with no dash. */
export function word() {
  return z.string().transform((value, ctx) => {
    if (/^[^\s\p{Cc}-][^\p{Cc}]{0,999}$/u.test(value)) return value;
    return refuse(ctx, 'is not a plain word', 'use one line that does not start with a dash');
  });
}

export function name() {
  return z.string().regex(NAME, { error: 'is not a usable name' });
}

/**
 * A name as the key of a record. The pattern is only told here: zod would skip the value of a bad
 * key, and all problems are to be reported at once, so `checkReferences` looks at the names.
 */
export function nameKey() {
  return z.string().meta({ pattern: NAME.source });
}

export function isName(value: string): boolean {
  return NAME.test(value);
}

export function isVariable(value: string): boolean {
  return VARIABLE.test(value) && !value.startsWith('ORCH_');
}

export function secret() {
  return z
    .string()
    .min(1)
    .transform((value) => new Secret(value));
}

/** Seconds as a plain number, for keys that carry the unit in their name. */
export function seconds(rule: { positive?: boolean } = {}) {
  const number = z.number().max(MAX_SECONDS);
  return rule.positive === true ? number.positive() : number.min(0);
}

/** Milliseconds of `90` (seconds), `90s`, `15m`, `2h` or `1d`. */
export function duration() {
  return z
    .union([z.number(), z.string()], { error: 'is not a duration' })
    .meta({ examples: ['2h'] })
    .transform((value, ctx) => {
      const ms = parseDuration(String(value));
      if (ms !== null && ms > 0 && ms <= MAX_SECONDS * 1000) return ms;
      return refuse(ctx, 'is not a duration', 'write 90s, 15m, 2h or 1d (at most 24 days)');
    });
}

/** A positive amount; `50_000_000` is text in YAML 1.2 and is read as the number it means. */
export function amount() {
  return z
    .union([z.number(), z.string()], { error: 'is not a number' })
    .meta({ examples: [50] })
    .transform((value, ctx) => {
      const number = typeof value === 'string' && GROUPED.test(value) ? ungroup(value) : value;
      if (typeof number === 'number' && number > 0 && Number.isFinite(number)) return number;
      return refuse(ctx, 'is not a number above zero', 'write a number such as 20 or 50_000_000');
    });
}

function ungroup(value: string): number {
  return Number(value.replaceAll('_', ''));
}

/** A share from 0 to 1, written as `40%` or `40`. */
export function percent() {
  return z
    .union([z.number(), z.string()], { error: 'is not a percentage' })
    .meta({ examples: ['40%'] })
    .transform((value, ctx) => {
      const match = /^(\d{1,3}(?:\.\d+)?)\s*%?$/.exec(String(value).trim());
      const share = match === null ? Number.NaN : Number(match[1]) / 100;
      if (share >= 0 && share <= 1) return share;
      return refuse(ctx, 'is not a percentage', 'write a share from 0% to 100%, such as 40%');
    });
}

export function hours() {
  return z
    .string()
    .meta({ examples: ['Mon-Fri 08-18'] })
    .transform((value, ctx) => {
      const span = parseHours(value);
      return span ?? refuse(ctx, 'is not a span of hours', 'write it like "Mon-Fri 08-18" or "22-07"');
    });
}

/** An `http(s)` address without a sign-in in it and without a slash at its end. */
export function url() {
  return z.string().transform((value, ctx) => {
    const parsed = URL.canParse(value) ? new URL(value) : null;
    if (parsed === null || !/^https?:$/.test(parsed.protocol))
      return refuse(ctx, 'is not a web address', 'write it like https://host.example');
    if (parsed.username !== '' || parsed.password !== '')
      return refuse(ctx, 'holds a sign-in', 'take user and password out of the address');
    return value.replace(/\/+$/, '');
  });
}

/** A path inside a folder: it can neither be absolute nor climb out. */
export function innerPath() {
  return z.string().transform((value, ctx) => {
    const climbs = value.split(/[\\/]/).includes('..') || /^([\\/~-]|[A-Za-z]:)|\p{Cc}/u.test(value);
    if (value !== '' && !climbs) return value;
    return refuse(ctx, 'leaves its folder', 'use a relative path without ".."');
  });
}

/** A git repository: any address git understands, or a path. */
export function repository() {
  return z
    .string()
    .meta({ examples: ['git@host:acme/api.git'] })
    .transform((value, ctx) => {
      if (value === '' || /^-|\p{Cc}/u.test(value) || /^[a-z0-9+.-]+::/i.test(value))
        return refuse(ctx, 'is no git repository', 'write a git address or a path');
      if (/^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/@]*@/i.test(value))
        return refuse(ctx, 'holds a password', 'take the password out of the address');
      return value;
    });
}

/** True for an address (with a scheme, or `host:path`); false for a path on this machine. */
export function isRepositoryUrl(value: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) || /^[^/\s:]+:/.test(value);
}

export function branch() {
  return z.string().transform((value, ctx) => {
    if (isBranch(value)) return value;
    return refuse(ctx, 'is not a branch name', 'use a name that git accepts, such as main');
  });
}

export function branchTemplate() {
  return z.string().transform((value, ctx) => {
    const filled = value.replaceAll('{key}', 'KEY-1').replaceAll('{slug}', 'slug');
    if (value.includes('{key}') && isBranch(filled) && !/[{}]/.test(filled)) return value;
    return refuse(ctx, 'is not a branch pattern', 'use {key} and {slug}, such as orch/{key}-{slug}');
  });
}

function isBranch(value: string): boolean {
  const bad = /^[-/.]|[\s~^:?*[\\\p{Cc}]|\.\.|@\{|\/\/|\/\.|\.lock(\/|$)|[/.]$|^@?$/u;
  return value.length <= 200 && !bad.test(value);
}

/** Variables for a child process. Values are text: an unquoted `1.10` would already be `1.1`. */
export function variables<T extends z.ZodType>(value: T) {
  return z.record(z.string().meta({ pattern: VARIABLE.source }), value);
}
