import type { Secret } from '../lib/secret.ts';
import type { DestinationContext } from './destination-context.ts';
import type { failedRequest } from './host-client.ts';
import { type RepositoryName, repositoryName, repositoryOfAddress } from './repository-name.ts';
import type { Author, Threads } from './threads.ts';

/** One repository on a vendor's host, and Orch's accounts there. */
export interface Place<C> extends Accounts<C> {
  readonly kind: 'gitea' | 'github';
  /** For people: `Gitea`. */
  readonly vendor: string;
  readonly threads: Threads;
  /** Nobody (a deleted user) may not. */
  mayWrite(author: Author | null, signal?: AbortSignal): Promise<boolean>;
  /** What an error says, for that of a tracker or forge; null: it is none of the vendor's. */
  failed(error: unknown): Promise<ReturnType<typeof failedRequest>>;
}

export interface Accounts<C> {
  readonly at: RepositoryName;
  readonly client: C;
  /** The second account, which reviews; null when there is none. */
  readonly reviewer: C | null;
  /** Ids of both accounts. */
  ownIds(signal?: AbortSignal): Promise<readonly string[]>;
}

/** Those in the repository that `repo` under tracker or forge names, else in the one of the git address. Asks nobody. */
export function accountsAt<
  C extends { own(signal?: AbortSignal): Promise<{ readonly id: string | number }> },
>(
  context: DestinationContext,
  kind: 'gitea' | 'github',
  repo: string | undefined,
  createClient: (token: Secret) => C,
): Accounts<C> {
  const { token, reviewerToken } = context.access[kind];
  const at = repo === undefined ? repositoryOfAddress(context.repo) : repositoryName(repo);
  // The configuration refuses both before anything is created.
  if (token === null || at === null) throw new Error(`${kind} is not configured`);
  const client = context.once(kind, () => createClient(token));
  const reviewer =
    reviewerToken === null ? null : context.once(`${kind} reviewer`, () => createClient(reviewerToken));
  return {
    ...{ at, client, reviewer },
    async ownIds(signal) {
      const accounts = reviewer === null ? [client] : [client, reviewer];
      const own = await Promise.all(accounts.map((each) => each.own(signal)));
      return own.map(({ id }) => String(id));
    },
  };
}
