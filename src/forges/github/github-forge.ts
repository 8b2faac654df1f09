import { z } from 'zod';
import { GITHUB, type GithubPlace, githubPlace } from '../../clients/github/github-place.ts';
import type { ForgeKind } from '../forge-kind.ts';
import {
  createRepositoryForge,
  credentialsAt,
  type ForgeSource,
  forgeKeys,
  forgeTroubles,
} from '../repository-forge.ts';
import { checksOf, statusesOf } from './checks.ts';
import { mergePull } from './merge.ts';
import { createPulls, type Pull, pullRequestOf } from './pulls.ts';
import { createGithubReviews } from './reviews.ts';
import { requiredChecks } from './rules.ts';

const keys = {
  ...forgeKeys('GitHub', ['merge', 'squash', 'rebase']),
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
  check: forgeTroubles,
  create(context) {
    const config = schema.parse(context.config);
    return createRepositoryForge(forgeOf(githubPlace(context, config.repo), config));
  },
  gitCredentials: ({ repo, access: { github } }) =>
    credentialsAt({ ...github, url: github.url ?? GITHUB }, repo, GIT_USER),
};

function forgeOf(place: GithubPlace, config: z.output<typeof schema>): ForgeSource<Pull> {
  const { repo, client } = place;
  const pulls = createPulls(place);
  const reviews = createGithubReviews(place);

  return {
    ...{ place, pulls, reviews, readable: pullRequestOf },
    async facts(pull, head, signal) {
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
    },
    async status({ head, context, state, description, url }, { again, signal }) {
      // Every one adds a row, up to a thousand: what is there already is not said twice.
      if (again) {
        const last = (await statusesOf(place, head, signal)).find((each) => each.context === context);
        if (last?.state === state && last.description === description && last.target_url === url) return;
      }
      const words = { state, context, description, ...(url === null ? {} : { target_url: url }) };
      await client.send(
        'POST /repos/{owner}/{repo}/statuses/{sha}',
        { ...repo, sha: head, ...words },
        signal,
      );
    },
    merge(found, { head, message }) {
      const parts = {
        ...{ place, pulls, style: config.merge_style, keepBranch: config.keep_branch },
        auto: config.auto_merge,
      };
      return mergePull(parts, found, { head, message });
    },
  };
}
