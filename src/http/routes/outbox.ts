import { createRoute } from '@hono/zod-openapi';
import { type DestinationTrouble, UNREACHABLE_AFTER_MS } from '../../core/delivery.ts';
import type { OutboxMessage } from '../../core/effects.ts';
import { letterName } from '../../engine/letters.ts';
import type { Letter } from '../../store/store.ts';
import {
  type DestinationWire,
  MAX_LIMIT,
  type MessageWire,
  outboxDroppedSchema,
  outboxDropRequest,
  outboxQuery,
  outboxRetriedSchema,
  outboxRetryRequest,
  outboxSchema,
} from '../contract.ts';
import { answer, createRoutes, jsonBody, route } from '../openapi.ts';
import type { HttpOptions } from '../server.ts';
import { iso, isoOrNull } from '../wire.ts';

const MAX_WHAT = 120;

/** Messages that were given up or are stuck: listed, tried anew, dropped. */
export function outboxRoutes({ engine }: HttpOptions) {
  const routes = createRoutes();

  routes.openapi(
    createRoute({
      ...route('get', '/outbox', 'outbox', 'Messages that were not delivered'),
      request: { query: outboxQuery },
      responses: answer(outboxSchema, 'a page of them, and the destinations in trouble'),
    }),
    async (c) => {
      const { limit, after, destination, state } = c.req.valid('query');
      const { items, next } = await engine.letters.list({
        limit: Math.min(limit, MAX_LIMIT),
        after: after ?? 0,
        ...(destination === undefined ? {} : { destination }),
        ...(state === undefined ? {} : { state }),
      });
      const destinations = destinationsToWire(await engine.letters.troubles(), Date.now());
      return c.json({ messages: items.map(toWire), destinations, next }, 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/outbox/retry', 'outbox', 'Try messages anew, now'),
      request: { body: jsonBody(outboxRetryRequest) },
      responses: answer(outboxRetriedSchema, 'how many, and how many were dropped as overtaken'),
    }),
    async (c) => {
      const { ids, destination } = c.req.valid('json');
      return c.json(await engine.letters.retry(ids ?? { destination }, c.get('actor')), 200);
    },
  );
  routes.openapi(
    createRoute({
      ...route('post', '/outbox/drop', 'outbox', 'Give a message up for good'),
      request: { body: jsonBody(outboxDropRequest) },
      responses: answer(outboxDroppedSchema, 'its name'),
    }),
    async (c) => {
      const { id, reason } = c.req.valid('json');
      await engine.letters.drop(id, reason, c.get('actor'));
      return c.json({ dropped: letterName(id) }, 200);
    },
  );
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
    case 'notify.show':
      return `alert: ${message.title}`;
    case 'notify.resolved':
      return `resolved: ${message.incident}`;
    case 'notify.digest':
      return message.line;
  }
}
