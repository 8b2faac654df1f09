import { createHmac, randomUUID } from 'node:crypto';
import type { FakeRepository } from './git-host.ts';
import {
  createWire,
  type GithubCheckRun,
  type GithubComment,
  type GithubHook,
  type GithubIssue,
  type GithubPull,
  type GithubReview,
  type GithubStatus,
  type GithubUser,
  NAME,
  OWNER,
  PEOPLE,
  type Says,
} from './github-objects.ts';

/** There is no such thing: a 404. */
export class Gone extends Error {}

export type GithubState = ReturnType<typeof createState>;

/** What there is on GitHub and what happens there, with the webhooks that tell of it. */
export function createState(repository: FakeRepository, url: string) {
  const wire = createWire(url);
  const { userWire, issueWire, commentWire, reviewWire, statusWire } = wire;
  const users = PEOPLE.map(([login], i): GithubUser => ({ id: i + 2, login }));
  const issues: GithubIssue[] = [];
  const statuses: GithubStatus[] = [];
  const runs: GithubCheckRun[] = [];
  const hooks: GithubHook[] = [];
  const sending = new Set<Promise<unknown>>();
  const protection = { checks: [] as string[], approvals: 0, strict: false, isReadable: true };
  const knobs = {
    /** The next write is done, and its answer gets lost. */
    loseNext: false as boolean | ((asked: string) => boolean),
    /** Looks that find GitHub still computing whether a pull request can be merged. */
    checking: 0,
    drafts: true,
    isAdmin: false,
    /** Everything of the repository answers 404 to this login. */
    blind: null as string | null,
    /** These logins may not ask for the permission of others. */
    mayNotAsk: false,
    autoMerge: true,
    /** Instead of an answer, for requests that fit; taken once. */
    next: null as { when: RegExp; status: number; body?: object; headers?: Record<string, string> } | null,
    /** Shares of requests that fail before they act, and after. */
    trouble: null as { random: () => number; before: number; after: number } | null,
  };
  let ids = 1000;
  let ticks = 0;

  const now = () => new Date(Date.now() + ticks++).toISOString().replace(/\.\d+Z/, 'Z');
  const user = (login: string): GithubUser => {
    const found = users.find((each) => each.login === login);
    if (found === undefined) throw new Error(`there is no user ${login}`);
    return found;
  };
  const issueOf = (number: number): GithubIssue => {
    const found = issues.find((each) => each.number === number);
    if (found === undefined) throw new Gone();
    return found;
  };
  const pullOf = (number: number): { issue: GithubIssue; pull: GithubPull } => {
    const issue = issueOf(number);
    if (issue.pull === null) throw new Gone();
    return { issue, pull: issue.pull };
  };

  async function pullWire(
    issue: GithubIssue,
    pull: GithubPull,
  ): Promise<Says<'GET /repos/{owner}/{repo}/pulls/{pull_number}'>> {
    const baseSha = (await repository.sha(`refs/heads/${pull.base}`)) ?? '';
    const isChecking = knobs.checking > 0 && issue.state === 'open';
    if (isChecking) knobs.checking--;
    const conflict = issue.state === 'open' && (await repository.hasConflict(pull.base, pull.sha));
    const unmet = await unmetOf(issue, pull);
    const behind = protection.strict && !(await contains(pull.sha, baseSha));
    const state = conflict
      ? 'dirty'
      : pull.draft
        ? 'draft'
        : behind
          ? 'behind'
          : unmet === null
            ? 'clean'
            : 'blocked';
    return {
      ...{ id: 9000 + issue.number, node_id: `PR_${issue.number}`, number: issue.number, title: issue.title },
      ...{ body: issue.body, state: issue.state, draft: pull.draft, merged: pull.merged !== null },
      ...{ html_url: `${url}/${OWNER}/${NAME}/pull/${issue.number}`, user: userWire(issue.user) },
      merge_commit_sha: pull.merged,
      ...{ mergeable: isChecking ? null : !conflict, mergeable_state: isChecking ? 'unknown' : state },
      head: { ref: pull.branch, sha: pull.sha, repo: { id: 1, full_name: `${OWNER}/${NAME}` } },
      base: { ref: pull.base, sha: baseSha, repo: { id: 1, full_name: `${OWNER}/${NAME}` } },
    };
  }
  const contains = (head: string, base: string) =>
    repository.git('merge-base', '--is-ancestor', base, head).then(
      () => true,
      () => false,
    );
  const newest = (sha: string) => [
    ...new Map(statuses.filter((each) => each.sha === sha).map((each) => [each.context, each])).values(),
  ];

  /** What the base's protection still misses; null = nothing. */
  async function unmetOf(issue: GithubIssue, pull: GithubPull): Promise<string | null> {
    const approvals = pull.reviews.filter(({ state }) => state === 'APPROVED').length;
    if (approvals < protection.approvals)
      return `At least ${protection.approvals} approving review is required by reviewers with write access.`;
    for (const name of protection.checks) {
      const isGreen =
        newest(pull.sha).some((each) => each.context === name && each.state === 'success') ||
        runs.some((run) => run.sha === pull.sha && run.name === name && run.conclusion === 'success');
      if (!isGreen) return `Required status check "${name}" is expected.`;
    }
    const last = pull.reviews.findLast(({ state }) => state !== 'COMMENTED');
    return protection.approvals > 0 && last?.state === 'CHANGES_REQUESTED'
      ? `Changes requested on #${issue.number}`
      : null;
  }

  // What happens there.

  function tell(event: string, by: GithubUser, fields: object): void {
    const body = JSON.stringify({
      ...fields,
      repository: { id: 1, full_name: `${OWNER}/${NAME}`, name: NAME, owner: { login: OWNER } },
      sender: userWire(by),
    });
    for (const hook of hooks) {
      const signature = createHmac('sha256', hook.secret).update(body).digest('hex');
      const sent = fetch(hook.url, {
        method: 'POST',
        headers: {
          ...{
            'content-type': 'application/json',
            'x-github-event': event,
            'x-github-delivery': randomUUID(),
          },
          'x-hub-signature-256': `sha256=${signature}`,
        },
        body,
      }).then(
        (response) => response.arrayBuffer(),
        () => null,
      );
      sending.add(sent);
      void sent.finally(() => sending.delete(sent));
    }
  }

  function newIssue(by: GithubUser, title: string, body: string, pull: GithubPull | null): GithubIssue {
    const at = now();
    const issue: GithubIssue = {
      ...{ number: issues.length + 1, user: by, title, body, state: 'open', labels: [], assignees: [] },
      ...{ milestone: null, comments: [], at, updatedAt: at, pull },
    };
    issues.push(issue);
    return issue;
  }

  function addComment(by: GithubUser, issue: GithubIssue, body: string): GithubComment {
    const at = now();
    const comment: GithubComment = { id: ++ids, user: by, body, at, updatedAt: at };
    issue.comments.push(comment);
    tell('issue_comment', by, {
      action: 'created',
      issue: issueWire(issue),
      comment: commentWire(comment, issue.number),
    });
    return comment;
  }

  function addReview(
    by: GithubUser,
    number: number,
    fields: Pick<GithubReview, 'state' | 'body' | 'commit' | 'comments'>,
  ): GithubReview {
    const { pull } = pullOf(number);
    const review: GithubReview = { id: ++ids, user: by, at: now(), ...fields };
    pull.reviews.push(review);
    tell('pull_request_review', by, {
      action: 'submitted',
      review: reviewWire(review),
      pull_request: { number },
    });
    return review;
  }

  function addStatus(creator: GithubUser, fields: Omit<GithubStatus, 'creator'>): GithubStatus {
    const status = { ...fields, creator };
    statuses.push(status);
    tell('status', creator, { sha: status.sha, ...statusWire(status) });
    return status;
  }

  /** Brings pull requests in line with what the branches are now. */
  async function refsMoved(before: ReadonlyMap<string, string>, by: GithubUser): Promise<void> {
    const after = await repository.branches();
    for (const [branch, sha] of after) {
      if (before.get(branch) === sha) continue;
      tell('push', by, { ref: `refs/heads/${branch}`, after: sha, deleted: false });
      for (const { pull, number, state } of issues)
        if (pull?.branch === branch && state === 'open') {
          pull.sha = sha;
          tell('pull_request', by, {
            action: 'synchronize',
            number,
            pull_request: { number, head: { sha } },
          });
        }
    }
  }

  /** Null: a conflict. */
  async function merge(
    issue: GithubIssue,
    pull: GithubPull,
    by: GithubUser,
    style: string,
    message: string,
  ): Promise<string | null> {
    const before = await repository.branches();
    const outcome = await repository.merge(style, pull.base, pull.sha, message);
    if (outcome.kind === 'conflict') return null;
    pull.merged = outcome.commit;
    issue.state = 'closed';
    tell('pull_request', by, {
      action: 'closed',
      number: issue.number,
      pull_request: { number: issue.number, merged: true },
    });
    await refsMoved(before, by);
    return outcome.commit;
  }

  return {
    ...wire,
    ...{ repository, url, issues, statuses, runs, hooks, protection, knobs, user, issueOf, pullOf, pullWire },
    ...{ contains, newest, unmetOf, tell, newIssue, addComment, addReview, addStatus, refsMoved, merge, now },
    nextId: () => ++ids,
    async settled(): Promise<void> {
      while (sending.size > 0) await Promise.all(sending);
    },
  };
}
