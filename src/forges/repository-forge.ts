import { z } from 'zod';
import type { Place } from '../clients/place.ts';
import { isSameRepository, repositoryTrouble } from '../clients/repository-name.ts';
import type { Delivery } from '../core/delivery.ts';
import { askDestination } from '../core/destination-error.ts';
import type { KeyTrouble } from '../core/destination-kind.ts';
import type { PullRequest } from '../core/model.ts';
import type { Secret } from '../lib/secret.ts';
import type { Forge, PullFacts } from './forge.ts';
import type { GitCredentials } from './forge-kind.ts';
import type { Reviews } from './reviews.ts';

/** What orch.yaml says under the `forge` of a repository on a vendor's host. */
export const forgeKeys = <const S extends 'merge' | (string & {})>(vendor: string, styles: readonly S[]) => ({
  repo: z
    .string()
    .optional()
    .describe(`\`owner/name\` of the repository on ${vendor}. Default: that of the git address.`),
  merge_style: z
    .enum(styles)
    .default('merge' as never)
    .describe(`How ${vendor} merges; the repository has to allow it.`),
  keep_branch: z.boolean().default(false).describe('Keep the branch of a task after its merge.'),
});

export function forgeTroubles({ repo }: Readonly<Record<string, unknown>>, address: string): KeyTrouble[] {
  const trouble = repositoryTrouble(repo, address);
  return trouble === null ? [] : [trouble];
}

/** For a repository of the same origin only: the token goes to nobody else, and never over a plainer connection. */
export function credentialsAt(
  host: { readonly url: string | null; readonly token: Secret | null },
  repo: string,
  username: string,
): GitCredentials | null {
  const { url, token } = host;
  const at = URL.parse(repo);
  if (url === null || token === null || at === null || URL.parse(url)?.origin !== at.origin) return null;
  return /^https?:$/.test(at.protocol) ? { host: at.host, username, password: token } : null;
}

/** A pull request, as far as all vendors say it in the same words. */
interface VendorPull {
  readonly number: number;
  readonly state: string;
  readonly merged: boolean;
  readonly merge_commit_sha?: string | null | undefined;
  readonly head: { readonly sha: string };
}

export interface Pulls<P extends VendorPull> {
  /** Null: there is none of that number. */
  byNumber(number: number, signal?: AbortSignal): Promise<P | null>;
  /** The one that the branch has: an open one before one that is merged or closed. */
  ofBranch(branch: string, base: string, signal?: AbortSignal): Promise<P | null>;
  /** Null: it has none, and `head` is in the base already. */
  open(request: Parameters<Forge['open']>[0], by: Delivery): Promise<P | null>;
  /** A commit of the base that has `head`, merged by whatever means; null: it is not in the base. */
  mergedByHand(base: string, head: string, signal?: AbortSignal): Promise<string | null>;
  ready(number: number, body: string, by: Delivery): Promise<P>;
}

/** How a vendor is asked about the pull requests of one repository. */
export interface ForgeSource<P extends VendorPull> extends Pick<Forge, 'status'> {
  readonly place: Place<unknown>;
  readonly pulls: Pulls<P>;
  readonly reviews: Reviews;
  readable(pull: P): PullRequest;
  /** Of an open one. */
  facts(pull: P, head: string, signal?: AbortSignal): Promise<PullFacts>;
  merge(pull: P, request: Parameters<Forge['merge']>[0]): ReturnType<Forge['merge']>;
}

/** A repository with pull requests as a forge, the same for every vendor. */
export function createRepositoryForge<P extends VendorPull>(source: ForgeSource<P>): Forge {
  const { pulls, reviews, readable } = source;
  const { kind, vendor, at, threads, failed } = source.place;
  const asked = <T>(act: () => Promise<T>) => askDestination('forge', act, failed);
  const pullOf = (
    { pr, branch, base }: Pick<Parameters<Forge['look']>[0], 'pr' | 'branch' | 'base'>,
    signal?: AbortSignal,
  ) => (pr === null ? pulls.ofBranch(branch, base, signal) : pulls.byNumber(pr.number, signal));

  return {
    kind,
    open: (request, by) =>
      asked(async () => {
        const found = await pulls.open(request, by);
        return found && readable(found);
      }),
    ready: (pr, body, by) => asked(async () => readable(await pulls.ready(pr.number, body, by))),
    comment: (pr, body, by) => asked(() => threads.add(pr.number, body, by)),
    status: (status, by) => asked(() => source.status(status, by)),
    review: (pr, review, by) => asked(() => reviews.write(pr, review, by)),
    look: (request, signal) =>
      asked(async () => {
        const { pr, base, head } = request;
        const found = await pullOf(request, signal);
        if (found?.state === 'open') return { kind: 'open', pull: await source.facts(found, head, signal) };
        // One that ended before this head was made speaks of other work on a branch of the same name.
        if (pr === null && found?.head.sha !== head) {
          const commit = await pulls.mergedByHand(base, head, signal);
          return commit === null ? { kind: 'open', pull: null } : { kind: 'merged', commit };
        }
        if (found?.merged !== true) return { kind: 'closed' };
        return { kind: 'merged', commit: found.merge_commit_sha ?? found.head.sha };
      }),
    merge: (request) =>
      asked(async () => {
        const { branch, base } = request;
        const found = await pullOf(request);
        return found === null
          ? { kind: 'refused', detail: `${vendor} has no pull request of ${branch} into ${base}` }
          : source.merge(found, request);
      }),
    feed: {
      isAbout: (name) => isSameRepository(at, name),
      comments: (pr, since, signal) => asked(() => threads.ofOthers(pr.number, since, signal)),
    },
  };
}
