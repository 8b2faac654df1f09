import type { DestinationContext } from '../destination-context.ts';
import { type Place, placeOf } from '../place.ts';
import type { Threads } from '../threads.ts';
import { createGithubClient, type GithubClient, githubFailure } from './github-client.ts';
import { createGithubThreads } from './github-threads.ts';

/** One repository on GitHub. */
export interface GithubPlace extends Place<GithubClient> {
  /** As routes name it. */
  readonly repo: { readonly owner: string; readonly repo: string };
  readonly threads: Threads;
  /** What an error says, for that of a tracker or forge; null: it is none of GitHub's. */
  failed(error: unknown): Promise<ReturnType<typeof githubFailure>>;
}

/** Where GitHub is when nothing is said of it. */
export const GITHUB = 'https://github.com';

export function githubPlace(context: DestinationContext, repo: string | undefined): GithubPlace {
  const url = context.access.github.url ?? GITHUB;
  const place = placeOf(context, 'github', repo, (token) =>
    createGithubClient({ url, token, clock: context.clock }),
  );
  return {
    ...place,
    repo: { owner: place.at.owner, repo: place.at.name },
    threads: createGithubThreads(place),
    failed: async (error) => githubFailure(await place.client.told(place.at, error)),
  };
}
