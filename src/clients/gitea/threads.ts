import { z } from 'zod';
import { path } from '../../lib/http-client.ts';
import { hasMarker, marked, withoutMarker } from '../../lib/marker.ts';
import type { RepositoryName } from '../repository-name.ts';
import type { GiteaClient } from './gitea-client.ts';
import { comment, type GiteaComment } from './wire.ts';

/** The comments under one issue or pull request: to Gitea they are the same thing. */
export interface GiteaThreads {
  /** Adds a comment, once per key. A number that is not there has to be told before: Gitea answers 500. */
  add(number: number, body: string, by: { key: string; again: boolean; signal: AbortSignal }): Promise<void>;
  /** Gives the comment of that key this text, whatever it had. */
  keep(number: number, key: string, body: string, signal: AbortSignal): Promise<void>;
  /** Comments of others than these accounts, oldest first, each with whether its author may write. */
  ofOthers(
    number: number,
    since: number | null,
    signal: AbortSignal,
  ): Promise<
    {
      id: string;
      by: { id: string; name: string; mayWrite: boolean };
      body: string;
      createdAt: number;
      updatedAt: number;
      url: string | null;
    }[]
  >;
}

export function createThreads(
  client: GiteaClient,
  at: RepositoryName,
  /** Ids of Orch's own accounts, the writing one first. */
  ownIds: (signal?: AbortSignal) => Promise<readonly number[]>,
): GiteaThreads {
  const below = path`/repos/${at.owner}/${at.name}/issues`;

  /** This list has no pages: it always comes whole. */
  async function list(number: number, since: number | null, signal: AbortSignal): Promise<GiteaComment[]> {
    const found = await client.one(z.array(comment), {
      method: 'GET',
      path: `${below}/${number}/comments`,
      query: since === null ? {} : { since: new Date(Math.floor(since / 1000) * 1000).toISOString() },
      signal,
    });
    return found.toSorted((a, b) => a.id - b.id);
  }

  async function written(number: number, key: string, signal: AbortSignal): Promise<GiteaComment | null> {
    const own = await ownIds(signal);
    const found = await list(number, null, signal);
    return found.find((each) => own.includes(each.user?.id ?? 0) && hasMarker(each.body, key)) ?? null;
  }

  async function post(number: number, key: string, body: string, signal: AbortSignal): Promise<void> {
    const text = { body: marked(body, key) };
    await client.send({ method: 'POST', path: `${below}/${number}/comments`, body: text, signal });
  }

  return {
    async add(number, body, { key, again, signal }) {
      if (again && (await written(number, key, signal)) !== null) return;
      await post(number, key, body, signal);
    },
    async keep(number, key, body, signal) {
      const there = await written(number, key, signal);
      if (there === null) return post(number, key, body, signal);
      const text = marked(body, key);
      if (there.body.trimEnd() === text) return;
      await client.send({
        method: 'PATCH',
        path: `${below}/comments/${there.id}`,
        body: { body: text },
        signal,
      });
    },
    async ofOthers(number, since, signal) {
      const own = await ownIds(signal);
      const theirs = (await list(number, since, signal)).filter((each) => !own.includes(each.user?.id ?? 0));
      return Promise.all(
        theirs.map(async (each) => ({
          id: String(each.id),
          by: {
            id: String(each.user?.id ?? 0),
            name: each.user?.login ?? 'somebody',
            mayWrite: await client.mayWrite(at, each.user?.login ?? null, signal),
          },
          body: withoutMarker(each.body),
          createdAt: each.created_at,
          updatedAt: each.updated_at,
          url: each.html_url === '' ? null : each.html_url,
        })),
      );
    },
  };
}
