import { z } from 'zod';
import type { GiteaPlace } from '../../clients/gitea/gitea-place.ts';
import { branch as branchShape, type GiteaPull, pull } from '../../clients/gitea/wire.ts';
import { AppError } from '../../core/errors.ts';
import type { PullRequest } from '../../core/model.ts';
import { isStatus, path } from '../../lib/http-client.ts';
import type { Pulls } from '../repository-forge.ts';

/** Gitea has no switch for drafts: a title that begins so is one. */
const DRAFT = /^\s*(?:WIP:|\[WIP\])\s*/i;
const DRAFT_TITLE = 'WIP: ';

export interface GiteaPulls extends Pulls<GiteaPull> {
  /** Takes the mark of a draft away and leaves everything else. */
  undraft(pull: GiteaPull): Promise<GiteaPull>;
}

export function createPulls({ client, at }: GiteaPlace): GiteaPulls {
  const repository = path`/repos/${at.owner}/${at.name}`;
  const pulls = `${repository}/pulls`;
  const end = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });

  async function ofBranch(branch: string, base: string, signal?: AbortSignal): Promise<GiteaPull | null> {
    const one = `${pulls}${path`/${base}/${branch}`}`;
    const found = await client.find(at, pull, { method: 'GET', path: one, ...end(signal) });
    if (found === null || found.state === 'open') return found;
    // It names the oldest of the branch; a newer one may be open.
    const query = { state: 'open', base_branch: base };
    const list = { method: 'GET', path: pulls, query, ...end(signal) } as const;
    const open = await client.all(z.array(pull), (all) => all, list);
    const isOurs = ({ head, base: onto }: GiteaPull) =>
      head.ref === branch && onto.ref === base && head.repo_id === onto.repo_id;
    return open.find(isOurs) ?? found;
  }

  /** The branch has commits that the merged one never had. */
  async function isNewWork(merged: GiteaPull, branch: string, signal: AbortSignal): Promise<boolean> {
    const tip = branchShape.extend({ commit: z.object({ id: z.string() }) });
    const request = { method: 'GET', path: `${repository}${path`/branches/${branch}`}`, signal } as const;
    const found = await client.find(at, tip, request);
    return found !== null && found.commit.id !== merged.head.sha;
  }

  async function mergedByHand(base: string, head: string, signal?: AbortSignal): Promise<string | null> {
    const pair = path`/compare/${`${base}...${head}`}`;
    const request = { method: 'GET', path: `${repository}${pair}`, ...end(signal) } as const;
    // Not there yet, or not any more: nothing is known of it.
    const missing = await client.find(at, z.object({ total_commits: z.int() }), request);
    if (missing?.total_commits !== 0) return null;
    const tip = branchShape.extend({ commit: z.object({ id: z.string() }) });
    const branch = path`/branches/${base}`;
    const found = await client.find(at, tip, {
      method: 'GET',
      path: `${repository}${branch}`,
      ...end(signal),
    });
    return found?.commit.id ?? null;
  }

  return {
    ofBranch,
    undraft: ({ number, title }) =>
      client.one(pull, {
        ...({ method: 'PATCH', path: `${pulls}/${number}` } as const),
        body: { title: readyTitle(title) },
      }),
    byNumber: (number, signal) =>
      client.find(at, pull, { method: 'GET', path: `${pulls}/${number}`, ...end(signal) }),
    mergedByHand,
    async open({ branch, base, head, title, body }, { signal }) {
      const there = await ofBranch(branch, base, signal);
      if (there?.state === 'open') return there;
      if (there?.merged === true && !(await isNewWork(there, branch, signal))) return there;
      if ((await mergedByHand(base, head, signal)) !== null) return null;
      const request = { head: branch, base, title: `${DRAFT_TITLE}${title}`, body };
      try {
        return await client.one(pull, { method: 'POST', path: pulls, body: request, signal });
      } catch (error) {
        // Somebody was faster.
        const other = isStatus(error, 409) ? await ofBranch(branch, base, signal) : null;
        if (other?.state === 'open') return other;
        throw error;
      }
    },
    async ready(number, body, { signal }) {
      const found = await client.find(at, pull, { method: 'GET', path: `${pulls}/${number}`, signal });
      if (found === null)
        throw new AppError(`Gitea has no pull request ${at.owner}/${at.name}#${number}`, {
          code: 'forge.refused',
        });
      if (found.state === 'closed') return found;
      const title = readyTitle(found.title);
      if (title === found.title && found.body === body) return found;
      const request = { method: 'PATCH', path: `${pulls}/${number}`, body: { title, body }, signal } as const;
      return client.one(pull, request);
    },
  };
}

export function pullRequestOf(found: GiteaPull): PullRequest {
  const open = found.draft || DRAFT.test(found.title) ? 'draft' : 'open';
  const state = found.merged ? 'merged' : found.state === 'closed' ? 'closed' : open;
  return { number: found.number, url: found.html_url === '' ? null : found.html_url, state };
}

function readyTitle(title: string): string {
  let text = title;
  while (DRAFT.test(text)) text = text.replace(DRAFT, '');
  return text;
}
