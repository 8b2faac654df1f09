import type { Endpoints } from '@octokit/types';
import type { GithubPlace } from '../../clients/github/github-place.ts';
import { AppError } from '../../core/errors.ts';
import type { PullRequest } from '../../core/model.ts';
import { isStatus } from '../../lib/http-client.ts';
import type { Pulls } from '../repository-forge.ts';

export type Pull = Endpoints['GET /repos/{owner}/{repo}/pulls/{pull_number}']['response']['data'];

export interface GithubPulls extends Pulls<Pull> {
  /** Takes the draft off it. Safe to repeat. */
  undraft(pull: Pull, signal?: AbortSignal): Promise<void>;
  /** Tip of a branch; null when it is gone. */
  tip(branch: string, signal?: AbortSignal): Promise<string | null>;
}

/** GitHub takes 65,536 characters. */
const MAX_BODY = 64_000;
const READY = `mutation($id: ID!) { markPullRequestReadyForReview(input: { pullRequestId: $id }) { clientMutationId } }`;

export function createPulls({ client, at, repo }: GithubPlace): GithubPulls {
  function byNumber(pull_number: number, signal?: AbortSignal): Promise<Pull | null> {
    return client.find('GET /repos/{owner}/{repo}/pulls/{pull_number}', { ...repo, pull_number }, signal);
  }

  async function ofBranch(branch: string, base: string, signal?: AbortSignal): Promise<Pull | null> {
    const found = await client.all(
      'GET /repos/{owner}/{repo}/pulls',
      { ...repo, state: 'all', head: `${at.owner}:${branch}`, base, sort: 'created', direction: 'desc' },
      (pulls) => pulls,
      signal,
    );
    // GitHub passes over a head that it cannot read, and lists everything.
    const ours = found.filter(
      ({ head, base: onto }) => head.ref === branch && onto.ref === base && head.repo?.id === onto.repo.id,
    );
    const one = ours.find(({ state }) => state === 'open') ?? ours[0];
    return one === undefined ? null : byNumber(one.number, signal);
  }

  async function tip(branch: string, signal?: AbortSignal): Promise<string | null> {
    const found = await client.find(
      'GET /repos/{owner}/{repo}/git/ref/{ref}',
      { ...repo, ref: `heads/${branch}` },
      signal,
    );
    return found?.object.sha ?? null;
  }

  async function undraft({ node_id: id }: Pull, signal?: AbortSignal): Promise<void> {
    await client.graphql(READY, { id }, signal);
  }

  async function mergedByHand(base: string, head: string, signal?: AbortSignal): Promise<string | null> {
    const params = { ...repo, basehead: `${base}...${head}` };
    const found = await client.find('GET /repos/{owner}/{repo}/compare/{basehead}', params, signal);
    return found?.status === 'identical' || found?.status === 'behind' ? head : null;
  }

  return {
    byNumber,
    ofBranch,
    mergedByHand,
    undraft,
    tip,
    async open({ branch, base, head, title, body }, { signal }) {
      const there = await ofBranch(branch, base, signal);
      if (there?.state === 'open') return there;
      // Commits that the merged one never had are new work.
      if (there?.merged === true && [there.head.sha, null].includes(await tip(branch, signal))) return there;
      const request = { ...repo, head: branch, base, title, body: body.slice(0, MAX_BODY) };
      const post = async (draft: boolean) => {
        const { number } = await client.send(
          'POST /repos/{owner}/{repo}/pulls',
          { ...request, draft },
          signal,
        );
        return existing(await byNumber(number, signal), number);
      };
      try {
        return await post(true);
      } catch (error) {
        if (!isStatus(error, 422)) throw error;
        // Free private repositories have no drafts.
        if (/draft pull requests are not supported/i.test(error.body)) return post(false);
        // Somebody was faster.
        const other = await ofBranch(branch, base, signal);
        if (other?.state === 'open') return other;
        if ((await mergedByHand(base, head, signal)) !== null) return null;
        throw error;
      }
    },
    async ready(number, body, { signal }) {
      const found = existing(await byNumber(number, signal), number);
      if (found.state === 'closed') return found;
      const text = body.slice(0, MAX_BODY);
      if (found.body !== text)
        await client.send(
          'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
          { ...repo, pull_number: number, body: text },
          signal,
        );
      if (found.draft === true) await undraft(found, signal);
      return existing(await byNumber(number, signal), number);
    },
  };

  function existing(pull: Pull | null, number: number): Pull {
    if (pull !== null) return pull;
    throw new AppError(`GitHub has no pull request ${at.owner}/${at.name}#${number}`, {
      code: 'forge.refused',
    });
  }
}

export function pullRequestOf({ number, html_url, merged, state, draft }: Pull): PullRequest {
  const open = draft === true ? 'draft' : 'open';
  return { number, url: html_url, state: merged ? 'merged' : state === 'closed' ? 'closed' : open };
}
