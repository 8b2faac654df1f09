import { type Context, Hono } from 'hono';
import { type DestinationTrouble, UNREACHABLE_AFTER_MS } from '../../core/delivery.ts';
import type { OutboxMessage } from '../../core/effects.ts';
import { AppError } from '../../core/errors.ts';
import { letterName } from '../../engine/letters.ts';
import type { Letter } from '../../store/store.ts';
import { body } from '../body.ts';
import {
  type DestinationWire,
  type MessageWire,
  outboxDropRequest,
  outboxRetryRequest,
} from '../contract.ts';
import type { AppEnv, HttpOptions } from '../server.ts';
import { iso, isoOrNull } from '../wire.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;
const MAX_WHAT = 120;

/** Messages that were given up or are stuck: listed, tried anew, dropped. */
export function outboxRoutes({ engine }: HttpOptions) {
  const routes = new Hono<AppEnv>();
  const actor = (c: Context<AppEnv>) => ({ by: c.get('by'), surface: 'cli' as const });

  routes.get('/outbox', async (c) => {
    const destination = c.req.query('destination');
    const state = stateOf(c.req.query('state'));
    const { items, next } = await engine.letters.list({
      limit: Math.min(Number(c.req.query('limit') ?? DEFAULT_LIMIT) || DEFAULT_LIMIT, MAX_LIMIT),
      after: Number(c.req.query('after') ?? 0) || 0,
      ...(destination === undefined ? {} : { destination }),
      ...(state === null ? {} : { state }),
    });
    const destinations = destinationsToWire(await engine.letters.troubles(), Date.now());
    return c.json({ messages: items.map(toWire), destinations, next });
  });
  routes.post('/outbox/retry', async (c) => {
    const { ids, destination } = await body(c, outboxRetryRequest);
    return c.json(await engine.letters.retry(ids ?? { destination }, actor(c)));
  });
  routes.post('/outbox/drop', async (c) => {
    const { id, reason } = await body(c, outboxDropRequest);
    await engine.letters.drop(id, reason, actor(c));
    return c.json({ dropped: letterName(id) });
  });
  return routes;
}

/** Destinations in trouble; one that only hiccups is not named. */
export function destinationsToWire(troubles: readonly DestinationTrouble[], now: number): DestinationWire[] {
  return troubles.flatMap(({ name, dead, unanswered }) => {
    const silent = unanswered !== null && now - unanswered.since >= UNREACHABLE_AFTER_MS ? unanswered : null;
    if (dead === null && silent === null) return [];
    return [
      {
        name,
        dead: dead?.count ?? 0,
        unansweredSince: isoOrNull(silent?.since ?? null),
        nextTryAt: isoOrNull(silent?.nextTryAt ?? null),
        error: silent?.error ?? dead?.error ?? '',
      },
    ];
  });
}

function toWire(letter: Letter): MessageWire {
  return {
    id: letterName(letter.id),
    destination: letter.destination,
    what: whatOf(letter.message).slice(0, MAX_WHAT),
    task: letter.task,
    state: letter.state,
    tries: letter.tries,
    mayBeDone: letter.unsure,
    error: letter.error,
    createdAt: iso(letter.createdAt),
    deadAt: isoOrNull(letter.deadAt),
    nextTryAt: isoOrNull(letter.nextTryAt),
  };
}

function whatOf(message: OutboxMessage): string {
  switch (message.kind) {
    case 'tracker.comment':
    case 'forge.comment':
      return `comment: ${message.body.split('\n')[0] ?? ''}`;
    case 'tracker.report':
      return 'the living report';
    case 'tracker.status':
      return `status ${message.status.replace('_', ' ')}`;
    case 'forge.pull_request':
      return message.action === 'open' ? 'open the pull request' : 'make the pull request ready';
    case 'forge.status':
      return `status of ${message.stage}: ${message.state}`;
    case 'forge.review':
      return `review: ${message.event.replace('_', ' ')}`;
    case 'notify.incident':
      return `alert: ${message.title}`;
    case 'notify.resolved':
      return `resolved: ${message.incident}`;
    case 'notify.digest':
      return message.line;
  }
}

function stateOf(text: string | undefined): Letter['state'] | null {
  if (text === undefined) return null;
  if (text === 'dead' || text === 'stuck') return text;
  throw new AppError(`state=${text} is not known`, { code: 'usage.state', hint: 'one of dead, stuck' });
}
