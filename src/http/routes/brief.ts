import { createRoute, z } from '@hono/zod-openapi';
import type { Brief } from '../../core/brief.ts';
import { AppError } from '../../core/errors.ts';
import type { Actor } from '../../engine/intake.ts';
import { parseDuration } from '../../lib/duration.ts';
import { briefQuery, briefSchema, channelTestsSchema, linkSchema } from '../contract.ts';
import { answer, createRoutes, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso, isoOrNull } from '../wire.ts';

/** What people are told and how they are reached: the brief, links to chats, a test message. */
export function briefRoutes({ engine }: HttpOptions) {
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/brief', 'why', 'What happened since you last looked'),
      request: { query: briefQuery },
      responses: answer(briefSchema, 'what was merged, waits, failed and comes next'),
    }),
    async (c) => {
      const { since, peek } = c.req.valid('query');
      const from = sinceOf(since, Date.now());
      return c.json(briefToWire(await engine.brief(c.get('actor').by, { since: from, peek })), 200);
    },
  );
  const linkFor = async (name: string, actor: Actor) => {
    const { code, user, expiresAt } = await engine.chatPeople.issue(name, actor);
    return { user, code, expiresAt: iso(expiresAt) };
  };
  routes.openapi(
    createRoute({
      ...route('post', '/users/{name}/link', 'people', 'A one-time code that links a chat'),
      request: { params: z.object({ name: z.string() }) },
      responses: answer(linkSchema, 'the code, told once'),
    }),
    async (c) => c.json(await linkFor(c.req.valid('param').name, c.get('actor')), 200),
  );
  routes.openapi(
    createRoute({
      ...route('post', '/link', 'people', "A one-time code that links a chat of one's own"),
      responses: answer(linkSchema, 'the code, told once'),
    }),
    async (c) => {
      const { name, sessionId } = c.get('person');
      // A chat may do all that its person may; a token may be worth less, and is not the person.
      if (sessionId === null)
        throw new AppError('only somebody who is signed in links a chat', {
          code: 'user.not_signed_in',
          hint: 'sign in on the page; an admin may run orch users link NAME',
        });
      return c.json(await linkFor(name, c.get('actor')), 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/notify/test', 'outbox', 'Send a test message by every channel'),
      responses: answer(channelTestsSchema, 'how each went'),
    }),
    async (c) => c.json({ channels: [...(await engine.testChannels(c.get('actor').by))] }, 200),
  );
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

function briefToWire(brief: Brief): z.infer<typeof briefSchema> {
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
    next: [...brief.next],
  };
}
