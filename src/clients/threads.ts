import { isStatus } from '../lib/http-client.ts';
import { hasMarker, marked, withoutMarker } from '../lib/marker.ts';

/** The comments under one issue or pull request: to Gitea and GitHub they are the same thing. */
export interface Threads {
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

/** A user as the vendor names one; `association` is what GitHub says of them beside their words. */
export interface Author {
  readonly id: string;
  readonly login: string;
  readonly association: string | null;
}

export function authorOf(
  user: { readonly id: number | bigint; readonly login: string } | null | undefined,
  association: string | null = null,
): Author | null {
  return user == null ? null : { id: String(user.id), login: user.login, association };
}

export interface PostedComment {
  readonly id: number;
  /** Null: somebody who is gone. */
  readonly author: Author | null;
  readonly body: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly url: string | null;
}

/** How a vendor is asked. */
export interface ThreadParts {
  readonly place: {
    /** Ids of Orch's own accounts. */
    ownIds(signal?: AbortSignal): Promise<readonly string[]>;
    mayWrite(author: Author | null, signal?: AbortSignal): Promise<boolean>;
  };
  /** Oldest first; those changed since then, or all. */
  list(number: number, since: number | null, signal: AbortSignal): Promise<readonly PostedComment[]>;
  /** Returns its id. A number that is not there is a 404. */
  post(number: number, body: string, signal: AbortSignal): Promise<number>;
  edit(id: number, body: string, signal: AbortSignal): Promise<unknown>;
  /** What is longer is cut; a marker has to fit behind. */
  readonly maxBody?: number;
}

export function createThreads(parts: ThreadParts): Threads {
  const { list, post, edit, maxBody = Number.POSITIVE_INFINITY } = parts;
  const { ownIds, mayWrite } = parts.place;
  /** Ids of living comments that are known, by number and key. */
  const kept = new Map<string, number>();

  async function written(number: number, key: string, signal: AbortSignal) {
    const own = await ownIds(signal);
    const found = await list(number, null, signal);
    return found.find(({ author, body }) => own.includes(author?.id ?? '') && hasMarker(body, key));
  }

  const textOf = (body: string, key: string) =>
    marked(body.length <= maxBody ? body : `${body.slice(0, maxBody)}\n\n(cut)`, key);

  return {
    async add(number, body, { key, again, signal }) {
      if (again && (await written(number, key, signal)) !== undefined) return;
      await post(number, textOf(body, key), signal);
    },
    async keep(number, key, body, signal) {
      const name = `${number} ${key}`;
      const text = textOf(body, key);
      const known = kept.get(name) ?? (await written(number, key, signal))?.id;
      kept.delete(name);
      if (known !== undefined)
        try {
          await edit(known, text, signal);
          kept.set(name, known);
          return;
        } catch (error) {
          if (!isStatus(error, 404)) throw error; // else somebody removed it
        }
      kept.set(name, await post(number, text, signal));
    },
    async ofOthers(number, since, signal) {
      const own = await ownIds(signal);
      const theirs = (await list(number, since, signal)).filter(
        ({ author }) => !own.includes(author?.id ?? ''),
      );
      return Promise.all(
        theirs.map(async ({ id, author, body, createdAt, updatedAt, url }) => ({
          ...{ id: String(id), body: withoutMarker(body), createdAt, updatedAt, url },
          by: {
            ...{ id: author?.id ?? '0', name: author?.login ?? 'somebody' },
            mayWrite: await mayWrite(author, signal),
          },
        })),
      );
    },
  };
}
