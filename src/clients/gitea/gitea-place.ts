import type { DestinationContext } from '../destination-context.ts';
import { accountsAt, type Place } from '../place.ts';
import { createGiteaClient, type GiteaClient, giteaFailure } from './gitea-client.ts';
import { createGiteaThreads } from './gitea-threads.ts';

/** One repository on the Gitea of this installation. */
export type GiteaPlace = Place<GiteaClient>;

export function giteaPlace(context: DestinationContext, repo: string | undefined): GiteaPlace {
  const url = context.access.gitea.url;
  // The configuration refuses it before anything is created.
  if (url === null) throw new Error('gitea is not configured');
  const accounts = accountsAt(context, 'gitea', repo, (token) =>
    createGiteaClient({ url, token, now: context.clock }),
  );
  const { at, client } = accounts;
  const mayWrite: GiteaPlace['mayWrite'] = (author, signal) =>
    client.mayWrite(at, author?.login ?? null, signal);
  return {
    ...{ kind: 'gitea', vendor: 'Gitea', ...accounts, mayWrite },
    threads: createGiteaThreads({ ...accounts, mayWrite }),
    failed: async (error) => giteaFailure(await client.told(at, error)),
  };
}
