import type { Clock } from '../../lib/clock.ts';
import { type RepositoryName, repositoryName, repositoryOfAddress } from '../repository-name.ts';
import type { VendorAccess } from '../vendor-access.ts';
import { createGithubClient, type GithubClient } from './github-client.ts';
import { createGithubThreads, type GithubThreads } from './github-threads.ts';

/** One repository on GitHub, and Orch's accounts there. */
export interface GithubPlace {
  readonly at: RepositoryName;
  /** As routes name it. */
  readonly repo: { readonly owner: string; readonly repo: string };
  readonly client: GithubClient;
  /** The second account, which reviews; null when there is none. */
  readonly reviewer: GithubClient | null;
  /** Ids of both accounts. */
  ownIds(signal?: AbortSignal): Promise<readonly string[]>;
  readonly threads: GithubThreads;
}

export interface PlaceContext {
  readonly repo: string;
  readonly access: VendorAccess;
  readonly clock: Clock;
  once<T>(name: string, make: () => T): T;
}

/** Where GitHub is when nothing is said of it. */
export const GITHUB = 'https://github.com';

/** The place that `repo` under tracker or forge names, else the one of the git address. Asks nobody. */
export function githubPlace(context: PlaceContext, repo: string | undefined): GithubPlace {
  const { token, reviewerToken } = context.access.github;
  const at = repo === undefined ? repositoryOfAddress(context.repo) : repositoryName(repo);
  // The configuration refuses both before anything is created.
  if (token === null || at === null) throw new Error('github is not configured');
  const options = { url: context.access.github.url ?? GITHUB, clock: context.clock };
  const client = context.once('github', () => createGithubClient({ ...options, token }));
  const reviewer =
    reviewerToken === null
      ? null
      : context.once('github reviewer', () => createGithubClient({ ...options, token: reviewerToken }));
  async function ownIds(signal?: AbortSignal): Promise<readonly string[]> {
    const own = await Promise.all([client.own(signal), ...(reviewer === null ? [] : [reviewer.own(signal)])]);
    return own.map(({ id }) => id);
  }
  return {
    ...{ at, repo: { owner: at.owner, repo: at.name }, client, reviewer, ownIds },
    threads: createGithubThreads(client, at, ownIds),
  };
}

/** What is wrong with `repo`, before anything is created; null = nothing. */
export function repositoryTrouble(
  repo: unknown,
  address: string,
): { readonly key: string; readonly problem: string; readonly fix: string } | null {
  const fix = 'write it as owner/name';
  if (typeof repo === 'string' && repositoryName(repo) === null)
    return { key: 'repo', problem: 'is not owner/name', fix };
  if (repo === undefined && repositoryOfAddress(address) === null)
    return { key: 'repo', problem: 'is missing, and the git address names no owner and name', fix };
  return null;
}
