import type { GithubPull, GithubReview, GithubUser } from './github-objects.ts';
import { NAME, OWNER, PEOPLE } from './github-objects.ts';
import { type GithubState, Gone } from './github-state.ts';

export type Body = Record<string, unknown>;
export type Answer = {
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
export const refuse = (status: number, message: string): Answer => ({
  status,
  body: { message, documentation_url: 'https://docs' },
});

const invalid = (message: string): Answer => ({
  status: 422,
  body: { message: 'Validation Failed', errors: [{ message }] },
});

/** The API, as an Enterprise Server has it: what a request of this user is answered with. */
export function createApi(state: GithubState) {
  const { issueWire, commentWire, reviewWire, statusWire, runWire, hookWire, userWire, pullWire } = state;
  const { repository, url, issues, runs, hooks, protection, knobs, issueOf, pullOf } = state;
  const { contains, newest, unmetOf, tell, newIssue, addComment, addReview, addStatus, merge, now } = state;

  const routes: Readonly<Record<string, Handler>> = {
    'GET ': () =>
      ok({
        id: 1,
        full_name: `${OWNER}/${NAME}`,
        default_branch: 'main',
        permissions: { push: true, admin: knobs.isAdmin },
      }),
    'GET /collaborators/*/permission': ([login], { by }) => {
      if (knobs.mayNotAsk && by.login === 'orch')
        return refuse(403, 'Must have push access to view collaborator permission.');
      const permission = PEOPLE.find(([name]) => name === login)?.[1];
      return permission === undefined ? refuse(404, 'Not Found') : ok({ permission, role_name: permission });
    },
    'GET /issues': (_args, { query }) => ({
      status: 200,
      list: issues
        .filter((each) => query.get('state') === 'all' || each.state === (query.get('state') ?? 'open'))
        .map(issueWire),
    }),
    'GET /issues/*': ([number]) => ok(issueWire(issueOf(Number(number)))),
    'PATCH /issues/*': ([number], { body, by }) => {
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
    'GET /issues/*/comments': ([number], { query }) => ({
      status: 200,
      list: issueOf(Number(number))
        .comments.filter(
          ({ updatedAt }) =>
            Date.parse(updatedAt) >= Date.parse(query.get('since') ?? '1970-01-01T00:00:00Z'),
        )
        .map((comment) => commentWire(comment, Number(number))),
    }),
    'POST /issues/*/comments': ([number], { body, by }) => {
      const comment = addComment(by, issueOf(Number(number)), textOf(body['body']));
      return { status: 201, body: commentWire(comment, Number(number)) };
    },
    'PATCH /issues/comments/*': ([id], { body, by }) => {
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
    'POST /issues/*/labels': ([number], { body, by }) => {
      const issue = issueOf(Number(number));
      for (const name of body['labels'] as string[])
        if (!issue.labels.includes(name)) {
          issue.labels.push(name);
          tell('issues', by, { action: 'labeled', issue: issueWire(issue), label: { name } });
        }
      return ok(issue.labels.map((name) => ({ name })));
    },
    'DELETE /issues/*/labels/*': ([number, name]) => {
      const issue = issueOf(Number(number));
      if (!issue.labels.includes(name ?? '')) return refuse(404, 'Label does not exist');
      issue.labels = issue.labels.filter((each) => each !== name);
      return ok(issue.labels.map((each) => ({ name: each })));
    },
    'GET /pulls': async (_args, { query }) => {
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
    'POST /pulls': async (_args, { body, by }) => {
      const { head, base, title, draft } = body as {
        head: string;
        base: string;
        title: string;
        draft?: boolean;
      };
      if (draft === true && !knobs.drafts)
        return refuse(422, 'Draft pull requests are not supported in this repository.');
      if (issues.some(({ pull, state }) => pull?.branch === head && pull.base === base && state === 'open'))
        return invalid(`A pull request already exists for ${OWNER}:${head}.`);
      const sha = await repository.sha(`refs/heads/${head}`);
      const onto = await repository.sha(`refs/heads/${base}`);
      if (sha === null || onto === null) return invalid(`there is no ${head} or ${base}`);
      if (await contains(onto, sha)) return invalid(`No commits between ${base} and ${head}`);
      const pull: GithubPull = {
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
    'GET /pulls/*': async ([number]) => {
      const { issue, pull } = pullOf(Number(number));
      return ok(await pullWire(issue, pull));
    },
    'PATCH /pulls/*': async ([number], { body }) => {
      const { issue, pull } = pullOf(Number(number));
      Object.assign(issue, { body: textOf(body['body'] ?? issue.body), updatedAt: now() });
      return ok(await pullWire(issue, pull));
    },
    'GET /pulls/*/files': async ([number]) => {
      const { pull } = pullOf(Number(number));
      const base = await repository.git('merge-base', pull.base, pull.sha);
      const names = (await repository.git('diff', '--name-only', base, pull.sha)).split('\n').filter(Boolean);
      const list = await Promise.all(
        names.map(async (filename) => {
          const diff = await repository.git('diff', base, pull.sha, '--', filename);
          return { filename, patch: diff.slice(Math.max(0, diff.indexOf('@@'))) };
        }),
      );
      return { status: 200, list };
    },
    'GET /pulls/*/reviews': ([number]) => ({
      status: 200,
      list: pullOf(Number(number)).pull.reviews.map(reviewWire),
    }),
    'POST /pulls/*/reviews': async ([number], { body, by }) => {
      const { issue, pull } = pullOf(Number(number));
      const {
        event,
        comments = [],
        commit_id,
      } = body as { event: string; comments?: GithubReview['comments']; commit_id?: string };
      if (issue.user.id === by.id) return invalid('Can not approve your own pull request');
      if (issue.state === 'closed') return invalid('closed');
      if ((await repository.sha(commit_id ?? pull.sha)) === null) return invalid('No commit found');
      const changed = (await repository.git('diff', '--name-only', pull.base, pull.sha)).split('\n');
      if (comments.some(({ path }) => !changed.includes(path))) return invalid('Path could not be resolved');
      const verdict =
        event === 'APPROVE' ? 'APPROVED' : event === 'REQUEST_CHANGES' ? 'CHANGES_REQUESTED' : 'COMMENTED';
      const review = addReview(by, Number(number), {
        state: verdict,
        body: textOf(body['body']),
        comments,
        commit: commit_id ?? pull.sha,
      });
      return ok(reviewWire(review));
    },
    'GET /pulls/*/comments': ([number]) => ({
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
    'PUT /pulls/*/merge': async ([number], { body, by }) => {
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
      const commit = await merge(
        issue,
        pull,
        by,
        merge_method,
        `${commit_title}\n\n${commit_message}`.trim(),
      );
      return commit === null
        ? refuse(405, 'Pull Request is not mergeable')
        : ok({ sha: commit, merged: true, message: 'Pull Request successfully merged' });
    },
    'GET /git/ref/**': async ([ref]) => {
      const sha = await repository.sha(`refs/${ref}`);
      return sha === null
        ? refuse(404, 'Not Found')
        : ok({ ref: `refs/${ref}`, object: { sha, type: 'commit' } });
    },
    'DELETE /git/refs/**': async ([ref]) => {
      if ((await repository.sha(`refs/${ref}`)) === null) return refuse(422, 'Reference does not exist');
      await repository.git('update-ref', '-d', `refs/${ref}`);
      return { status: 204 };
    },
    'GET /hooks': () => ({ status: 200, list: hooks.map(hookWire) }),
    'POST /hooks': (_args, { body }) => {
      const { config, events = [] } = body as { config: Record<string, string>; events?: string[] };
      const hook = {
        id: state.nextId(),
        url: config['url'] ?? '',
        secret: config['secret'] ?? '',
        events,
        active: true,
      };
      hooks.push(hook);
      return { status: 201, body: hookWire(hook) };
    },
    'PATCH /hooks/*': ([id], { body }) => {
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
    'POST /hooks/*/pings': (_args, { by }) => {
      tell('ping', by, { zen: 'x' });
      return { status: 204 };
    },
    'GET /compare/**': async ([basehead]) => {
      const [base = '', head = ''] = (basehead ?? '').split('...');
      const [onto, tip] = [await repository.sha(base), await repository.sha(head)];
      if (onto === null || tip === null) return refuse(404, 'Not Found');
      if (onto === tip) return ok({ status: 'identical' });
      return ok({
        status: (await contains(onto, tip)) ? 'behind' : (await contains(tip, onto)) ? 'ahead' : 'diverged',
      });
    },
    'GET /commits/*/status': ([ref]) => ({
      status: 200,
      wrap: 'statuses',
      list: newest(ref ?? '').map(statusWire),
    }),
    'GET /commits/*/check-runs': ([ref]) => ({
      status: 200,
      wrap: 'check_runs',
      list: runs.filter(({ sha }) => sha === ref).flatMap(runWire),
    }),
    'POST /statuses/*': async ([sha], { body, by }) => {
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
    'GET /rules/branches/*': () => {
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
    'GET /branches/*': ([name]) => {
      if (!protection.isReadable) return refuse(404, 'Not Found');
      const required_status_checks = { contexts: protection.checks.slice(1) };
      return ok({
        name,
        protected: protection.checks.length > 0,
        protection: { enabled: true, required_status_checks },
      });
    },
    'GET /actions/jobs/*/logs': ([id]) => ({ status: 302, headers: { location: `${url}/_blob/${id}` } }),
  };

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
    for (const [route, handler] of Object.entries(routes)) {
      const args = matching(route, `${method} ${below.slice(prefix.length)}`);
      if (args !== null) return handler(args, { body, by, query: address.searchParams });
    }
    return refuse(404, `Not Found: no route for ${method} ${below}`);
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

  return async (method: string, address: URL, by: GithubUser, body: Body): Promise<Answer> => {
    try {
      return paged(await api(method, address, by, body), address);
    } catch (error) {
      if (error instanceof Gone) return refuse(404, 'Not Found');
      throw error;
    }
  };
}

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
