import { hasMarker, marked, withoutMarker } from '../../lib/marker.ts';
import type { RepositoryName } from '../repository-name.ts';
import { type GithubClient, isStatus } from './github-client.ts';

/** The comments under one issue or pull request: to GitHub they are the same thing. */
export interface GithubThreads {
  /** Adds a comment, once per key. */
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

/** GitHub takes 65,536 characters; a marker has to fit behind. */
const MAX_BODY = 64_000;

export function createGithubThreads(
  client: GithubClient,
  { owner, name: repo }: RepositoryName,
  ownIds: (signal?: AbortSignal) => Promise<readonly string[]>,
): GithubThreads {
  /** Ids of living comments that are known, by number and key. */
  const kept = new Map<string, number>();

  function list(issue_number: number, since: number | null, signal: AbortSignal) {
    const params = {
      owner,
      repo,
      issue_number,
      ...(since === null ? {} : { since: new Date(since).toISOString() }),
    };
    return client.all(
      'GET /repos/{owner}/{repo}/issues/{issue_number}/comments',
      params,
      (comments) => comments,
      signal,
    );
  }

  async function written(number: number, key: string, signal: AbortSignal) {
    const own = await ownIds(signal);
    const found = await list(number, null, signal);
    return found.find(({ user, body }) => own.includes(String(user?.id)) && hasMarker(body ?? '', key));
  }

  async function idOf(number: number, key: string, signal: AbortSignal): Promise<number | undefined> {
    const found = await written(number, key, signal);
    return found === undefined ? undefined : Number(found.id);
  }

  async function post(issue_number: number, key: string, body: string, signal: AbortSignal): Promise<number> {
    const route = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
    return Number(
      (await client.send(route, { owner, repo, issue_number, body: textOf(body, key) }, signal)).id,
    );
  }

  return {
    async add(number, body, { key, again, signal }) {
      if (again && (await written(number, key, signal)) !== undefined) return;
      await post(number, key, body, signal);
    },
    async keep(number, key, body, signal) {
      const name = `${number} ${key}`;
      const known = kept.get(name) ?? (await idOf(number, key, signal));
      if (known === undefined) {
        kept.set(name, await post(number, key, body, signal));
        return;
      }
      try {
        const route = 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}';
        await client.send(route, { owner, repo, comment_id: known, body: textOf(body, key) }, signal);
        kept.set(name, known);
      } catch (error) {
        kept.delete(name);
        // Somebody removed it.
        if (!isStatus(error, 404)) throw error;
        kept.set(name, await post(number, key, body, signal));
      }
    },
    async ofOthers(number, since, signal) {
      const own = await ownIds(signal);
      const theirs = (await list(number, since, signal)).filter(
        ({ user }) => !own.includes(String(user?.id)),
      );
      return Promise.all(
        theirs.map(async ({ id, user, body, author_association, created_at, updated_at, html_url }) => ({
          id: String(id),
          by: {
            id: String(user?.id ?? 0),
            name: user?.login ?? 'somebody',
            mayWrite: await client.mayWrite(
              { owner, name: repo },
              user?.login ?? null,
              author_association ?? null,
              signal,
            ),
          },
          body: withoutMarker(body ?? ''),
          createdAt: Date.parse(created_at),
          updatedAt: Date.parse(updated_at),
          url: html_url,
        })),
      );
    },
  };
}

function textOf(body: string, key: string): string {
  const text = body.length <= MAX_BODY ? body : `${body.slice(0, MAX_BODY)}\n\n(cut)`;
  return marked(text, key);
}
