import type { DestinationContext } from '../destination-context.ts';
import { accountsAt, type Place } from '../place.ts';
import { createGithubClient, type GithubClient, githubFailure } from './github-client.ts';
import { createGithubThreads } from './github-threads.ts';

/** One repository on GitHub. */
export interface GithubPlace extends Place<GithubClient> {
  /** As routes name it. */
  readonly repo: { readonly owner: string; readonly repo: string };
}

/** Where GitHub is when nothing is said of it. */
export const GITHUB = 'https://github.com';

export function githubPlace(context: DestinationContext, repo: string | undefined): GithubPlace {
  const url = context.access.github.url ?? GITHUB;
  const accounts = accountsAt(context, 'github', repo, (token) =>
    createGithubClient({ url, token, clock: context.clock }),
  );
  const { at, client } = accounts;
  const mayWrite: GithubPlace['mayWrite'] = (author, signal) =>
    client.mayWrite(at, author?.login ?? null, author?.association ?? null, signal);
  return {
    ...{ kind: 'github', vendor: 'GitHub', ...accounts, repo: { owner: at.owner, repo: at.name }, mayWrite },
    threads: createGithubThreads({ ...accounts, mayWrite }),
    failed: async (error) => githubFailure(await client.told(at, error)),
  };
}
