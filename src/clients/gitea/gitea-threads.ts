import { z } from 'zod';
import { HttpError, isStatus, path } from '../../lib/http-client.ts';
import type { Place } from '../place.ts';
import { authorOf, createThreads, type Threads } from '../threads.ts';
import type { GiteaClient } from './gitea-client.ts';
import { comment, issue } from './wire.ts';

export function createGiteaThreads(
  place: Pick<Place<GiteaClient>, 'at' | 'client' | 'ownIds' | 'mayWrite'>,
): Threads {
  const { client, at } = place;
  const issues = path`/repos/${at.owner}/${at.name}/issues`;
  return createThreads({
    place,
    /** This list has no pages: it always comes whole. */
    async list(number, since, signal) {
      const found = await client.one(z.array(comment), {
        ...{ method: 'GET', path: `${issues}/${number}/comments`, signal },
        query: since === null ? {} : { since: new Date(Math.floor(since / 1000) * 1000).toISOString() },
      });
      return found
        .toSorted((a, b) => a.id - b.id)
        .map((each) => ({
          ...{ id: each.id, author: authorOf(each.user), body: each.body },
          ...{ createdAt: each.created_at, updatedAt: each.updated_at, url: each.html_url || null },
        }));
    },
    async post(number, body, signal) {
      const request = { method: 'POST', path: `${issues}/${number}/comments`, signal } as const;
      try {
        return (await client.one(comment, { ...request, body: { body } })).id;
      } catch (error) {
        // What a comment on a number that is not there is answered with.
        if (!isStatus(error, 500)) throw error;
        const there = await client.find(at, issue, { method: 'GET', path: `${issues}/${number}`, signal });
        if (there !== null) throw error;
        const facts = { ...request, status: 404, retryAfterMs: null, done: 'no' } as const;
        const text = `there is no ${at.owner}/${at.name}#${number}`;
        throw new HttpError(`${error.message}: ${text}`, { ...facts, body: text }, error);
      }
    },
    edit: (id, body, signal) =>
      client.send({ method: 'PATCH', path: `${issues}/comments/${id}`, body: { body }, signal }),
  });
}
