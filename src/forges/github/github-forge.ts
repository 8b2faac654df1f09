import { z } from 'zod';
import type { DestinationContext } from '../../clients/destination-context.ts';
import { failedRequest } from '../../clients/github/github-client.ts';
import {
  GITHUB,
  type GithubPlace,
  githubPlace,
  repositoryTrouble,
} from '../../clients/github/github-place.ts';
import { isSameRepository } from '../../clients/repository-name.ts';
import { destinationError } from '../../core/destination-error.ts';
import type { Forge, PullFacts } from '../forge.ts';
import type { ForgeKind } from '../forge-kind.ts';
import { checksOf, statusesOf } from './checks.ts';
import { mergePull } from './merge.ts';
import { createPulls, type Pull, pullRequestOf } from './pulls.ts';
import { createReviews } from './reviews.ts';
import { requiredChecks } from './rules.ts';

const keys = {
  repo: z
    .string()
    .optional()
    .describe('`owner/name` of the repository on GitHub. Default: that of the git address.'),
  merge_style: z
    .enum(['merge', 'squash', 'rebase'])
    .default('merge')
    .describe('How GitHub merges; the repository has to allow it.'),
  keep_branch: z.boolean().default(false).describe('Keep the branch of a task after its merge.'),
  auto_merge: z
    .boolean()
    .default(false)
    .describe('Where rules forbid a merge now, let GitHub merge by itself once they are met.'),
};
const schema = z.object(keys);
/** GitHub looks at the password alone when that is a token; apps need this name. */
const GIT_USER = 'x-access-token';

export const githubForge: ForgeKind = {
  kind: 'github',
  keys,
  needs: ['github_token'],
  check({ repo }, address) {
    const trouble = repositoryTrouble(repo, address);
    return trouble === null ? [] : [trouble];
  },
  create(context) {
    const { repo } = schema.parse(context.config);
    return createGithubForge(context, githubPlace(context, repo));
  },
  gitCredentials({ repo, access }) {
    const { url, token } = access.github;
    const at = URL.parse(repo);
    // Of the same origin only: the token goes to nobody else, and never over a plainer connection.
    if (token === null || at === null || URL.parse(url ?? GITHUB)?.origin !== at.origin) return null;
    return /^https?:$/.test(at.protocol) ? { host: at.host, username: GIT_USER, password: token } : null;
  },
};

function createGithubForge(context: DestinationContext, place: GithubPlace): Forge {
  const { at, repo, client, threads } = place;
  const config = schema.parse(context.config);
  const pulls = createPulls(place);
  const reviews = createReviews(place);
  const asked = <T>(act: () => Promise<T>) => asking(act, place);

  async function facts(pull: Pull, head: string, signal?: AbortSignal): Promise<PullFacts> {
    const { number, base, mergeable } = pull;
    const required = await requiredChecks(place, base.ref, signal);
    return {
      head: await pulls.tip(pull.head.ref, signal),
      base: base.ref,
      reviews: await reviews.counting(number, signal),
      checks: await checksOf(place, head, required, signal),
      // Null while GitHub computes it, which this very question began.
      conflict: mergeable === null ? null : !mergeable,
    };
  }

  return {
    kind: 'github',
    open: (request, by) =>
      asked(async () => {
        const found = await pulls.open(request, by);
        return found === null ? null : pullRequestOf(found);
      }),
    ready: (pr, body, by) => asked(async () => pullRequestOf(await pulls.ready(pr.number, body, by))),
    comment: (pr, body, by) => asked(() => threads.add(pr.number, body, by)),
    status: ({ head, context: name, state, description, url }, { again, signal }) =>
      asked(async () => {
        // Every one adds a row, up to a thousand: what is there already is not said twice.
        if (again) {
          const last = (await statusesOf(place, head, signal)).find((each) => each.context === name);
          if (last?.state === state && last.description === description && last.target_url === url) return;
        }
        const words = { state, context: name, description, ...(url === null ? {} : { target_url: url }) };
        await client.send(
          'POST /repos/{owner}/{repo}/statuses/{sha}',
          { ...repo, sha: head, ...words },
          signal,
        );
      }),
    review: (pr, review, by) => asked(() => reviews.write(pr, review, by)),
    look: ({ pr, branch, base, head }, signal) =>
      asked(async () => {
        const found =
          pr === null ? await pulls.ofBranch(branch, base, signal) : await pulls.byNumber(pr.number, signal);
        if (found?.state === 'open') return { kind: 'open', pull: await facts(found, head, signal) };
        // One that ended before this head was made speaks of other work on a branch of the same name.
        if (pr === null && found?.head.sha !== head)
          return (await pulls.isIn(base, head, signal))
            ? { kind: 'merged', commit: head }
            : { kind: 'open', pull: null };
        if (found?.merged !== true) return { kind: 'closed' };
        return { kind: 'merged', commit: found.merge_commit_sha ?? found.head.sha };
      }),
    merge: ({ pr, branch, base, head, message }) =>
      asked(async () => {
        const found = pr === null ? await pulls.ofBranch(branch, base) : await pulls.byNumber(pr.number);
        if (found === null)
          return { kind: 'refused', detail: `GitHub has no pull request of ${branch} into ${base}` };
        const parts = {
          ...{ place, pulls, style: config.merge_style, keepBranch: config.keep_branch },
          auto: config.auto_merge,
        };
        return mergePull(parts, found, { head, message });
      }),
    feed: {
      isAbout: (name) => isSameRepository(at, name),
      comments: (pr, since, signal) => asked(() => threads.ofOthers(pr.number, since, signal)),
    },
  };
}

/** Errors as the port has them. A 404 is believed of what is in a repository only while that is visible. */
async function asking<T>(act: () => Promise<T>, { client, at }: GithubPlace): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const seen = await client.told(at, error);
    const failed = failedRequest(seen);
    throw failed === null ? seen : destinationError('forge', failed);
  }
}
