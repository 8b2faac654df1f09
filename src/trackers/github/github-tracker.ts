import type { Endpoints } from '@octokit/types';
import { z } from 'zod';
import { type GithubPlace, githubPlace } from '../../clients/github/github-place.ts';
import { authorOf } from '../../clients/threads.ts';
import { issueKeys, issueTroubles } from '../issue-rule.ts';
import { createIssueTracker, type Issue, type IssueSource } from '../issue-tracker.ts';
import type { TrackerKind } from '../tracker-kind.ts';

const ISSUES = '/repos/{owner}/{repo}/issues';
const ISSUE = `${ISSUES}/{issue_number}` as const;

const keys = issueKeys({ 'priority: critical': 100, 'priority: high': 50, 'priority: low': -50 });
const schema = z.object(keys);

export const githubTracker: TrackerKind = {
  kind: 'github',
  keys,
  needs: ['github_token'],
  check: issueTroubles,
  create(context) {
    const config = schema.parse(context.config);
    return createIssueTracker(context, config, issuesOf(githubPlace(context, config.repo)));
  },
};

function issuesOf(place: GithubPlace): IssueSource {
  const { repo, client } = place;
  return {
    ...{ place, labelsHaveCase: false },
    async find(issue_number, signal) {
      const found = await client.find(`GET ${ISSUE}`, { ...repo, issue_number }, signal);
      return found && issueOf(found);
    },
    /** By creation, which nothing changes between two pages. */
    async open(signal) {
      const params = { ...repo, state: 'open', sort: 'created', direction: 'asc' } as const;
      const all = await client.all(`GET ${ISSUES}`, params, (issues) => issues, signal);
      return [...new Map(all.map((issue) => [issue.number, issueOf(issue)])).values()];
    },
    // GitHub makes a label that is not there yet.
    addLabel: (issue_number, name, signal) =>
      client.send(`POST ${ISSUE}/labels`, { ...repo, issue_number, labels: [name] }, signal),
    removeLabel: (issue_number, { name }, signal) =>
      client.send(`DELETE ${ISSUE}/labels/{name}`, { ...repo, issue_number, name }, signal),
    close(issue_number, signal) {
      const end = { state: 'closed', state_reason: 'completed' } as const;
      return client.send(`PATCH ${ISSUE}`, { ...repo, issue_number, ...end }, signal);
    },
  };
}

function issueOf(found: Endpoints[`GET ${typeof ISSUES}`]['response']['data'][number]): Issue {
  const { number, title, state } = found;
  return {
    ...{ number, title, body: found.body ?? '', state, isOpen: state === 'open', url: found.html_url },
    isPull: found.pull_request != null,
    labels: found.labels.flatMap((label) => {
      const name = typeof label === 'string' ? label : label.name;
      return name === undefined ? [] : [{ name }];
    }),
    assignees: (found.assignees ?? []).map(({ login }) => login),
    milestone: found.milestone?.title ?? null,
    author: authorOf(found.user, found.author_association),
    ...{ createdAt: Date.parse(found.created_at), updatedAt: Date.parse(found.updated_at) },
  };
}
