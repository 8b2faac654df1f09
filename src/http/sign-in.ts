import { timingSafeEqual } from 'node:crypto';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context, MiddlewareHandler } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { matchedRoutes } from 'hono/route';
import type { Surface } from '../core/audit.ts';
import { AppError } from '../core/errors.ts';
import { ACTIONS, mayDo } from '../core/roles.ts';
import { SESSION_MAX_MS } from '../core/users.ts';
import type { From, People, Person } from '../engine/people.ts';
import { ACCESS } from './access.ts';
import type { AppEnv } from './server.ts';

const READS = ['GET', 'HEAD', 'OPTIONS'];

export interface SignInOptions {
  readonly people: People;
  /** Bearer tokens of this machine: they may do everything, under the name that the CLI says. */
  readonly tokens: readonly string[];
  readonly publicUrl: string | null;
}

/**
 * Who asks, and whether that person may: before every route of `/api/`. A bearer token comes first, then the
 * session of a browser; a browser's writes must come from our own pages.
 */
export function guard(options: SignInOptions): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    // Middleware is of every method, and what answers for the page is of every path: neither is what is asked for.
    const route = matchedRoutes(c).findLast(
      ({ method, path }) => method !== 'ALL' && path.startsWith('/api/'),
    );
    const action = route === undefined ? 'read' : ACCESS[`${route.method} ${route.path}`];
    if (action === undefined)
      throw new AppError(`nobody may use ${c.req.method} ${c.req.path}: its role is not declared`, {
        code: 'auth.forbidden',
        hint: 'src/http/access.ts',
      });
    const found = await whoAsks(c, options);
    if (found?.kind !== 'bearer' && !READS.includes(c.req.method)) checkOrigin(c, options, found !== null);
    if (action === 'public') return next();
    if (found === null)
      throw new AppError('not signed in', {
        code: 'auth.required',
        hint: 'sign in, orch login URL, or run the CLI as the user that runs orch up (ORCH_API_TOKEN also does)',
      });
    if (!mayDo(found.person.role, action))
      throw new AppError(`${found.person.name} is ${found.person.role}: ${action} needs ${ACTIONS[action]}`, {
        code: 'auth.forbidden',
        hint: `needs ${ACTIONS[action]}; an admin can change that: orch users role ${found.person.name} ${ACTIONS[action]}`,
      });
    c.set('person', found.person);
    c.set('actor', { by: found.person.name, surface: found.surface });
    return next();
  };
}

interface Found {
  readonly kind: 'bearer' | 'cookie';
  readonly person: Person;
  readonly surface: Surface;
}

/** Null for nobody, also for a token that is wrong: it is then not asked for a cookie. */
async function whoAsks(c: Context, { people, tokens, publicUrl }: SignInOptions): Promise<Found | null> {
  const header = c.req.header('authorization');
  const said = c.req.header('x-orch-by');
  const surface = said === undefined ? 'api' : 'cli';
  if (header !== undefined) {
    const token = /^Bearer (.+)$/i.exec(header)?.[1] ?? '';
    if (isOneOf(token, tokens))
      return {
        kind: 'bearer',
        person: { name: actorName(said), role: 'admin', userId: null, sessionId: null },
        surface,
      };
    const person = await people.ofToken(token);
    return person === null ? null : { kind: 'bearer', person, surface };
  }
  const secret = getCookie(c, cookieName(publicUrl));
  const person = secret === undefined ? null : await people.ofSession(secret);
  return person === null ? null : { kind: 'cookie', person, surface: 'web' };
}

/** Metrics: from this machine without more (not through a proxy), from elsewhere whoever may look. */
export async function mayWatch(c: Context, options: SignInOptions): Promise<boolean> {
  const { address } = fromOf(c, null);
  const isProxied = c.req.header('x-forwarded-for') !== undefined || c.req.header('forwarded') !== undefined;
  return (isLoopback(address) && !isProxied) || (await whoAsks(c, options)) !== null;
}

/**
 * A write by cookie must come from a page of ours; a public one (signing in) must not come from a page that is
 * not. Programs send no Origin and no cookie.
 */
function checkOrigin(c: Context, { publicUrl }: SignInOptions, byCookie: boolean): void {
  const origin = c.req.header('origin');
  const site = c.req.header('sec-fetch-site');
  const own =
    origin === undefined
      ? site === 'same-origin' || (!byCookie && site === undefined)
      : isOwn(origin, c.req.header('host'), publicUrl);
  if (own) return;
  throw new AppError('this request comes from a page that is not ours', {
    code: 'auth.origin',
    hint: `set ORCH_PUBLIC_URL to the address that people open${origin === undefined ? '' : ` (${origin.slice(0, 200)} was seen)`}`,
  });
}

function isOwn(origin: string, host: string | undefined, publicUrl: string | null): boolean {
  if (!URL.canParse(origin)) return false;
  if (publicUrl !== null && new URL(publicUrl).origin === origin) return true;
  return host !== undefined && new URL(origin).host === host;
}

/** Where a request comes from; a proxy on this machine is believed once there is a public address. */
export function fromOf(c: Context, publicUrl: string | null): From {
  const agent = c.req.header('user-agent') ?? '';
  let address = 'here';
  try {
    address = getConnInfo(c).remote.address ?? address;
  } catch {
    // asked without a socket, as tests do
  }
  const forwarded = c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim();
  if (publicUrl !== null && isLoopback(address) && forwarded !== undefined && forwarded !== '')
    address = forwarded.slice(0, 64);
  return { address, agent };
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

export function startSession(c: Context, secret: string, publicUrl: string | null): void {
  setCookie(c, cookieName(publicUrl), secret, {
    httpOnly: true,
    sameSite: 'Lax',
    path: '/',
    secure: isSecure(publicUrl),
    maxAge: SESSION_MAX_MS / 1000,
  });
}

export function endSession(c: Context, publicUrl: string | null): void {
  deleteCookie(c, cookieName(publicUrl), { path: '/', secure: isSecure(publicUrl) });
}

function cookieName(publicUrl: string | null): string {
  return isSecure(publicUrl) ? '__Host-orch_session' : 'orch_session';
}

function isSecure(publicUrl: string | null): boolean {
  return publicUrl?.startsWith('https:') ?? false;
}

function isOneOf(token: string, tokens: readonly string[]): boolean {
  const given = Buffer.from(token);
  return tokens.some((each) => {
    const wanted = Buffer.from(each);
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  });
}

/** Who the CLI of this machine says it acts for; shown in the audit log, never a permission. */
function actorName(header: string | undefined): string {
  const name = (header ?? '')
    .replace(/[^\p{L}\p{N} ._@-]/gu, '')
    .slice(0, 60)
    .trim();
  return name === '' ? 'api' : name;
}
