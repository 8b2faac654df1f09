import { z } from 'zod';
import type { DestinationContext } from '../../clients/destination-context.ts';
import { failedRequest } from '../../clients/gitea/gitea-client.ts';
import { type GiteaPlace, giteaPlace, isStatus, repositoryTrouble } from '../../clients/gitea/gitea-place.ts';
import type { GiteaPull } from '../../clients/gitea/wire.ts';
import { isSameRepository } from '../../clients/repository-name.ts';
import { destinationError } from '../../core/destination-error.ts';
import { AppError } from '../../core/errors.ts';
import { path } from '../../lib/http-client.ts';
import type { Forge, PullFacts } from '../forge.ts';
import type { ForgeKind } from '../forge-kind.ts';
import { checksOf, newestStatuses } from './checks.ts';
import { createConflicts } from './conflicts.ts';
import { mergePull } from './merge.ts';
import { createPulls, pullRequestOf } from './pulls.ts';
import { createReviews } from './reviews.ts';
import { rulesOf } from './rules.ts';

const keys = {
  repo: z
    .string()
    .optional()
    .describe('`owner/name` of the repository on Gitea. Default: that of the git address.'),
  merge_style: z
    .enum(['merge', 'rebase', 'rebase-merge', 'squash', 'fast-forward-only'])
    .default('merge')
    .describe('How Gitea merges; the repository has to allow it.'),
  keep_branch: z.boolean().default(false).describe('Keep the branch of a task after its merge.'),
};

const schema = z.object(keys);
/** Gitea looks at the password alone when that is a token. */
const GIT_USER = 'orch';

export const giteaForge: ForgeKind = {
  kind: 'gitea',
  keys,
  needs: ['gitea_url', 'gitea_token'],
  check({ repo }, address) {
    const trouble = repositoryTrouble(repo, address);
    return trouble === null ? [] : [trouble];
  },
  create(context) {
    const { repo } = schema.parse(context.config);
    return createGiteaForge(context, giteaPlace(context, repo));
  },
  gitCredentials({ repo, access }) {
    const { url, token } = access.gitea;
    const at = URL.parse(repo);
    // Of the same origin only: the token goes to nobody else, and never over a plainer connection.
    if (url === null || token === null || at === null || URL.parse(url)?.origin !== at.origin) return null;
    return /^https?:$/.test(at.protocol) ? { host: at.host, username: GIT_USER, password: token } : null;
  },
};

function createGiteaForge(context: DestinationContext, place: GiteaPlace): Forge {
  const { at, client, threads } = place;
  const config = schema.parse(context.config);
  const repository = path`/repos/${at.owner}/${at.name}`;
  const pulls = createPulls(place);
  const reviews = createReviews(place);
  const conflict = createConflicts(context.clock);

  async function facts(pull: GiteaPull, head: string, signal?: AbortSignal): Promise<PullFacts> {
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
  }

  const asked = <T>(act: () => Promise<T>) => asking(act, place);

  return {
    kind: 'gitea',
    open: (request, by) =>
      asked(async () => {
        const found = await pulls.open(request, by);
        return found === null ? null : pullRequestOf(found);
      }),
    ready: (pr, body, by) => asked(async () => pullRequestOf(await pulls.ready(pr.number, body, by))),
    comment: (pr, body, by) =>
      asked(async () => {
        try {
          await threads.add(pr.number, body, by);
        } catch (error) {
          // What a comment on a number that is not there is answered with.
          if (isStatus(error, 500) && (await pulls.byNumber(pr.number, by.signal)) === null)
            throw gone(pr.number);
          throw error;
        }
      }),
    status: ({ head, context: name, state, description, url }, { again, signal }) =>
      asked(async () => {
        // Every one adds a row: what is there already is not said twice.
        if (again) {
          const last = (await newestStatuses(place, head, signal)).find((each) => each.context === name);
          if (last?.status === state && last.description === description && last.target_url === (url ?? ''))
            return;
        }
        const body = { state, context: name, description, ...(url === null ? {} : { target_url: url }) };
        try {
          await client.send({
            method: 'POST',
            path: `${repository}${path`/statuses/${head}`}`,
            body,
            signal,
          });
        } catch (error) {
          if (isStatus(error, 500) && !(await hasCommit(head, signal)))
            throw new AppError(`Gitea has no commit ${head}`, { code: 'forge.refused' });
          throw error;
        }
      }),
    review: (pr, review, by) => asked(() => reviews.write(pr, review, by)),
    look: ({ pr, branch, base, head }, signal) =>
      asked(async () => {
        const found =
          pr === null ? await pulls.ofBranch(branch, base, signal) : await pulls.byNumber(pr.number, signal);
        if (found?.state === 'open') return { kind: 'open', pull: await facts(found, head, signal) };
        // One that ended before this head was made speaks of other work on a branch of the same name.
        if (pr === null && found?.head.sha !== head) {
          const commit = await pulls.mergedByHand(base, head, signal);
          return commit === null ? { kind: 'open', pull: null } : { kind: 'merged', commit };
        }
        if (found?.merged !== true) return { kind: 'closed' };
        return { kind: 'merged', commit: found.merge_commit_sha ?? found.head.sha };
      }),
    merge: ({ pr, branch, base, head, message, onto }) =>
      asked(async () => {
        const found = pr === null ? await pulls.ofBranch(branch, base) : await pulls.byNumber(pr.number);
        if (found === null)
          return { kind: 'refused', detail: `Gitea has no pull request of ${branch} into ${base}` };
        // A draft of our own making, whose `ready` may still be on its way; one that a person made it again waits.
        const isOurDraft = found.state === 'open' && found.draft && (pr === null || pr.state === 'draft');
        const pull = isOurDraft ? await pulls.undraft(found) : found;
        const parts = {
          ...{ place, reviews, conflict, style: config.merge_style, keepBranch: config.keep_branch },
          fresh: (number: number) => pulls.byNumber(number),
        };
        return mergePull(parts, pull, { head, message, onto: onto ?? null });
      }),
    feed: {
      isAbout: (name) => isSameRepository(at, name),
      comments: (pr, since, signal) => asked(() => threads.ofOthers(pr.number, since, signal)),
    },
  };

  async function hasCommit(head: string, signal: AbortSignal): Promise<boolean> {
    const request = { method: 'GET', path: `${repository}${path`/git/commits/${head}`}`, signal } as const;
    return (await client.find(at, z.object({}), request)) !== null;
  }

  function gone(number: number): AppError {
    const hint = 'orch outbox drop it: the pull request is gone';
    return new AppError(`Gitea has no pull request ${at.owner}/${at.name}#${number}`, {
      ...{ code: 'forge.refused', hint },
    });
  }
}

/** Errors as the port has them. A 404 is believed of what is in a repository only while that is visible. */
async function asking<T>(act: () => Promise<T>, { client, at }: GiteaPlace): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const seen = await client.told(at, error);
    const failed = failedRequest(seen);
    throw failed === null ? seen : destinationError('forge', failed);
  }
}
