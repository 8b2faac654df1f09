import { type Context, Hono } from 'hono';
import type { Brief } from '../../core/brief.ts';
import { AppError } from '../../core/errors.ts';
import { parseDuration } from '../../lib/duration.ts';
import type { AppEnv, HttpOptions } from '../server.ts';
import { iso, isoOrNull } from '../wire.ts';

/** What people are told and how they are reached: the brief, links to chats, a test message. */
export function briefRoutes({ engine }: HttpOptions) {
  const routes = new Hono<AppEnv>();
  const actor = (c: Context<AppEnv>) => ({ by: c.get('by'), surface: 'cli' as const });

  routes.get('/brief', async (c) => {
    const since = sinceOf(c.req.query('since'), Date.now());
    return c.json(
      briefToWire(await engine.brief(c.get('by'), { since, peek: c.req.query('peek') === 'true' })),
    );
  });
  routes.post('/users/:name/link', async (c) => {
    const { code, user, expiresAt } = await engine.people.issue(c.req.param('name'), actor(c));
    return c.json({ user, code, expiresAt: iso(expiresAt) }, 201);
  });
  routes.post('/notify/test', async (c) => c.json({ channels: await engine.testChannels(c.get('by')) }));
  return routes;
}

/** An instant, or how long ago. */
function sinceOf(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  const ago = parseDuration(text);
  const at = ago === null ? Date.parse(text) : now - ago;
  if (Number.isNaN(at) || at > now)
    throw new AppError(`since ${text.slice(0, 60)} is no time before now`, {
      code: 'usage.since',
      hint: 'how long ago (8h), or ISO 8601',
    });
  return at;
}

function briefToWire(brief: Brief) {
  const task = <T extends { readonly at: number }>(each: T) => ({ ...each, at: iso(each.at) });
  return {
    schema: 'orch.brief/1' as const,
    since: iso(brief.since),
    until: iso(brief.until),
    running: brief.running,
    queued: brief.queued,
    merged: brief.merged.map(task),
    approvals: brief.approvals.map(task),
    questions: brief.questions.map(task),
    failures: brief.failures.map(task),
    windows: brief.windows.map((each) => ({ ...each, resetAt: isoOrNull(each.resetAt) })),
    holds: brief.holds.map((each) => ({ ...each, until: isoOrNull(each.until) })),
    next: brief.next,
  };
}
