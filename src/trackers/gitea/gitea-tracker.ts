import { z } from 'zod';
import { type GiteaPlace, giteaPlace } from '../../clients/gitea/gitea-place.ts';
import { type GiteaIssue, issue, label } from '../../clients/gitea/wire.ts';
import { isSameRepository } from '../../clients/repository-name.ts';
import { authorOf } from '../../clients/threads.ts';
import { isStatus, path } from '../../lib/http-client.ts';
import { issueKeys, issueTroubles } from '../issue-rule.ts';
import { createIssueTracker, type Issue, type IssueSource, type KeyOf } from '../issue-tracker.ts';
import type { TrackedItem } from '../tracker.ts';
import type { TrackerKind } from '../tracker-kind.ts';

const LABEL = { color: '#6e7781', description: 'Set by Orch' };

const keys = issueKeys({
  'priority/critical': 100,
  'priority/urgent': 100,
  'priority/high': 50,
  'priority/medium': 0,
  'priority/low': -50,
});
const schema = z.object(keys);

export const giteaTracker: TrackerKind = {
  kind: 'gitea',
  keys,
  needs: ['gitea_url', 'gitea_token'],
  check: issueTroubles,
  create(context) {
    const config = schema.parse(context.config);
    return createIssueTracker(context, config, issuesOf(giteaPlace(context, config.repo)));
  },
};

const dependency = issue.extend({ repository: z.object({ full_name: z.string() }).nullish() });

function issuesOf(place: GiteaPlace): IssueSource {
  const { at, client } = place;
  const repository = path`/repos/${at.owner}/${at.name}`;
  const issues = `${repository}/issues`;
  /** Switched off for the repository, or a server without them: not asked again before the next start. */
  let hasDependencies = true;

  async function dependencies(number: number, keyOf: KeyOf, signal?: AbortSignal) {
    if (!hasDependencies) return [];
    const below = `${issues}/${number}/dependencies`;
    try {
      const found = await client.one(z.array(dependency), {
        method: 'GET',
        path: below,
        ...(signal && { signal }),
      });
      return found.map((each): TrackedItem['blockedBy'][number] => {
        const place = each.repository?.full_name;
        const isHere = place === undefined || isSameRepository(at, place);
        const key = isHere ? keyOf(each.number) : `${place}#${each.number}`;
        return { key, isOpen: each.state === 'open' };
      });
    } catch (error) {
      if (!isStatus(error, 404)) throw error;
      hasDependencies = false;
      return [];
    }
  }

  /** Given by name, a label that is not there would be passed over without a word. */
  async function labelId(name: string, signal: AbortSignal): Promise<number> {
    const labels = `${repository}/labels`;
    const all = await client.all(z.array(label), (list) => list, { method: 'GET', path: labels, signal });
    const known = all.find((each) => each.name === name);
    if (known !== undefined) return known.id;
    return (await client.one(label, { method: 'POST', path: labels, body: { name, ...LABEL }, signal })).id;
  }

  return {
    ...{ place, dependencies, labelsHaveCase: true },
    async find(number, signal) {
      const request = { method: 'GET', path: `${issues}/${number}`, ...(signal && { signal }) } as const;
      const found = await client.find(at, issue, request);
      return found && issueOf(found);
    },
    async open(signal) {
      // Gitea's own filters pass over names they do not know without a word, so everything open is read.
      const query = { state: 'open', type: 'issues' };
      const request = { method: 'GET', path: issues, query, signal } as const;
      return (await client.all(z.array(issue), (list) => list, request)).map(issueOf);
    },
    // One by one: Gitea can only replace the whole set, and somebody may be changing it right now.
    async addLabel(number, name, signal) {
      const body = { labels: [await labelId(name, signal)] };
      return client.send({ method: 'POST', path: `${issues}/${number}/labels`, body, signal });
    },
    removeLabel: (number, { id = 0 }, signal) =>
      client.send({ method: 'DELETE', path: `${issues}/${number}/labels/${id}`, signal }),
    close: (number, signal) =>
      client.send({ method: 'PATCH', path: `${issues}/${number}`, body: { state: 'closed' }, signal }),
  };
}

function issueOf(found: GiteaIssue): Issue {
  const { number, title, body, state, labels } = found;
  return {
    ...{ number, title, body, state, labels, isOpen: state === 'open', isPull: found.pull_request != null },
    url: found.html_url || null,
    assignees: found.assignees.map(({ login }) => login),
    milestone: found.milestone?.title ?? null,
    author: authorOf(found.user),
    ...{ createdAt: found.created_at, updatedAt: found.updated_at },
  };
}
