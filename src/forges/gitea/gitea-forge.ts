import { z } from 'zod';
import { type GiteaPlace, giteaPlace } from '../../clients/gitea/gitea-place.ts';
import type { GiteaPull } from '../../clients/gitea/wire.ts';
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { isStatus, path } from '../../lib/http-client.ts';
import type { ForgeKind } from '../forge-kind.ts';
import {
  createRepositoryForge,
  credentialsAt,
  type ForgeSource,
  forgeKeys,
  forgeTroubles,
} from '../repository-forge.ts';
import { checksOf, newestStatuses } from './checks.ts';
import { createConflicts } from './conflicts.ts';
import { mergePull } from './merge.ts';
import { createPulls, pullRequestOf } from './pulls.ts';
import { createGiteaReviews } from './reviews.ts';
import { rulesOf } from './rules.ts';

const keys = forgeKeys('Gitea', ['merge', 'rebase', 'rebase-merge', 'squash', 'fast-forward-only']);
const schema = z.object(keys);
/** Gitea looks at the password alone when that is a token. */
const GIT_USER = 'orch';

export const giteaForge: ForgeKind = {
  kind: 'gitea',
  keys,
  needs: ['gitea_url', 'gitea_token'],
  check: forgeTroubles,
  create(context) {
    const config = schema.parse(context.config);
    const place = giteaPlace(context, config.repo);
    return createRepositoryForge(forgeOf(place, config, context.clock));
  },
  gitCredentials: ({ repo, access }) => credentialsAt(access.gitea, repo, GIT_USER),
};

function forgeOf(place: GiteaPlace, config: z.output<typeof schema>, clock: Clock): ForgeSource<GiteaPull> {
  const { at, client } = place;
  const repository = path`/repos/${at.owner}/${at.name}`;
  const pulls = createPulls(place);
  const reviews = createGiteaReviews(place);
  const conflict = createConflicts(clock);

  async function hasCommit(head: string, signal: AbortSignal): Promise<boolean> {
    const request = { method: 'GET', path: `${repository}${path`/git/commits/${head}`}`, signal } as const;
    return (await client.find(at, z.object({}), request)) !== null;
  }

  return {
    ...{ place, pulls, reviews, readable: pullRequestOf },
    async facts(pull, head, signal) {
      const { number, base } = pull;
      const rules = await rulesOf(place, base.ref, signal);
      return {
        // Without its branch a pull request points to a ref of its own.
        head: pull.head.ref.startsWith('refs/pull/') ? null : pull.head.sha,
        base: base.ref,
        reviews: await reviews.counting(number, signal),
        checks: await checksOf(place, head, rules, signal),
        conflict: conflict(pull),
      };
    },
    async status({ head, context, state, description, url }, { again, signal }) {
      // Every one adds a row: what is there already is not said twice.
      if (again) {
        const last = (await newestStatuses(place, head, signal)).find((each) => each.context === context);
        if (last?.status === state && last.description === description && last.target_url === (url ?? ''))
          return;
      }
      const body = { state, context, description, ...(url === null ? {} : { target_url: url }) };
      const below = `${repository}${path`/statuses/${head}`}`;
      try {
        await client.send({ method: 'POST', path: below, body, signal });
      } catch (error) {
        if (isStatus(error, 500) && !(await hasCommit(head, signal)))
          throw new AppError(`Gitea has no commit ${head}`, { code: 'forge.refused' });
        throw error;
      }
    },
    async merge(found, { pr, head, message, onto = null }) {
      // A draft of our own making, whose `ready` may still be on its way; one that a person made it again waits.
      const isOurDraft = found.state === 'open' && found.draft && (pr === null || pr.state === 'draft');
      const pull = isOurDraft ? await pulls.undraft(found) : found;
      const parts = {
        ...{ place, reviews, conflict, style: config.merge_style, keepBranch: config.keep_branch },
        fresh: (number: number) => pulls.byNumber(number),
      };
      return mergePull(parts, pull, { head, message, onto });
    },
  };
}
