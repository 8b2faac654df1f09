import type { FakeRepository } from './git-host.ts';
import type { createSender } from './gitea-hooks.ts';
import {
  commentObject,
  type FakeComment,
  type FakeHook,
  type FakeIssue,
  type FakeLabel,
  type FakePlace,
  type FakeProtection,
  type FakePull,
  type FakeReview,
  type FakeRun,
  type FakeStatus,
  type FakeUser,
} from './gitea-objects.ts';

export interface FakeState {
  readonly users: readonly FakeUser[];
  readonly permissions: Map<string, string>;
  readonly issues: FakeIssue[];
  readonly labels: FakeLabel[];
  readonly statuses: FakeStatus[];
  readonly protections: FakeProtection[];
  readonly hooks: FakeHook[];
  readonly runs: FakeRun[];
}

export interface Knobs {
  /** The next write is done, and its answer gets lost. */
  loseNext: boolean | ((request: string, body: object) => boolean);
  /** Merges that are answered with "Please try again later"; until then no pull request is mergeable. */
  checking: number;
  /** Issues know their dependencies. */
  dependencies: boolean;
  /** Milliseconds the clock of the server is ahead. */
  clockAheadMs: number;
  version: string;
  /** Everything of the repository answers 404 to this login, as after it lost its right. */
  blind: string | null;
  /** May change an answer before it is sent: `null` leaves it as it is. */
  bend: ((request: string, answer: unknown) => unknown) | null;
  /** Shares of requests that fail before they act, and after. */
  trouble: { random: () => number; before: number; after: number } | null;
  /** How often that happened. */
  troubles: number;
}

export interface FakeServer {
  readonly place: FakePlace;
  readonly state: FakeState;
  readonly knobs: Knobs;
  readonly tokens: ReadonlyMap<string, { readonly login: string; readonly scopes: readonly string[] }>;
  readonly repository: FakeRepository;
  nextId(): number;
  now(): string;
  user(login: string): FakeUser;
  permission(login: string): string;
  tell(type: string, by: FakeUser, fields: Record<string, unknown>): void;
  issueWire(issue: FakeIssue): object;
  pullWire(issue: FakeIssue): Promise<Record<string, unknown>>;
  tellPull(type: string, by: FakeUser, issue: FakeIssue, fields: Record<string, unknown>): void;
  /** Brings pull requests in line with what the branches are now, and tells what changed. */
  refsMoved(before: ReadonlyMap<string, string>, by: FakeUser): Promise<void>;
  isMergeable(issue: FakeIssue): Promise<boolean>;
  readonly sender: ReturnType<typeof createSender>;
}

export function newIssue(
  server: FakeServer,
  user: FakeUser,
  title: string,
  body: string,
  pull: FakePull | null,
): FakeIssue {
  const at = server.now();
  return {
    ...{
      number: server.state.issues.length + 1,
      user,
      title,
      body,
      state: 'open',
      labels: [],
      assignees: [],
    },
    ...{ milestone: null, dependencies: [], comments: [], createdAt: at, updatedAt: at, pull },
  };
}

export function labelOf(server: FakeServer, name: string): FakeLabel {
  const known = server.state.labels.find((each) => each.name === name);
  if (known !== undefined) return known;
  const made = { id: server.nextId(), name, color: '#cccccc', description: '' };
  server.state.labels.push(made);
  return made;
}

export function addComment(server: FakeServer, user: FakeUser, issue: FakeIssue, body: string): FakeComment {
  const at = server.now();
  const comment: FakeComment = { id: server.nextId(), user, body, createdAt: at, updatedAt: at };
  issue.comments.push(comment);
  issue.updatedAt = at;
  tellComment(server, user, issue, comment, 'created');
  return comment;
}

export function tellComment(
  server: FakeServer,
  by: FakeUser,
  issue: FakeIssue,
  comment: FakeComment,
  action: string,
): void {
  const fields = {
    action,
    issue: server.issueWire(issue),
    comment: commentObject(comment, issue, server.place),
  };
  if (issue.pull === null) server.tell('issue_comment', by, { ...fields, is_pull: false });
  else server.tellPull('pull_request_comment', by, issue, { ...fields, is_pull: true });
}

export function addReview(
  server: FakeServer,
  user: FakeUser,
  issue: FakeIssue,
  fields: { state: string; body: string; comments: FakeReview['comments']; commit?: string },
): FakeReview {
  const { pull } = issue;
  if (pull === null) throw new Error(`#${issue.number} is no pull request`);
  const { state, body, comments, commit = pull.sha } = fields;
  const review = {
    id: server.nextId(),
    user,
    state,
    body,
    comments,
    commit,
    dismissed: false,
    at: server.now(),
  };
  pull.reviews.push(review);
  const kind = { APPROVED: 'approved', REQUEST_CHANGES: 'rejected' }[state] ?? 'comment';
  const type = `pull_request_review_${kind}`;
  server.tellPull(type, user, issue, { action: 'reviewed', commit_id: '', review: { type, content: body } });
  return review;
}

export function addStatus(
  server: FakeServer,
  creator: FakeUser,
  fields: Pick<FakeStatus, 'sha' | 'context' | 'state' | 'description' | 'url'>,
): FakeStatus {
  const status = { id: server.nextId(), creator, at: server.now(), ...fields };
  server.state.statuses.push(status);
  const { id, sha, context, state, description } = status;
  server.tell('status', creator, {
    id,
    sha,
    context,
    state,
    description,
    target_url: status.url,
    commit: null,
  });
  return status;
}
