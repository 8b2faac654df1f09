import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Endpoints } from '@octokit/types';
import { createRepository, type FakeRepository, serveGit } from './gitea-git.ts';

/** What GitHub's own description of its API says of an answer; a fake fills in what a client of ours may read. */
type Says<R extends keyof Endpoints> = Deep<Endpoints[R]['response']['data']>;
type Deep<T> = T extends readonly (infer E)[]
  ? Deep<E>[]
  : T extends object
    ? { [K in keyof T]?: Deep<T[K]> }
    : T;

export interface GithubUser {
  readonly id: number;
  readonly login: string;
}

interface Comment {
  readonly id: number;
  readonly user: GithubUser;
  body: string;
  readonly at: string;
  updatedAt: string;
}

interface Review {
  readonly id: number;
  readonly user: GithubUser;
  state: 'APPROVED' | 'CHANGES_REQUESTED' | 'COMMENTED' | 'DISMISSED';
  readonly body: string;
  readonly commit: string;
  readonly at: string;
  readonly comments: readonly { readonly path: string; readonly line: number; readonly body: string }[];
}

interface Pull {
  readonly branch: string;
  readonly base: string;
  sha: string;
  draft: boolean;
  merged: string | null;
  auto: boolean;
  readonly reviews: Review[];
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
  readonly comments: Comment[];
  readonly at: string;
  updatedAt: string;
  readonly pull: Pull | null;
}

interface Status {
  readonly sha: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly url: string | null;
  readonly creator: GithubUser;
}

interface CheckRun {
  readonly id: number;
  readonly sha: string;
  readonly name: string;
  status: string;
  conclusion: string | null;
  readonly summary: string | null;
  readonly log: string | null;
}

export type FakeGithub = Awaited<ReturnType<typeof startGithub>>;

const OWNER = 'acme';
const NAME = 'widgets';
const PEOPLE: readonly (readonly [login: string, permission: string, association: string])[] = [
  ['mara', 'admin', 'OWNER'],
  ['lin', 'write', 'MEMBER'],
  ['guest', 'read', 'CONTRIBUTOR'],
  ['orch', 'write', 'COLLABORATOR'],
  ['reviewer', 'write', 'COLLABORATOR'],
];

/**
 * A stateful GitHub with one private repository: its API (as an Enterprise Server has it, under `/api/v3`), its git
 * over HTTP and its webhooks. Accounts `orch` and `reviewer`; `mara` and `lin` may write, `guest` may read.
 */
export async function startGithub(files: Readonly<Record<string, string>> = { 'README.md': '# Widgets\n' }) {
  const root = await mkdtemp(join(tmpdir(), 'fake-github-'));
  const repository: FakeRepository = await createRepository(join(root, OWNER, `${NAME}.git`), files);
  const users = PEOPLE.map(([login], i): GithubUser => ({ id: i + 2, login }));
  const issues: GithubIssue[] = [];
  const statuses: Status[] = [];
  const runs: CheckRun[] = [];
  const requests: string[] = [];
  const tokens = new Map<string, string>();
  const hooks: { id: number; url: string; secret: string; events: string[]; active: boolean }[] = [];
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

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const now = () => new Date(Date.now() + ticks++).toISOString().replace(/\.\d+Z/, 'Z');
  const user = (login: string): GithubUser => {
    const found = users.find((each) => each.login === login);
    if (found === undefined) throw new Error(`there is no user ${login}`);
    return found;
  };
  const associationOf = ({ login }: GithubUser) =>
    (PEOPLE.find(([name]) => name === login)?.[2] ?? 'NONE') as 'OWNER';
  const issueOf = (number: number): GithubIssue => {
    const found = issues.find((each) => each.number === number);
    if (found === undefined) throw new Gone();
    return found;
  };
  const pullOf = (number: number): { issue: GithubIssue; pull: Pull } => {
    const issue = issueOf(number);
    if (issue.pull === null) throw new Gone();
    return { issue, pull: issue.pull };
  };

  // What GitHub says.

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
    comment: Comment,
    number: number,
  ): Says<'GET /repos/{owner}/{repo}/issues/{issue_number}/comments'>[number] => ({
    ...{ id: comment.id, body: comment.body, user: userWire(comment.user), created_at: comment.at },
    ...{ updated_at: comment.updatedAt, author_association: associationOf(comment.user) },
    html_url: `${url}/${OWNER}/${NAME}/issues/${number}#issuecomment-${comment.id}`,
  });
  async function pullWire(
    issue: GithubIssue,
    pull: Pull,
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
  const reviewWire = (
    review: Review,
  ): Says<'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews'>[number] => ({
    ...{ id: review.id, user: userWire(review.user), body: review.body, state: review.state },
    ...{ commit_id: review.commit, submitted_at: review.at, author_association: associationOf(review.user) },
  });
  const statusWire = (status: Status) => ({
    ...{ context: status.context, state: status.state, description: status.description },
    target_url: status.url,
  });
  const runWire = (
    run: CheckRun,
  ): Says<'GET /repos/{owner}/{repo}/commits/{ref}/check-runs'>['check_runs'] => [
    {
      ...{ id: run.id, name: run.name, head_sha: run.sha, html_url: `${url}/runs/${run.id}` },
      ...{ status: run.status as 'completed', conclusion: run.conclusion as 'success' | null },
      output: { title: null, summary: run.summary, text: null },
      app: { slug: run.log === null ? 'other-ci' : 'github-actions' },
    },
  ];

  const hookWire = ({ id, url: to, events, active }: (typeof hooks)[number]) => ({
    ...{ id, name: 'web', active, events, config: { url: to, content_type: 'json', secret: '********' } },
  });
  const contains = (head: string, base: string) =>
    repository.git('merge-base', '--is-ancestor', base, head).then(
      () => true,
      () => false,
    );
  const newest = (sha: string) => [
    ...new Map(statuses.filter((each) => each.sha === sha).map((each) => [each.context, each])).values(),
  ];

  /** What the base's protection still misses; null = nothing. */
  async function unmetOf(issue: GithubIssue, pull: Pull): Promise<string | null> {
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

  function newIssue(by: GithubUser, title: string, body: string, pull: Pull | null): GithubIssue {
    const at = now();
    const issue: GithubIssue = {
      ...{ number: issues.length + 1, user: by, title, body, state: 'open', labels: [], assignees: [] },
      ...{ milestone: null, comments: [], at, updatedAt: at, pull },
    };
    issues.push(issue);
    return issue;
  }

  function addComment(by: GithubUser, issue: GithubIssue, body: string): Comment {
    const at = now();
    const comment: Comment = { id: ++ids, user: by, body, at, updatedAt: at };
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
    fields: Pick<Review, 'state' | 'body' | 'commit' | 'comments'>,
  ): Review {
    const { pull } = pullOf(number);
    const review: Review = { id: ++ids, user: by, at: now(), ...fields };
    pull.reviews.push(review);
    tell('pull_request_review', by, {
      action: 'submitted',
      review: reviewWire(review),
      pull_request: { number },
    });
    return review;
  }

  function addStatus(creator: GithubUser, fields: Omit<Status, 'creator'>): Status {
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

  // The API.

  type Body = Record<string, unknown>;
  type Answer = {
    status: number;
    body?: unknown;
    list?: readonly unknown[];
    wrap?: string;
    headers?: Record<string, string>;
  };
  type Handler = (
    args: string[],
    call: { body: Body; by: GithubUser; query: URLSearchParams },
  ) => Answer | Promise<Answer>;
  const ok = (body: unknown): Answer => ({ status: 200, body });
  const refuse = (status: number, message: string): Answer => ({
    status,
    body: { message, documentation_url: 'https://docs' },
  });

  const routes: readonly (readonly [string, Handler])[] = [
    [
      'GET ',
      () =>
        ok({
          id: 1,
          full_name: `${OWNER}/${NAME}`,
          default_branch: 'main',
          permissions: { push: true, admin: knobs.isAdmin },
        }),
    ],
    [
      'GET /collaborators/*/permission',
      ([login], { by }) => {
        if (knobs.mayNotAsk && by.login === 'orch')
          return refuse(403, 'Must have push access to view collaborator permission.');
        const permission = PEOPLE.find(([name]) => name === login)?.[1];
        return permission === undefined
          ? refuse(404, 'Not Found')
          : ok({ permission, role_name: permission });
      },
    ],
    [
      'GET /issues',
      (_args, { query }) => ({
        status: 200,
        list: issues
          .filter((each) => query.get('state') === 'all' || each.state === (query.get('state') ?? 'open'))
          .map(issueWire),
      }),
    ],
    ['GET /issues/*', ([number]) => ok(issueWire(issueOf(Number(number))))],
    [
      'PATCH /issues/*',
      ([number], { body, by }) => {
        const issue = issueOf(Number(number));
        Object.assign(issue, {
          ...(body['state'] === undefined ? {} : { state: body['state'] }),
          updatedAt: now(),
        });
        tell('issues', by, {
          action: issue.state === 'closed' ? 'closed' : 'edited',
          issue: issueWire(issue),
        });
        return ok(issueWire(issue));
      },
    ],
    [
      'GET /issues/*/comments',
      ([number], { query }) => ({
        status: 200,
        list: issueOf(Number(number))
          .comments.filter(
            ({ updatedAt }) =>
              Date.parse(updatedAt) >= Date.parse(query.get('since') ?? '1970-01-01T00:00:00Z'),
          )
          .map((comment) => commentWire(comment, Number(number))),
      }),
    ],
    [
      'POST /issues/*/comments',
      ([number], { body, by }) => {
        const comment = addComment(by, issueOf(Number(number)), textOf(body['body']));
        return { status: 201, body: commentWire(comment, Number(number)) };
      },
    ],
    [
      'PATCH /issues/comments/*',
      ([id], { body, by }) => {
        const comment = issues.flatMap((each) => each.comments).find((each) => each.id === Number(id));
        if (comment === undefined) return refuse(404, 'Not Found');
        Object.assign(comment, { body: body['body'], updatedAt: now() });
        tell('issue_comment', by, {
          action: 'edited',
          comment: commentWire(comment, 0),
          issue: { number: 0 },
        });
        return ok(commentWire(comment, 0));
      },
    ],
    [
      'POST /issues/*/labels',
      ([number], { body, by }) => {
        const issue = issueOf(Number(number));
        for (const name of body['labels'] as string[])
          if (!issue.labels.includes(name)) {
            issue.labels.push(name);
            tell('issues', by, { action: 'labeled', issue: issueWire(issue), label: { name } });
          }
        return ok(issue.labels.map((name) => ({ name })));
      },
    ],
    [
      'DELETE /issues/*/labels/*',
      ([number, name]) => {
        const issue = issueOf(Number(number));
        if (!issue.labels.includes(name ?? '')) return refuse(404, 'Label does not exist');
        issue.labels = issue.labels.filter((each) => each !== name);
        return ok(issue.labels.map((each) => ({ name: each })));
      },
    ],
    [
      'GET /pulls',
      async (_args, { query }) => {
        const [, branch] = (query.get('head') ?? ':').split(':');
        const found = issues.filter(
          ({ pull, state }) =>
            pull !== null &&
            (query.get('state') === 'all' || state === (query.get('state') ?? 'open')) &&
            (branch === '' || pull.branch === branch),
        );
        const list = await Promise.all(
          found.toReversed().map((issue) => pullWire(issue, pullOf(issue.number).pull)),
        );
        return { status: 200, list };
      },
    ],
    [
      'POST /pulls',
      async (_args, { body, by }) => {
        const { head, base, title, draft } = body as {
          head: string;
          base: string;
          title: string;
          draft?: boolean;
        };
        if (draft === true && !knobs.drafts)
          return refuse(422, 'Draft pull requests are not supported in this repository.');
        if (issues.some(({ pull, state }) => pull?.branch === head && pull.base === base && state === 'open'))
          return {
            status: 422,
            body: {
              message: 'Validation Failed',
              errors: [{ message: `A pull request already exists for ${OWNER}:${head}.` }],
            },
          };
        const sha = await repository.sha(`refs/heads/${head}`);
        const onto = await repository.sha(`refs/heads/${base}`);
        if (sha === null || onto === null)
          return { status: 422, body: { message: 'Validation Failed', errors: [{ field: 'head' }] } };
        if (await contains(onto, sha))
          return {
            status: 422,
            body: {
              message: 'Validation Failed',
              errors: [{ message: `No commits between ${base} and ${head}` }],
            },
          };
        const pull: Pull = {
          branch: head,
          base,
          sha,
          draft: draft === true,
          merged: null,
          auto: false,
          reviews: [],
        };
        const issue = newIssue(by, title, textOf(body['body']), pull);
        tell('pull_request', by, {
          action: 'opened',
          number: issue.number,
          pull_request: { number: issue.number },
        });
        return { status: 201, body: await pullWire(issue, pull) };
      },
    ],
    [
      'GET /pulls/*',
      async ([number]) => {
        const { issue, pull } = pullOf(Number(number));
        return ok(await pullWire(issue, pull));
      },
    ],
    [
      'PATCH /pulls/*',
      async ([number], { body }) => {
        const { issue, pull } = pullOf(Number(number));
        Object.assign(issue, { body: textOf(body['body'] ?? issue.body), updatedAt: now() });
        return ok(await pullWire(issue, pull));
      },
    ],
    [
      'GET /pulls/*/files',
      async ([number]) => {
        const { pull } = pullOf(Number(number));
        const base = await repository.git('merge-base', pull.base, pull.sha);
        const names = (await repository.git('diff', '--name-only', base, pull.sha))
          .split('\n')
          .filter(Boolean);
        const list = await Promise.all(
          names.map(async (filename) => {
            const diff = await repository.git('diff', base, pull.sha, '--', filename);
            return { filename, patch: diff.slice(Math.max(0, diff.indexOf('@@'))) };
          }),
        );
        return { status: 200, list };
      },
    ],
    [
      'GET /pulls/*/reviews',
      ([number]) => ({ status: 200, list: pullOf(Number(number)).pull.reviews.map(reviewWire) }),
    ],
    [
      'POST /pulls/*/reviews',
      async ([number], { body, by }) => {
        const { issue, pull } = pullOf(Number(number));
        const {
          event,
          comments = [],
          commit_id,
        } = body as { event: string; comments?: Review['comments']; commit_id?: string };
        if (issue.user.id === by.id)
          return {
            status: 422,
            body: { message: 'Unprocessable Entity', errors: ['Can not approve your own pull request'] },
          };
        if (issue.state === 'closed')
          return { status: 422, body: { message: 'Unprocessable Entity', errors: ['closed'] } };
        if ((await repository.sha(commit_id ?? pull.sha)) === null)
          return { status: 422, body: { message: 'No commit found' } };
        const changed = (await repository.git('diff', '--name-only', pull.base, pull.sha)).split('\n');
        if (comments.some(({ path }) => !changed.includes(path)))
          return {
            status: 422,
            body: { message: 'Unprocessable Entity', errors: ['Path could not be resolved'] },
          };
        const state =
          event === 'APPROVE' ? 'APPROVED' : event === 'REQUEST_CHANGES' ? 'CHANGES_REQUESTED' : 'COMMENTED';
        const review = addReview(by, Number(number), {
          state,
          body: textOf(body['body']),
          comments,
          commit: commit_id ?? pull.sha,
        });
        return ok(reviewWire(review));
      },
    ],
    [
      'GET /pulls/*/comments',
      ([number]) => ({
        status: 200,
        list: pullOf(Number(number)).pull.reviews.flatMap((review) =>
          review.comments.map(({ path, line, body }, i) => ({
            ...{
              id: review.id * 100 + i,
              pull_request_review_id: review.id,
              path,
              line,
              body,
              user: userWire(review.user),
            },
          })),
        ),
      }),
    ],
    [
      'PUT /pulls/*/merge',
      async ([number], { body, by }) => {
        const { issue, pull } = pullOf(Number(number));
        const {
          sha,
          merge_method = 'merge',
          commit_title = '',
          commit_message = '',
        } = body as Record<string, string>;
        if (issue.state === 'closed' || pull.draft)
          return refuse(405, pull.draft ? 'Pull Request is still a draft' : 'Pull Request is not mergeable');
        if (sha !== undefined && sha !== pull.sha)
          return refuse(409, 'Head branch was modified. Review and try the merge again.');
        const baseSha = (await repository.sha(`refs/heads/${pull.base}`)) ?? '';
        if (protection.strict && !(await contains(pull.sha, baseSha)))
          return refuse(405, 'Head branch is not up to date with the base branch.');
        const unmet = await unmetOf(issue, pull);
        if (unmet !== null) return refuse(405, unmet);
        return merge(issue, pull, by, merge_method, `${commit_title}\n\n${commit_message}`.trim());
      },
    ],
    [
      'GET /git/ref/**',
      async ([ref]) => {
        const sha = await repository.sha(`refs/${ref}`);
        return sha === null
          ? refuse(404, 'Not Found')
          : ok({ ref: `refs/${ref}`, object: { sha, type: 'commit' } });
      },
    ],
    [
      'DELETE /git/refs/**',
      async ([ref]) => {
        if ((await repository.sha(`refs/${ref}`)) === null) return refuse(422, 'Reference does not exist');
        await repository.git('update-ref', '-d', `refs/${ref}`);
        return { status: 204 };
      },
    ],
    ['GET /hooks', () => ({ status: 200, list: hooks.map(hookWire) })],
    [
      'POST /hooks',
      (_args, { body }) => {
        const { config, events = [] } = body as { config: Record<string, string>; events?: string[] };
        const hook = {
          id: ++ids,
          url: config['url'] ?? '',
          secret: config['secret'] ?? '',
          events,
          active: true,
        };
        hooks.push(hook);
        return { status: 201, body: hookWire(hook) };
      },
    ],
    [
      'PATCH /hooks/*',
      ([id], { body }) => {
        const hook = hooks.find((each) => each.id === Number(id));
        if (hook === undefined) return refuse(404, 'Not Found');
        const { config, events, active } = body as {
          config: Record<string, string>;
          events: string[];
          active: boolean;
        };
        Object.assign(hook, { secret: config['secret'], events, active });
        return ok(hookWire(hook));
      },
    ],
    [
      'POST /hooks/*/pings',
      (_args, { by }) => {
        tell('ping', by, { zen: 'x' });
        return { status: 204 };
      },
    ],
    [
      'GET /compare/**',
      async ([basehead]) => {
        const [base = '', head = ''] = (basehead ?? '').split('...');
        const [onto, tip] = [await repository.sha(base), await repository.sha(head)];
        if (onto === null || tip === null) return refuse(404, 'Not Found');
        if (onto === tip) return ok({ status: 'identical' });
        return ok({
          status: (await contains(onto, tip)) ? 'behind' : (await contains(tip, onto)) ? 'ahead' : 'diverged',
        });
      },
    ],
    [
      'GET /commits/*/status',
      ([ref]) => ({
        status: 200,
        wrap: 'statuses',
        list: newest(ref ?? '').map(statusWire),
      }),
    ],
    [
      'GET /commits/*/check-runs',
      ([ref]) => ({
        status: 200,
        wrap: 'check_runs',
        list: runs.filter(({ sha }) => sha === ref).flatMap(runWire),
      }),
    ],
    [
      'POST /statuses/*',
      async ([sha], { body, by }) => {
        if ((await repository.sha(sha ?? '')) === null) return refuse(422, `No commit found for SHA: ${sha}`);
        const { context, state, description, target_url = null } = body as Record<string, string>;
        const status = addStatus(by, {
          sha: sha ?? '',
          context: context ?? '',
          state: state ?? '',
          description: description ?? '',
          url: target_url,
        });
        return { status: 201, body: statusWire(status) };
      },
    ],
    [
      'GET /rules/branches/*',
      () => {
        if (!protection.isReadable) return refuse(404, 'Not Found');
        const required_status_checks = protection.checks.slice(0, 1).map((context) => ({ context }));
        return {
          status: 200,
          list:
            protection.checks.length === 0
              ? []
              : [{ type: 'required_status_checks', parameters: { required_status_checks } }],
        };
      },
    ],
    [
      'GET /branches/*',
      ([name]) => {
        if (!protection.isReadable) return refuse(404, 'Not Found');
        const required_status_checks = { contexts: protection.checks.slice(1) };
        return ok({
          name,
          protected: protection.checks.length > 0,
          protection: { enabled: true, required_status_checks },
        });
      },
    ],
    ['GET /actions/jobs/*/logs', ([id]) => ({ status: 302, headers: { location: `${url}/_blob/${id}` } })],
  ];

  async function merge(
    issue: GithubIssue,
    pull: Pull,
    by: GithubUser,
    style: string,
    message: string,
  ): Promise<Answer> {
    const before = await repository.branches();
    const outcome = await repository.merge(style, pull.base, pull.sha, message);
    if (outcome.kind === 'conflict') return refuse(405, 'Pull Request is not mergeable');
    pull.merged = outcome.commit;
    issue.state = 'closed';
    tell('pull_request', by, {
      action: 'closed',
      number: issue.number,
      pull_request: { number: issue.number, merged: true },
    });
    await refsMoved(before, by);
    return ok({ sha: outcome.commit, merged: true, message: 'Pull Request successfully merged' });
  }

  function graphql({ query, variables }: { query?: string; variables?: { id?: string } }): Answer {
    const { pull } = pullOf(Number((variables?.id ?? '').replace('PR_', '')));
    if (query?.includes('markPullRequestReadyForReview') === true) pull.draft = false;
    else if (query?.includes('enablePullRequestAutoMerge') === true) {
      if (!knobs.autoMerge)
        return ok({ data: null, errors: [{ message: 'Auto merge is not allowed for this repository' }] });
      pull.auto = true;
    } else return ok({ errors: [{ message: 'unknown' }] });
    return ok({ data: {} });
  }

  async function api(method: string, address: URL, by: GithubUser, body: Body): Promise<Answer> {
    const below = address.pathname.slice('/api/v3'.length);
    if (address.pathname === '/api/graphql') return graphql(body);
    if (below === '/user') return ok(userWire(by));
    const prefix = `/repos/${OWNER}/${NAME}`;
    if (!below.startsWith(prefix) || knobs.blind === by.login) return refuse(404, 'Not Found');
    for (const [route, handler] of routes) {
      const args = matching(route, `${method} ${below.slice(prefix.length)}`);
      if (args !== null) return handler(args, { body, by, query: address.searchParams });
    }
    return refuse(404, `Not Found: no route for ${method} ${below}`);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = new URL(request.url ?? '/', url);
    const method = request.method ?? 'GET';
    try {
      if (address.pathname.startsWith('/_blob/')) {
        const isSigned = request.headers.authorization !== undefined;
        const run = runs.find(({ id }) => id === Number(address.pathname.split('/').at(-1)));
        response.writeHead(isSigned ? 400 : 200, { 'content-type': 'text/plain' }).end(run?.log ?? '');
        return;
      }
      if (!address.pathname.startsWith('/api/')) return await git(request, response, address);
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const asked = `${method} ${address.pathname.replace(/^\/api\/v3/, '')}`;
      requests.push(asked);
      const { trouble } = knobs;
      if (trouble !== null && trouble.random() < trouble.before)
        return say(response, refuse(502, 'Bad Gateway'));
      if (knobs.next?.when.test(asked) === true) {
        const { status, body = { message: 'no' }, headers = {} } = knobs.next;
        knobs.next = null;
        return say(response, { status, body, headers });
      }
      const login = tokens.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
      if (login === undefined) return say(response, refuse(401, 'Bad credentials'));
      const given = await api(
        method,
        address,
        user(login),
        text === '' ? {} : (JSON.parse(text) as Body),
      ).catch((error: unknown) => {
        if (error instanceof Gone) return refuse(404, 'Not Found');
        throw error;
      });
      const { loseNext } = knobs;
      const isLost = method !== 'GET' && (typeof loseNext === 'function' ? loseNext(asked) : loseNext);
      if (isLost) knobs.loseNext = false;
      if (isLost || (trouble !== null && trouble.random() < trouble.after))
        return void request.socket.destroy();
      say(response, paged(given, address));
    } catch (error) {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error));
    }
  }

  function paged(given: Answer, address: URL): Answer {
    if (given.list === undefined) return given;
    const size = Math.min(Number(address.searchParams.get('per_page') ?? 30), 100);
    const page = Number(address.searchParams.get('page') ?? 1);
    const part = given.list.slice((page - 1) * size, page * size);
    const next = new URL(address);
    next.searchParams.set('page', String(page + 1));
    const link = page * size < given.list.length ? { link: `<${next}>; rel="next"` } : {};
    const body = given.wrap === undefined ? part : { total_count: given.list.length, [given.wrap]: part };
    return { ...given, body, headers: { ...given.headers, ...link } };
  }

  async function git(request: IncomingMessage, response: ServerResponse, address: URL): Promise<void> {
    const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const password = Buffer.from(basic ?? '', 'base64')
      .toString()
      .split(':')
      .slice(1)
      .join(':');
    const login = tokens.get(password);
    if (login === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="GitHub"' }).end('Unauthorized\n');
      return;
    }
    const before = await repository.branches();
    const to = {
      root,
      path: address.pathname,
      query: address.search.slice(1),
      user: login,
      closedBranches: ['main'],
    };
    await serveGit(request, response, to);
    if (request.method === 'POST' && address.pathname.endsWith('git-receive-pack'))
      await refsMoved(before, user(login));
  }

  return {
    ...{
      url,
      name: `${OWNER}/${NAME}`,
      gitUrl: `${url}/${OWNER}/${NAME}.git`,
      repository,
      knobs,
      protection,
    },
    ...{ issues, statuses, runs, requests, hooks, user, issueOf, pullOf },
    /** A webhook made by hand. */
    addHook(to: string, secret: string): void {
      hooks.push({ id: ++ids, url: to, secret, events: ['*'], active: true });
    },
    token(login: string): string {
      user(login);
      const value = `ghp_${login}-${'0'.repeat(30)}${tokens.size}`;
      tokens.set(value, login);
      return value;
    },
    pulls: () => issues.filter(({ pull }) => pull !== null),
    openIssue(fields: {
      title: string;
      body?: string;
      labels?: string[];
      assignees?: string[];
      milestone?: string;
      by?: string;
    }): GithubIssue {
      const issue = newIssue(user(fields.by ?? 'mara'), fields.title, fields.body ?? '', null);
      issue.labels = fields.labels ?? [];
      issue.assignees = (fields.assignees ?? []).map(user);
      issue.milestone = fields.milestone ?? null;
      tell('issues', issue.user, { action: 'opened', issue: issueWire(issue) });
      return issue;
    },
    comment: (login: string, number: number, body: string) => addComment(user(login), issueOf(number), body),
    review: (
      login: string,
      number: number,
      state: Review['state'],
      body: string,
      comments: Review['comments'] = [],
    ) => addReview(user(login), number, { state, body, comments, commit: pullOf(number).pull.sha }),
    setStatus: (sha: string, context: string, state: string, description = '') =>
      addStatus(user('lin'), { sha, context, state, description, url: 'https://ci.example.org/1' }),
    /** A check run; with a log it is a job of Actions. */
    runCheck(
      sha: string,
      name: string,
      conclusion: string | null,
      words: { summary?: string; log?: string } = {},
    ): void {
      const status = conclusion === null ? 'in_progress' : 'completed';
      runs.push({
        id: ++ids,
        sha,
        name,
        status,
        conclusion,
        summary: words.summary ?? null,
        log: words.log ?? null,
      });
      tell('check_run', user('mara'), {
        action: 'completed',
        check_run: { head_sha: sha, name, pull_requests: [] },
      });
    },
    async push(
      login: string,
      branch: string,
      content: Readonly<Record<string, string>>,
      message: string,
    ): Promise<string> {
      const before = await repository.branches();
      const sha = await repository.commit(branch, content, message);
      await refsMoved(before, user(login));
      return sha;
    },
    async merge(login: string, number: number): Promise<void> {
      const { issue, pull } = pullOf(number);
      await merge(issue, pull, user(login), 'merge', `Merge #${number}`);
    },
    /** As somebody does it in a clone of theirs. */
    async mergeByHand(branch: string): Promise<void> {
      const before = await repository.branches();
      await repository.merge('merge', 'main', `refs/heads/${branch}`, `Merge ${branch}`);
      await refsMoved(before, user('mara'));
    },
    async settled(): Promise<void> {
      while (sending.size > 0) await Promise.all(sending);
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all(sending);
      await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

class Gone extends Error {}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The parts that `*` (one) and `**` (the rest) stand for; null = another route. */
function matching(route: string, asked: string): string[] | null {
  const source = route
    .replaceAll(/[.+?^$|()[\]\\]/g, '\\$&')
    .replaceAll(/\*+/g, (stars) => (stars === '*' ? '([^/]+)' : '(.+)'));
  const found = new RegExp(`^${source}$`).exec(asked);
  return found === null ? null : found.slice(1).map((part) => decodeURIComponent(part));
}

function say(
  response: ServerResponse,
  { status, body, headers = {} }: { status: number; body?: unknown; headers?: Record<string, string> },
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
