import type { IncomingMessage, ServerResponse } from 'node:http';
import { knownEvents } from './gitea-hooks.ts';
import {
  commentObject,
  type FakeHook,
  type FakeIssue,
  type FakeProtection,
  type FakeUser,
  hookObject,
  isDraft,
  issueObject,
  jobObject,
  labelObject,
  protectionObject,
  repositoryObject,
  reviewCommentObjects,
  reviewObject,
  runObject,
  statusObject,
  userObject,
  ZERO_TIME,
} from './gitea-objects.ts';
import { addComment, addReview, addStatus, type FakeServer, newIssue, tellComment } from './gitea-state.ts';
import { bodyOf } from './listen.ts';

interface Call {
  readonly server: FakeServer;
  readonly by: FakeUser;
  readonly scopes: readonly string[];
  readonly args: readonly string[];
  readonly query: URLSearchParams;
  readonly body: object;
}

interface Answer {
  readonly status: number;
  /** Null: no body at all. */
  readonly body?: unknown;
  readonly text?: string;
}

type Handler = (call: Call) => Answer | Promise<Answer>;

/** Path below `/repos/acme/widgets`, `*` for one part. */
const REPOSITORY: readonly [string, string, Handler][] = [
  [
    'GET',
    '',
    ({ server, by }) => ok(repositoryObject(server.place, server.user('mara'), server.permission(by.login))),
  ],
  ['GET', '/assignees', writers],
  ['GET', '/collaborators/*/permission', permission],
  ['GET', '/hooks', (call) => page(call, call.server.state.hooks.map(hookObject))],
  ['POST', '/hooks', createHook],
  ['GET', '/hooks/*', (call) => ok(hookObject(hookOf(call)))],
  ['PATCH', '/hooks/*', editHook],
  ['POST', '/hooks/*/tests', testHook],
  [
    'GET',
    '/labels',
    (call) =>
      page(
        call,
        call.server.state.labels.map((each) => labelObject(each, call.server.place)),
      ),
  ],
  ['POST', '/labels', createLabel],
  ['GET', '/issues', listIssues],
  ['GET', '/issues/*', (call) => ok(issueObject(issueOf(call), call.server.place))],
  ['PATCH', '/issues/*', editIssue],
  ['GET', '/issues/*/dependencies', dependencies],
  ['GET', '/issues/*/comments', listComments],
  ['POST', '/issues/*/comments', createComment],
  ['PATCH', '/issues/comments/*', editComment],
  ['POST', '/issues/*/labels', addLabels],
  ['DELETE', '/issues/*/labels/*', removeLabel],
  ['GET', '/pulls', listPulls],
  ['POST', '/pulls', createPull],
  ['GET', '/pulls/*', async (call) => ok(await call.server.pullWire(pullOf(call)))],
  ['PATCH', '/pulls/*', editPull],
  ['GET', '/pulls/*/files', listFiles],
  ['GET', '/pulls/*/reviews', listReviews],
  ['POST', '/pulls/*/reviews', createReview],
  ['GET', '/pulls/*/reviews/*/comments', reviewComments],
  ['GET', '/pulls/*/merge', (call) => (pullOf(call).pull?.merged === null ? fail(404) : { status: 204 })],
  ['POST', '/pulls/*/merge', mergePull],
  ['GET', '/pulls/*/*', findPull],
  ['GET', '/compare/*', compare],
  ['GET', '/branches/*', branch],
  ['GET', '/branch_protections/*', protection],
  ['GET', '/git/commits/*', commit],
  ['GET', '/commits/*/status', combinedStatus],
  ['POST', '/statuses/*', createStatus],
  ['GET', '/actions/runs', listRuns],
  ['GET', '/actions/runs/*/jobs', listJobs],
  ['GET', '/actions/jobs/*/logs', jobLog],
];

/** `required` scope of everything below a path. */
function scopeOf(method: string, below: string): string {
  const level = method === 'GET' ? 'read' : 'write';
  if (below.startsWith('/user')) return `${level}:user`;
  return `${level}:${/^\/repos\/[^/]+\/[^/]+\/(issues|labels)/.test(below) ? 'issue' : 'repository'}`;
}

export async function answerApi(
  server: FakeServer,
  request: IncomingMessage,
  response: ServerResponse,
  address: URL,
): Promise<void> {
  const { knobs } = server;
  const method = request.method ?? 'GET';
  const below = address.pathname.slice('/api/v1'.length);
  const text = await bodyOf(request);
  const { trouble } = knobs;
  if (trouble !== null && trouble.random() < trouble.before) {
    knobs.troubles++;
    return reply(response, fail(502, ''));
  }
  const body = (text === '' ? {} : JSON.parse(text)) as object;
  let answer: Answer;
  try {
    answer = await handle(server, request, method, below, address.searchParams, body);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    answer = error.answer;
  }
  const isDone = method !== 'GET' && answer.status < 300;
  const { loseNext } = knobs;
  const isNext = typeof loseNext === 'boolean' ? loseNext : loseNext(`${method} ${below}`, body);
  const isLost = isDone && (isNext || (trouble !== null && trouble.random() < trouble.after));
  if (isLost) {
    knobs.loseNext = false;
    knobs.troubles++;
    // Cut, or told as an error of the server's own: both happen after it was done.
    if (trouble === null || trouble.random() < 0.5) request.socket.destroy();
    else reply(response, fail(500, ''));
    return;
  }
  const bent = knobs.bend?.(`${method} ${below}`, answer.body) ?? null;
  reply(response, bent === null ? answer : { ...answer, body: bent });
}

async function handle(
  server: FakeServer,
  request: IncomingMessage,
  method: string,
  below: string,
  query: URLSearchParams,
  body: object,
): Promise<Answer> {
  if (method === 'GET' && below === '/version') return ok({ version: server.knobs.version });
  const secret = /^(?:token|bearer) (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const known = server.tokens.get(secret);
  if (known === undefined) return fail(401, 'token is required');
  const { login, scopes } = known;
  const scope = scopeOf(method, below);
  const isEnough = ['all', scope, scope.replace('read:', 'write:')].some((each) => scopes.includes(each));
  if (below !== '/token' && !isEnough)
    return fail(
      403,
      `token does not have at least one of required scope(s), required=[${scope}], token scope=${scopes.join(',')}`,
    );
  const by = server.user(login);
  const call = { server, by, scopes, query, body };
  if (method === 'GET' && below === '/user') return ok(userObject(by, server.place.url));
  if (method === 'GET' && below === '/token')
    return ok({
      ...{
        id: 1,
        name: login,
        scopes,
        created_at: ZERO_TIME,
        last_used_at: ZERO_TIME,
        user: { id: by.id, login },
      },
    });
  const repository = `/repos/${server.place.owner}/${server.place.name}`;
  const isHere = below === repository || below.startsWith(`${repository}/`);
  // What you may not see is not there.
  if (!isHere || server.permission(login) === 'none' || server.knobs.blind === login) return fail(404);
  if (method !== 'GET' && server.permission(login) === 'read' && !/\/comments$|\/reviews$/.test(below))
    return fail(403, 'user should have write permission');
  const parts = below.slice(repository.length).split('/');
  for (const [wanted, pattern, handler] of REPOSITORY) {
    const names = pattern.split('/');
    if (wanted !== method || names.length !== parts.length) continue;
    if (!names.every((name, i) => name === '*' || name === parts[i])) continue;
    const args = names.flatMap((name, i) => (name === '*' ? [decodeURIComponent(parts[i] ?? '')] : []));
    return handler({ ...call, args });
  }
  return fail(404);
}

// -- Repository, people, webhooks ----------------------------------------------------------------------

function permission({ server, by, args: [login = ''] }: Call): Answer {
  const isAdmin = ['admin', 'owner'].includes(server.permission(by.login));
  if (!isAdmin && by.login !== login)
    return fail(
      403,
      'Only admins can query all permissions, repo admins can query all repo permissions, collaborators can query only their own',
    );
  if (!server.state.users.some((each) => each.login === login)) return fail(404, 'user does not exist');
  const level = server.permission(login);
  return ok({ permission: level, role_name: level, user: userObject(server.user(login), server.place.url) });
}

function writers({ server }: Call): Answer {
  const may = (login: string) => !['read', 'none'].includes(server.permission(login));
  return ok(
    server.state.users.filter(({ login }) => may(login)).map((each) => userObject(each, server.place.url)),
  );
}

function createHook({ server, by, body }: Call): Answer {
  adminOnly(server, by);
  const { config, events, active } = body as {
    config: Record<string, string>;
    events?: string[];
    active?: boolean;
  };
  const hook = { id: server.nextId(), active: active ?? false, events: knownEvents(events ?? []), config };
  server.state.hooks.push(hook);
  return { status: 201, body: hookObject(hook) };
}

function editHook(call: Call): Answer {
  adminOnly(call.server, call.by);
  const hook = hookOf(call);
  const { config, events, active } = call.body as {
    config?: Record<string, string>;
    events?: string[];
    active?: boolean;
  };
  hook.config = { ...hook.config, ...config };
  if (events !== undefined) hook.events = knownEvents(events);
  if (active !== undefined) hook.active = active;
  return ok(hookObject(hook));
}

function testHook(call: Call): Answer {
  const { server, by } = call;
  const hook = { ...hookOf(call), events: ['push'] };
  const ref = 'refs/heads/main';
  server.sender.tell([hook], 'push', {
    ...{
      ref,
      before: '',
      after: '',
      commits: [],
      total_commits: 0,
      sender: userObject(by, server.place.url),
    },
    repository: repositoryObject(server.place, server.user('mara'), 'write'),
  });
  return { status: 204 };
}

function hookOf({ server, args: [id] }: Call): FakeHook {
  return server.state.hooks.find((each) => String(each.id) === id) ?? refuse(404);
}

function adminOnly(server: FakeServer, { login }: FakeUser): void {
  if (!['admin', 'owner'].includes(server.permission(login)))
    refuse(403, 'user should be an owner or a collaborator with admin write of a repository');
}

// -- Issues --------------------------------------------------------------------------------------------

function listIssues(call: Call): Answer {
  const { server, query } = call;
  const type = query.get('type');
  const state = query.get('state') ?? 'open';
  const found = server.state.issues
    .filter((each) => (type === 'issues' ? each.pull === null : type === 'pulls' ? each.pull !== null : true))
    .filter((each) => state === 'all' || each.state === state)
    .toReversed();
  return page(
    call,
    found.map((each) => issueObject(each, server.place)),
  );
}

function editIssue(call: Call): Answer {
  const issue = issueOf(call);
  const { state, title, body } = call.body as { state?: 'open' | 'closed'; title?: string; body?: string };
  const was = issue.state;
  if (state !== undefined) issue.state = state;
  if (title !== undefined) issue.title = title;
  if (body !== undefined) issue.body = body;
  issue.updatedAt = call.server.now();
  const action = was === issue.state ? 'edited' : issue.state === 'closed' ? 'closed' : 'reopened';
  call.server.tell('issues', call.by, { action, number: issue.number, issue: call.server.issueWire(issue) });
  return { status: 201, body: issueObject(issue, call.server.place) };
}

function dependencies(call: Call): Answer {
  const { server } = call;
  if (!server.knobs.dependencies) return fail(404);
  const { dependencies: numbers } = issueOf(call);
  return ok(
    server.state.issues
      .filter((each) => numbers.includes(each.number))
      .map((each) => issueObject(each, server.place)),
  );
}

/** Has no pages. */
function listComments(call: Call): Answer {
  const issue = issueOf(call);
  const since = Date.parse(call.query.get('since') ?? '1970-01-01T00:00:00Z');
  const found = issue.comments.filter((each) => Date.parse(each.updatedAt) >= since);
  return ok(found.map((each) => commentObject(each, issue, call.server.place)));
}

function createComment(call: Call): Answer {
  const issue = call.server.state.issues.find((each) => String(each.number) === call.args[0]);
  // Not 404: that is how it is.
  if (issue === undefined) return fail(500, '');
  const comment = addComment(call.server, call.by, issue, (call.body as { body: string }).body);
  return { status: 201, body: commentObject(comment, issue, call.server.place) };
}

function editComment({ server, by, args: [id], body }: Call): Answer {
  const issue = server.state.issues.find((each) =>
    each.comments.some((comment) => String(comment.id) === id),
  );
  const comment = issue?.comments.find((each) => String(each.id) === id);
  if (issue === undefined || comment === undefined) return fail(404);
  comment.body = (body as { body: string }).body;
  comment.updatedAt = server.now();
  tellComment(server, by, issue, comment, 'edited');
  return ok(commentObject(comment, issue, server.place));
}

function createLabel({ server, body }: Call): Answer {
  const { name, color, description = '' } = body as { name: string; color: string; description?: string };
  const label = { id: server.nextId(), name, color, description };
  server.state.labels.push(label);
  return { status: 201, body: labelObject(label, server.place) };
}

function addLabels(call: Call): Answer {
  const { server, by } = call;
  const issue = issueOf(call);
  const wanted = (call.body as { labels: (number | string)[] }).labels;
  // What is not known is passed over without a word.
  const found = server.state.labels.filter((each) => wanted.includes(each.id) || wanted.includes(each.name));
  issue.labels = [...new Set([...issue.labels, ...found])];
  server.tell('issue_label', by, {
    action: 'label_updated',
    number: issue.number,
    issue: server.issueWire(issue),
  });
  return ok(issue.labels.map((each) => labelObject(each, server.place)));
}

function removeLabel(call: Call): Answer {
  const { server, by } = call;
  const issue = issueOf(call);
  issue.labels = issue.labels.filter((each) => String(each.id) !== call.args[1]);
  server.tell('issue_label', by, {
    action: 'label_updated',
    number: issue.number,
    issue: server.issueWire(issue),
  });
  return { status: 204 };
}

function issueOf({ server, args: [number] }: Call): FakeIssue {
  return server.state.issues.find((each) => String(each.number) === number) ?? refuse(404);
}

// -- Pull requests -------------------------------------------------------------------------------------

function pullOf(call: Call): FakeIssue {
  const issue = issueOf(call);
  return issue.pull === null ? refuse(404) : issue;
}

async function listPulls(call: Call): Promise<Answer> {
  const state = call.query.get('state') ?? 'open';
  const found = call.server.state.issues.filter(
    (each) => each.pull !== null && (state === 'all' || each.state === state),
  );
  return page(call, await Promise.all(found.toReversed().map((each) => call.server.pullWire(each))));
}

/** The oldest of that branch, whatever became of it. */
async function findPull({ server, args: [base, head] }: Call): Promise<Answer> {
  const found = server.state.issues.find(({ pull }) => pull?.base === base && pull?.head === head);
  return found === undefined ? fail(404) : ok(await server.pullWire(found));
}

async function createPull({ server, by, body }: Call): Promise<Answer> {
  const { repository, state } = server;
  const {
    head,
    base,
    title,
    body: text = '',
  } = body as { head: string; base: string; title: string; body?: string };
  const sha = await repository.sha(`refs/heads/${head}`);
  if ((await repository.sha(`refs/heads/${base}`)) === null || sha === null) return fail(404);
  const there = state.issues.find(
    (each) => each.state === 'open' && each.pull?.head === head && each.pull.base === base,
  );
  if (there !== undefined)
    return fail(
      409,
      `pull request already exists for these targets [id: 1, issue_id: 1, head_repo_id: 1, base_repo_id: 1, head_branch: ${head}, base_branch: ${base}]`,
    );
  const mergeBase = await repository.git('merge-base', base, sha);
  if (mergeBase === sha) return fail(422, 'no changes between the base and the head');
  const pull = { head, base, sha, isBranchGone: false, merged: null, mergeBase, reviews: [] };
  const issue = newIssue(server, by, title, text, pull);
  state.issues.push(issue);
  await repository.git('update-ref', `refs/pull/${issue.number}/head`, sha);
  server.tellPull('pull_request', by, issue, { action: 'opened' });
  return { status: 201, body: await server.pullWire(issue) };
}

async function editPull(call: Call): Promise<Answer> {
  const { server, by } = call;
  const issue = pullOf(call);
  const { title, body, state } = call.body as { title?: string; body?: string; state?: 'open' | 'closed' };
  if (state !== undefined && issue.pull?.merged !== null)
    return fail(412, 'cannot change state of this pull request, it was already merged');
  const was = issue.state;
  if (title !== undefined) issue.title = title;
  if (body !== undefined) issue.body = body;
  if (state !== undefined) issue.state = state;
  issue.updatedAt = server.now();
  const action = was === issue.state ? 'edited' : issue.state === 'closed' ? 'closed' : 'reopened';
  server.tellPull('pull_request', by, issue, { action });
  return { status: 201, body: await server.pullWire(issue) };
}

async function listFiles(call: Call): Promise<Answer> {
  const { pull } = pullOf(call);
  const list = await call.server.repository.git(
    'diff',
    '--name-status',
    pull?.mergeBase ?? '',
    pull?.sha ?? '',
  );
  const files = list
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t'));
  return page(
    call,
    files.map(([status, filename]) => ({
      ...{ filename, status: status === 'A' ? 'added' : status === 'D' ? 'deleted' : 'changed' },
      ...{ additions: 1, deletions: 0, changes: 1, html_url: '', contents_url: '', raw_url: '' },
    })),
  );
}

function listReviews(call: Call): Answer {
  const issue = pullOf(call);
  return page(
    call,
    (issue.pull?.reviews ?? []).map((each) => reviewObject(each, issue, call.server.place)),
  );
}

async function createReview(call: Call): Promise<Answer> {
  const { server, by } = call;
  const issue = pullOf(call);
  const {
    event = 'PENDING',
    body = '',
    comments = [],
    commit_id: commit,
  } = call.body as {
    event?: string;
    body?: string;
    commit_id?: string;
    comments?: { path: string; new_position: number; body: string }[];
  };
  if (issue.user.id === by.id && event !== 'COMMENT') {
    const verb = event === 'APPROVED' ? 'approve' : 'reject';
    return fail(422, `${verb} your own pull is not allowed`);
  }
  if (issue.state === 'closed') return fail(422, 'review is not allowed on a closed pull request');
  for (const { path } of comments) {
    const there = await server.repository
      .git('cat-file', '-e', `${commit ?? issue.pull?.sha}:${path}`)
      .catch(() => null);
    if (there === null) return fail(500, '');
  }
  const lines = comments.map(({ path, new_position: line, body: text }) => ({ path, line, body: text }));
  const review = addReview(server, by, issue, {
    ...{ state: event, body, comments: lines },
    ...(commit === undefined ? {} : { commit }),
  });
  return ok(reviewObject(review, issue, server.place));
}

function reviewComments(call: Call): Answer {
  const issue = pullOf(call);
  const review = issue.pull?.reviews.find((each) => String(each.id) === call.args[1]);
  return review === undefined ? fail(404) : ok(reviewCommentObjects(review, issue, call.server.place));
}

async function mergePull(call: Call): Promise<Answer> {
  const { server, by } = call;
  const { repository, state, knobs } = server;
  const issue = pullOf(call);
  const pull = issue.pull ?? refuse(404);
  const asked = call.body as {
    Do?: string;
    do?: string;
    MergeTitleField?: string;
    MergeMessageField?: string;
    head_commit_id?: string;
    delete_branch_after_merge?: boolean;
    merge_when_checks_succeed?: boolean;
  };
  if (pull.merged !== null) return fail(405, 'The PR is already merged');
  if (issue.state === 'closed') return fail(404);
  if (isDraft(issue)) return fail(405, 'Work in progress PRs cannot be merged');
  if (knobs.checking > 0) {
    knobs.checking--;
    return fail(405, 'Please try again later');
  }
  if (asked.head_commit_id !== undefined && asked.head_commit_id !== pull.sha)
    return fail(409, 'head out of date');
  if (!(await server.isMergeable(issue))) return fail(405, 'Please try again later');
  const unmet = await unmetRules(server, issue);
  if (unmet !== null) {
    if (asked.merge_when_checks_succeed === true) return { status: 201 };
    return fail(405, `not allowed to merge [reason: ${unmet}]`);
  }
  const style = asked.Do ?? asked.do ?? '';
  const message = [
    asked.MergeTitleField ?? `Merge pull request #${issue.number}`,
    asked.MergeMessageField ?? '',
  ];
  const before = await repository.branches();
  const merged = await repository.merge(style, pull.base, pull.sha, message.join('\n\n').trim());
  if (merged.kind === 'conflict') return fail(409, 'merge conflict');
  pull.merged = { by, commit: merged.commit, at: server.now() };
  issue.state = 'closed';
  issue.updatedAt = server.now();
  const isOnly = !state.issues.some(
    (each) => each !== issue && each.state === 'open' && each.pull?.head === pull.head,
  );
  if (asked.delete_branch_after_merge === true && isOnly) {
    await repository.git('update-ref', '-d', `refs/heads/${pull.head}`);
    pull.isBranchGone = true;
  }
  server.tellPull('pull_request', by, issue, { action: 'closed' });
  await server.refsMoved(before, by);
  return { status: 200 };
}

/** What a protection of the base still asks for. */
async function unmetRules(server: FakeServer, issue: FakeIssue): Promise<string | null> {
  const { pull } = issue;
  const rule = server.state.protections.find((each) => each.rule === pull?.base);
  if (pull === null || rule === undefined) return null;
  const counting = new Map(
    pull.reviews
      .filter((each) => ['APPROVED', 'REQUEST_CHANGES'].includes(each.state) && !each.dismissed)
      .map((each) => [each.user.id, each.state]),
  );
  const approvals = [...counting.values()].filter((each) => each === 'APPROVED').length;
  if (approvals < rule.requiredApprovals) return 'Does not have enough approvals';
  if (rule.blockOnRejected && [...counting.values()].includes('REQUEST_CHANGES'))
    return 'There are requested changes';
  if (rule.blockOnOutdated && pull.mergeBase !== (await server.repository.sha(`refs/heads/${pull.base}`)))
    return 'The head branch is behind the base branch';
  const isGreen = (pattern: string) => {
    const glob = new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`);
    const states = newest(server, pull.sha).filter(({ context }) => glob.test(context));
    return (
      states.length > 0 && states.every(({ state }) => ['success', 'warning', 'skipped'].includes(state))
    );
  };
  return rule.checks.every(isGreen) ? null : 'Not all required status checks successful';
}

function escaped(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
}

// -- Branches, commits, statuses, Actions --------------------------------------------------------------

async function branch({ server, args: [name = ''] }: Call): Promise<Answer> {
  const sha = await server.repository.sha(`refs/heads/${name}`);
  if (sha === null) return fail(404);
  const rule = server.state.protections.find((each) => each.rule === name);
  const nobody = { name: 'x', email: 'x@example.org', username: '' };
  return ok({
    name,
    commit: {
      ...{ id: sha, message: '', url: '', author: nobody, committer: nobody, verification: null },
      ...{ timestamp: '2026-01-01T00:00:00Z', added: null, removed: null, modified: null },
    },
    ...{ protected: rule !== undefined, required_approvals: rule?.requiredApprovals ?? 0 },
    ...{ enable_status_check: (rule?.checks.length ?? 0) > 0, status_check_contexts: rule?.checks ?? null },
    ...{ user_can_push: true, user_can_merge: true, effective_branch_protection_name: rule?.rule ?? '' },
  });
}

async function compare({ server, args: [pair = ''] }: Call): Promise<Answer> {
  const ends = pair.split('...');
  if ((await Promise.all(ends.map((each) => server.repository.sha(each)))).includes(null)) return fail(404);
  const count = await server.repository.git('rev-list', '--count', ends.join('..'));
  return ok({ total_commits: Number(count), commits: null });
}

function protection({ server, by, args: [name] }: Call): Answer {
  adminOnly(server, by);
  const rule: FakeProtection | undefined = server.state.protections.find((each) => each.rule === name);
  return rule === undefined ? fail(404) : ok(protectionObject(rule));
}

async function commit({ server, args: [sha = ''] }: Call): Promise<Answer> {
  if ((await server.repository.sha(sha)) === null) return fail(404);
  return ok({
    ...{ sha, url: '', html_url: '', commit: null, author: null, committer: null, parents: [], files: [] },
    ...{ stats: null, created: '2026-01-01T00:00:00Z' },
  });
}

function newest(server: FakeServer, sha: string) {
  const all = server.state.statuses.filter((each) => each.sha === sha);
  return [...new Map(all.map((each) => [each.context, each])).values()];
}

async function combinedStatus(call: Call): Promise<Answer> {
  const {
    server,
    args: [ref = ''],
  } = call;
  const sha = await server.repository.sha(ref);
  if (sha === null) return fail(404);
  const states = newest(server, sha);
  const has = (...names: string[]) => states.some(({ state }) => names.includes(state));
  return ok({
    state: has('error', 'failure')
      ? 'failure'
      : has('pending') || states.length === 0
        ? 'pending'
        : 'success',
    ...{ sha, total_count: states.length, commit_url: '', url: '', repository: null },
    statuses: sliced(
      call,
      states.map((each) => statusObject(each, server.place)),
    ),
  });
}

async function createStatus({ server, by, args: [sha = ''], body }: Call): Promise<Answer> {
  // A commit that is not there, or half of its name: not 404.
  if ((await server.repository.sha(sha)) !== sha) return fail(500, '');
  const { state, context, description = '', target_url: url = '' } = body as Record<string, string>;
  const status = addStatus(server, by, { sha, state: state ?? '', context: context ?? '', description, url });
  return { status: 201, body: statusObject(status, server.place) };
}

function listRuns(call: Call): Answer {
  const sha = call.query.get('head_sha');
  const found = call.server.state.runs.filter((each) => sha === null || each.sha === sha);
  const runs = sliced(
    call,
    found.map((each) => runObject(each, call.server.place)),
  );
  return ok({ total_count: found.length, workflow_runs: runs });
}

function listJobs(call: Call): Answer {
  const run = call.server.state.runs.find((each) => String(each.id) === call.args[0]) ?? refuse(404);
  const jobs = sliced(
    call,
    run.jobs.map((each) => jobObject(each, run, call.server.place)),
  );
  return ok({ total_count: run.jobs.length, jobs });
}

function jobLog({ server, args: [id] }: Call): Answer {
  const job = server.state.runs.flatMap(({ jobs }) => jobs).find((each) => String(each.id) === id);
  return job === undefined ? fail(404) : { status: 200, text: job.log };
}

// -- Answers -------------------------------------------------------------------------------------------

class Refused extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`refused: ${answer.status}`);
    this.answer = answer;
  }
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}

function fail(status: number, message = 'Not found.'): Answer {
  return { status, body: { message, url: 'https://gitea.example.org/api/swagger' } };
}

function refuse(status: number, message?: string): never {
  throw new Refused(fail(status, message));
}

/** At most 50, however many are asked for. */
function sliced<T>({ query }: Call, list: readonly T[]): T[] {
  const limit = Math.min(50, Number(query.get('limit') ?? 30));
  const at = (Number(query.get('page') ?? 1) - 1) * limit;
  return list.slice(at, at + limit);
}

function page<T>(call: Call, list: readonly T[]): Answer {
  return ok(sliced(call, list));
}

function reply(response: ServerResponse, { status, body, text }: Answer): void {
  if (text !== undefined) {
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
    return;
  }
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json;charset=utf-8' });
  response.end(JSON.stringify(body));
}
