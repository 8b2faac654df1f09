import type { Clock } from '../../lib/clock.ts';
import { HttpError } from '../../lib/http-client.ts';
import { type RepositoryName, repositoryName, repositoryOfAddress } from '../repository-name.ts';
import type { VendorAccess } from '../vendor-access.ts';
import { createGiteaClient, type GiteaClient } from './gitea-client.ts';
import { createThreads, type GiteaThreads } from './threads.ts';

/** One repository on the Gitea of this installation, and Orch's accounts there. */
export interface GiteaPlace {
  readonly at: RepositoryName;
  readonly client: GiteaClient;
  /** The second account, which reviews; null when there is none. */
  readonly reviewer: GiteaClient | null;
  /** Ids of both accounts. */
  ownIds(signal?: AbortSignal): Promise<readonly number[]>;
  readonly threads: GiteaThreads;
}

/** What a tracker or forge is created with, as far as it concerns the place. */
export interface PlaceContext {
  readonly repo: string;
  readonly access: VendorAccess;
  readonly clock: Clock;
  once<T>(name: string, make: () => T): T;
}

/** The place that `repo` under tracker or forge names, else the one of the git address. Asks nobody. */
export function giteaPlace(context: PlaceContext, repo: string | undefined): GiteaPlace {
  const { url, token, reviewerToken } = context.access.gitea;
  const at = repo === undefined ? repositoryOfAddress(context.repo) : repositoryName(repo);
  // The configuration refuses both before anything is created.
  if (url === null || token === null || at === null) throw new Error('gitea is not configured');
  const options = { url, now: context.clock };
  const client = context.once('gitea', () => createGiteaClient({ ...options, token }));
  const reviewer =
    reviewerToken === null
      ? null
      : context.once('gitea reviewer', () => createGiteaClient({ ...options, token: reviewerToken }));
  async function ownIds(signal?: AbortSignal): Promise<readonly number[]> {
    const own = await Promise.all([client.own(signal), ...(reviewer === null ? [] : [reviewer.own(signal)])]);
    return own.map(({ id }) => id);
  }
  return { at, client, reviewer, ownIds, threads: createThreads(client, at, ownIds) };
}

/** Whether a failed request said exactly this. */
export function isStatus(error: unknown, ...statuses: readonly number[]): error is HttpError {
  return error instanceof HttpError && error.status !== null && statuses.includes(error.status);
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
