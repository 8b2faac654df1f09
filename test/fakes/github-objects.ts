import type { Endpoints } from '@octokit/types';

/** What GitHub's own description of its API says of an answer; a fake fills in what a client of ours may read. */
export type Says<R extends keyof Endpoints> = Deep<Endpoints[R]['response']['data']>;
type Deep<T> = T extends readonly (infer E)[]
  ? Deep<E>[]
  : T extends object
    ? { [K in keyof T]?: Deep<T[K]> }
    : T;

export interface GithubUser {
  readonly id: number;
  readonly login: string;
}

export interface GithubComment {
  readonly id: number;
  readonly user: GithubUser;
  body: string;
  readonly at: string;
  updatedAt: string;
}

export interface GithubReview {
  readonly id: number;
  readonly user: GithubUser;
  state: 'APPROVED' | 'CHANGES_REQUESTED' | 'COMMENTED' | 'DISMISSED';
  readonly body: string;
  readonly commit: string;
  readonly at: string;
  readonly comments: readonly { readonly path: string; readonly line: number; readonly body: string }[];
}

export interface GithubPull {
  readonly branch: string;
  readonly base: string;
  sha: string;
  draft: boolean;
  merged: string | null;
  auto: boolean;
  readonly reviews: GithubReview[];
}

export interface GithubIssue {
  readonly number: number;
  readonly user: GithubUser;
  title: string;
  body: string;
  state: 'open' | 'closed';
  labels: string[];
  assignees: GithubUser[];
  milestone: string | null;
  readonly comments: GithubComment[];
  readonly at: string;
  updatedAt: string;
  readonly pull: GithubPull | null;
}

export interface GithubStatus {
  readonly sha: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly url: string | null;
  readonly creator: GithubUser;
}

export interface GithubCheckRun {
  readonly id: number;
  readonly sha: string;
  readonly name: string;
  status: string;
  conclusion: string | null;
  readonly summary: string | null;
  readonly log: string | null;
}

export interface GithubHook {
  readonly id: number;
  readonly url: string;
  secret: string;
  events: string[];
  active: boolean;
}

export const OWNER = 'acme';
export const NAME = 'widgets';
export const PEOPLE: readonly (readonly [login: string, permission: string, association: string])[] = [
  ['mara', 'admin', 'OWNER'],
  ['lin', 'write', 'MEMBER'],
  ['guest', 'read', 'CONTRIBUTOR'],
  ['orch', 'write', 'COLLABORATOR'],
  ['reviewer', 'write', 'COLLABORATOR'],
];

/** What GitHub says of its things. */
export function createWire(url: string) {
  const associationOf = ({ login }: GithubUser) =>
    (PEOPLE.find(([name]) => name === login)?.[2] ?? 'NONE') as 'OWNER';
  const userWire = ({ id, login }: GithubUser) => ({ id, login, type: 'User' });
  const issueWire = (issue: GithubIssue): Says<'GET /repos/{owner}/{repo}/issues/{issue_number}'> => ({
    ...{
      id: 5000 + issue.number,
      number: issue.number,
      title: issue.title,
      body: issue.body,
      state: issue.state,
    },
    ...{ html_url: `${url}/${OWNER}/${NAME}/issues/${issue.number}`, user: userWire(issue.user) },
    labels: issue.labels.map((name) => ({ name })),
    assignees: issue.assignees.map(userWire),
    milestone: issue.milestone === null ? null : { title: issue.milestone },
    ...{ created_at: issue.at, updated_at: issue.updatedAt, author_association: associationOf(issue.user) },
    ...(issue.pull === null ? {} : { pull_request: { url: 'x' } }),
  });
  const commentWire = (
    comment: GithubComment,
    number: number,
  ): Says<'GET /repos/{owner}/{repo}/issues/{issue_number}/comments'>[number] => ({
    ...{ id: comment.id, body: comment.body, user: userWire(comment.user), created_at: comment.at },
    ...{ updated_at: comment.updatedAt, author_association: associationOf(comment.user) },
    html_url: `${url}/${OWNER}/${NAME}/issues/${number}#issuecomment-${comment.id}`,
  });
  const reviewWire = (
    review: GithubReview,
  ): Says<'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews'>[number] => ({
    ...{ id: review.id, user: userWire(review.user), body: review.body, state: review.state },
    ...{ commit_id: review.commit, submitted_at: review.at, author_association: associationOf(review.user) },
  });
  const statusWire = (status: GithubStatus) => ({
    ...{ context: status.context, state: status.state, description: status.description },
    target_url: status.url,
  });
  const runWire = (
    run: GithubCheckRun,
  ): Says<'GET /repos/{owner}/{repo}/commits/{ref}/check-runs'>['check_runs'] => [
    {
      ...{ id: run.id, name: run.name, head_sha: run.sha, html_url: `${url}/runs/${run.id}` },
      ...{ status: run.status as 'completed', conclusion: run.conclusion as 'success' | null },
      output: { title: null, summary: run.summary, text: null },
      app: { slug: run.log === null ? 'other-ci' : 'github-actions' },
    },
  ];

  const hookWire = ({ id, url: to, events, active }: GithubHook) => ({
    ...{ id, name: 'web', active, events, config: { url: to, content_type: 'json', secret: '********' } },
  });
  return { userWire, issueWire, commentWire, reviewWire, statusWire, runWire, hookWire };
}
