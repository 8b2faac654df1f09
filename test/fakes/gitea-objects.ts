/** Gitea's answers in full, as its API documents them; what no client of ours reads is filled with what a new server says. */

export const ZERO_TIME = '0001-01-01T00:00:00Z';

export interface FakeUser {
  readonly id: number;
  readonly login: string;
}

export interface FakeLabel {
  readonly id: number;
  name: string;
  color: string;
  description: string;
}

export interface FakeComment {
  readonly id: number;
  readonly user: FakeUser;
  body: string;
  readonly createdAt: string;
  updatedAt: string;
}

export interface FakeIssue {
  readonly number: number;
  readonly user: FakeUser;
  title: string;
  body: string;
  state: 'open' | 'closed';
  labels: FakeLabel[];
  assignees: FakeUser[];
  milestone: string | null;
  /** Numbers of the issues it depends on. */
  dependencies: number[];
  comments: FakeComment[];
  readonly createdAt: string;
  updatedAt: string;
  readonly pull: FakePull | null;
}

export interface FakePull {
  readonly head: string;
  base: string;
  /** Newest commit of the branch; stays when the branch is gone. */
  sha: string;
  isBranchGone: boolean;
  merged: { by: FakeUser; commit: string; at: string } | null;
  mergeBase: string;
  reviews: FakeReview[];
}

export interface FakeReview {
  readonly id: number;
  readonly user: FakeUser;
  state: string;
  readonly body: string;
  readonly commit: string;
  dismissed: boolean;
  readonly at: string;
  readonly comments: readonly { readonly path: string; readonly line: number; readonly body: string }[];
}

export interface FakeStatus {
  readonly id: number;
  readonly sha: string;
  readonly creator: FakeUser;
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly url: string;
  readonly at: string;
}

export interface FakeHook {
  readonly id: number;
  active: boolean;
  events: string[];
  config: Record<string, string>;
}

export interface FakeProtection {
  readonly rule: string;
  requiredApprovals: number;
  /** Globs; empty: none is asked for. */
  checks: string[];
  blockOnRejected: boolean;
  blockOnOutdated: boolean;
  dismissStale: boolean;
  /** Logins that may push; nobody else may. */
  pushers: string[];
}

export interface FakeRun {
  readonly id: number;
  readonly sha: string;
  readonly branch: string;
  readonly workflow: string;
  readonly jobs: { id: number; name: string; conclusion: string; log: string }[];
  readonly at: string;
}

export interface FakePlace {
  readonly url: string;
  readonly owner: string;
  readonly name: string;
}

export function userObject({ id, login }: FakeUser, url: string): Record<string, unknown> {
  return {
    ...{ id, login, login_name: '', source_id: 0, full_name: '', email: `${login}@noreply.example.org` },
    ...{ avatar_url: `${url}/avatars/${id}`, html_url: `${url}/${login}`, language: '', is_admin: false },
    ...{ last_login: ZERO_TIME, created: '2026-01-01T00:00:00Z', restricted: false, active: true },
    ...{ prohibit_login: false, location: '', website: '', description: '', visibility: 'public' },
    ...{ followers_count: 0, following_count: 0, starred_repos_count: 0, username: login },
  };
}

export function repositoryObject({ url, owner, name }: FakePlace, own: FakeUser, permission: string) {
  const full = `${owner}/${name}`;
  return {
    ...{
      id: 1,
      owner: userObject(own, url),
      name,
      full_name: full,
      description: '',
      empty: false,
      private: true,
    },
    ...{
      fork: false,
      template: false,
      mirror: false,
      size: 24,
      language: '',
      languages_url: `${url}/languages`,
    },
    ...{
      html_url: `${url}/${full}`,
      url: `${url}/api/v1/repos/${full}`,
      link: '',
      ssh_url: `git@host:${full}.git`,
    },
    ...{ clone_url: `${url}/${full}.git`, original_url: '', website: '', stars_count: 0, forks_count: 0 },
    ...{ watchers_count: 1, open_issues_count: 0, open_pr_counter: 0, release_counter: 0, branch_count: 1 },
    ...{
      default_branch: 'main',
      archived: false,
      created_at: '2026-01-01T00:00:00Z',
      archived_at: ZERO_TIME,
    },
    ...{ updated_at: '2026-01-01T00:00:00Z', has_code: true, has_issues: true, has_wiki: false },
    ...{ has_pull_requests: true, has_projects: false, projects_mode: 'all', has_releases: true },
    ...{
      has_packages: false,
      has_actions: true,
      ignore_whitespace_conflicts: false,
      allow_merge_commits: true,
    },
    ...{
      allow_rebase: true,
      allow_rebase_explicit: true,
      allow_squash_merge: true,
      allow_rebase_update: true,
    },
    ...{ allow_fast_forward_only_merge: true, allow_manual_merge: false, allow_merge_update: true },
    ...{
      autodetect_manual_merge: false,
      default_delete_branch_after_merge: false,
      default_merge_style: 'merge',
    },
    ...{
      default_update_style: 'merge',
      default_allow_maintainer_edit: false,
      avatar_url: '',
      internal: false,
    },
    ...{
      mirror_interval: '',
      mirror_updated: ZERO_TIME,
      mirror_last_sync_at: ZERO_TIME,
      topics: [],
      licenses: [],
    },
    object_format_name: 'sha1',
    permissions: {
      admin: permission === 'admin' || permission === 'owner',
      push: permission !== 'read' && permission !== 'none',
      pull: true,
    },
  };
}

export function labelObject({ id, name, color, description }: FakeLabel, { url }: FakePlace) {
  return { id, name, color: color.replace('#', ''), description, exclusive: false, is_archived: false, url };
}

export function commentObject(comment: FakeComment, issue: FakeIssue, place: FakePlace) {
  const web = webOf(issue, place);
  return {
    ...{ id: comment.id, html_url: `${web}#issuecomment-${comment.id}`, body: comment.body, assets: [] },
    pull_request_url: issue.pull === null ? '' : web,
    issue_url: issue.pull === null ? web : '',
    user: userObject(comment.user, place.url),
    ...{ original_author: '', original_author_id: 0 },
    ...{ created_at: comment.createdAt, updated_at: comment.updatedAt },
  };
}

export function issueObject(issue: FakeIssue, place: FakePlace) {
  const { url, owner, name } = place;
  const web = webOf(issue, place);
  const { pull } = issue;
  return {
    ...{ id: 1000 + issue.number, url: `${url}/api/v1/repos/${owner}/${name}/issues/${issue.number}` },
    ...{ html_url: web, number: issue.number, user: userObject(issue.user, url), original_author: '' },
    ...{ original_author_id: 0, title: issue.title, body: issue.body, ref: '', assets: [] },
    labels: issue.labels.map((label) => labelObject(label, place)),
    milestone: issue.milestone === null ? null : milestoneObject(issue.milestone),
    // Null when there is none: of an issue, not of a pull request.
    assignee: issue.assignees[0] === undefined ? null : userObject(issue.assignees[0], url),
    assignees: issue.assignees.length === 0 ? null : issue.assignees.map((each) => userObject(each, url)),
    ...{ state: issue.state, is_locked: false, comments: issue.comments.length, content_version: 0 },
    ...{ created_at: issue.createdAt, updated_at: issue.updatedAt },
    closed_at: issue.state === 'closed' ? issue.updatedAt : null,
    ...{ due_date: null, time_estimate: 0, projects: [], pin_order: 0 },
    pull_request:
      pull === null
        ? null
        : {
            ...{ merged: pull.merged !== null, merged_at: pull.merged?.at ?? null },
            ...{ draft: isDraft(issue), html_url: web },
          },
    repository: { id: 1, name, owner, full_name: `${owner}/${name}` },
  };
}

export function pullObject(
  issue: FakeIssue,
  place: FakePlace,
  facts: { own: FakeUser; mergeable: boolean; baseSha: string },
): Record<string, unknown> {
  const { url } = place;
  const { pull } = issue;
  if (pull === null) throw new Error(`#${issue.number} is no pull request`);
  const web = webOf(issue, place);
  const repo = repositoryObject(place, facts.own, 'write');
  const { merged } = pull;
  const end = issue.state === 'closed' ? issue.updatedAt : null;
  return {
    // Both addresses lead to the page; the API's own are built by whoever wants them.
    ...{
      id: 2000 + issue.number,
      url: web,
      html_url: web,
      diff_url: `${web}.diff`,
      patch_url: `${web}.patch`,
    },
    ...{ number: issue.number, user: userObject(issue.user, url), title: issue.title, body: issue.body },
    ...{ labels: issue.labels.map((label) => labelObject(label, place)), milestone: null, assignee: null },
    ...{ assignees: [], requested_reviewers: [], requested_reviewers_teams: [], state: issue.state },
    ...{ draft: isDraft(issue), is_locked: false, comments: issue.comments.length, review_comments: 0 },
    ...{ additions: 1, deletions: 0, changed_files: 1, mergeable: facts.mergeable, merged: merged !== null },
    ...{ merged_at: merged?.at ?? null, merge_commit_sha: merged?.commit ?? null },
    merged_by: merged === null ? null : userObject(merged.by, url),
    allow_maintainer_edit: false,
    base: { label: pull.base, ref: pull.base, sha: facts.baseSha, repo_id: 1, repo },
    head: pull.isBranchGone
      ? { label: pull.head, ref: `refs/pull/${issue.number}/head`, sha: pull.sha, repo_id: -1, repo: null }
      : { label: pull.head, ref: pull.head, sha: pull.sha, repo_id: 1, repo },
    ...{
      merge_base: pull.mergeBase,
      due_date: null,
      created_at: issue.createdAt,
      updated_at: issue.updatedAt,
    },
    ...{ closed_at: end, pin_order: 0, content_version: 0 },
  };
}

export function reviewObject(review: FakeReview, issue: FakeIssue, place: FakePlace) {
  const web = webOf(issue, place);
  return {
    ...{ id: review.id, user: userObject(review.user, place.url), team: null, state: review.state },
    ...{ body: review.body, commit_id: review.commit, stale: review.commit !== issue.pull?.sha },
    ...{ official: true, dismissed: review.dismissed, comments_count: review.comments.length },
    ...{ submitted_at: review.at, updated_at: review.at, html_url: `${web}#review-${review.id}` },
    pull_request_url: web,
  };
}

export function reviewCommentObjects(review: FakeReview, issue: FakeIssue, place: FakePlace) {
  const web = webOf(issue, place);
  return review.comments.map(({ path, line, body }, i) => ({
    ...{ id: review.id * 100 + i, body, user: userObject(review.user, place.url), resolver: null },
    ...{ pull_request_review_id: review.id, created_at: review.at, updated_at: review.at, path },
    ...{ commit_id: review.commit, original_commit_id: review.commit, diff_hunk: '@@ -1 +1 @@' },
    ...{ position: line, original_position: 0, html_url: `${web}#files`, pull_request_url: web },
  }));
}

/** You send `state`, you read `status`. */
export function statusObject(status: FakeStatus, { url }: FakePlace) {
  return {
    ...{ id: status.id, status: status.state, context: status.context, description: status.description },
    ...{
      target_url: status.url,
      url: `${url}/statuses/${status.id}`,
      creator: userObject(status.creator, url),
    },
    ...{ created_at: status.at, updated_at: status.at },
  };
}

export function hookObject({ id, active, events, config }: FakeHook) {
  const { secret: _never, ...shown } = config;
  return {
    ...{
      id,
      type: 'gitea',
      branch_filter: '*',
      name: '',
      config: shown,
      events,
      authorization_header: '',
      active,
    },
    ...{ updated_at: '2026-01-01T00:00:00Z', created_at: '2026-01-01T00:00:00Z' },
  };
}

export function protectionObject(of: FakeProtection) {
  const lists = {
    ...{ push_whitelist_usernames: of.pushers, push_whitelist_teams: [], merge_whitelist_usernames: [] },
    ...{ merge_whitelist_teams: [], approvals_whitelist_username: [], approvals_whitelist_teams: [] },
    ...{ bypass_allowlist_usernames: [], bypass_allowlist_teams: [], force_push_allowlist_usernames: [] },
    ...{ force_push_allowlist_teams: [], status_check_contexts: of.checks },
  };
  return {
    ...lists,
    ...{ rule_name: of.rule, branch_name: of.rule, priority: 1, enable_push: of.pushers.length > 0 },
    ...{ enable_push_whitelist: true, push_whitelist_deploy_keys: false, enable_force_push: false },
    ...{ enable_force_push_allowlist: false, force_push_allowlist_deploy_keys: false },
    ...{ enable_merge_whitelist: false, enable_status_check: of.checks.length > 0 },
    ...{ required_approvals: of.requiredApprovals, enable_approvals_whitelist: false },
    ...{ enable_bypass_allowlist: false, block_on_rejected_reviews: of.blockOnRejected },
    ...{ block_on_official_review_requests: false, block_on_outdated_branch: of.blockOnOutdated },
    ...{ dismiss_stale_approvals: of.dismissStale, ignore_stale_approvals: false },
    ...{ require_signed_commits: false, protected_file_patterns: '', unprotected_file_patterns: '' },
    ...{ block_admin_merge_override: true, created_at: '2026-01-01T00:00:00Z' },
    updated_at: '2026-01-01T00:00:00Z',
  };
}

export function runObject(run: FakeRun, { url, owner, name }: FakePlace) {
  const failed = run.jobs.some(({ conclusion }) => conclusion === 'failure');
  return {
    ...{
      id: run.id,
      url: `${url}/runs/${run.id}`,
      html_url: `${url}/${owner}/${name}/actions/runs/${run.id}`,
    },
    ...{ display_title: run.workflow, path: `${run.workflow}.yaml@refs/heads/${run.branch}`, event: 'push' },
    ...{
      run_attempt: 1,
      run_number: run.id,
      head_sha: run.sha,
      head_branch: run.branch,
      status: 'completed',
    },
    ...{ conclusion: failed ? 'failure' : 'success', previous_attempt_url: null, pull_requests: [] },
    ...{ started_at: run.at, completed_at: run.at },
  };
}

export function jobObject(job: FakeRun['jobs'][number], run: FakeRun, { url, owner, name }: FakePlace) {
  return {
    ...{ id: job.id, url: `${url}/jobs/${job.id}`, run_id: run.id, run_url: `${url}/runs/${run.id}` },
    html_url: `${url}/${owner}/${name}/actions/runs/${run.id}/jobs/0`,
    ...{ name: job.name, labels: ['ubuntu'], run_attempt: 1, head_sha: run.sha, head_branch: run.branch },
    ...{ status: 'completed', conclusion: job.conclusion, steps: [], created_at: run.at, started_at: run.at },
    completed_at: run.at,
  };
}

export function isDraft({ title }: FakeIssue): boolean {
  return /^(WIP:|\[WIP\])/i.test(title);
}

function webOf({ number, pull }: FakeIssue, { url, owner, name }: FakePlace): string {
  return `${url}/${owner}/${name}/${pull === null ? 'issues' : 'pulls'}/${number}`;
}

function milestoneObject(title: string) {
  return {
    ...{ id: 1, title, description: '', state: 'open', open_issues: 1, closed_issues: 0 },
    ...{ created_at: '2026-01-01T00:00:00Z', updated_at: null, closed_at: null, due_on: null },
  };
}
