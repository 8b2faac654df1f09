import type { DestinationContext } from '../destination-context.ts';
import { type Place, placeOf } from '../place.ts';
import type { Threads } from '../threads.ts';
import { createGiteaClient, type GiteaClient, giteaFailure } from './gitea-client.ts';
import { createGiteaThreads } from './gitea-threads.ts';

/** One repository on the Gitea of this installation. */
export interface GiteaPlace extends Place<GiteaClient> {
  readonly threads: Threads;
  /** What an error says, for that of a tracker or forge; null: it is none of Gitea's. */
  failed(error: unknown): Promise<ReturnType<typeof giteaFailure>>;
}

export function giteaPlace(context: DestinationContext, repo: string | undefined): GiteaPlace {
  const url = context.access.gitea.url;
  // The configuration refuses it before anything is created.
  if (url === null) throw new Error('gitea is not configured');
  const place = placeOf(context, 'gitea', repo, (token) =>
    createGiteaClient({ url, token, now: context.clock }),
  );
  return {
    ...place,
    threads: createGiteaThreads(place),
    failed: async (error) => giteaFailure(await place.client.told(place.at, error)),
  };
}
