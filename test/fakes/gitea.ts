import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRepository, type FakeRepository, passwordOf, serveGit } from './git-host.ts';
import { createSender, type Sent, type Unreliable } from './gitea-hooks.ts';
import {
  type FakeComment,
  type FakeHook,
  type FakeIssue,
  type FakePlace,
  type FakeProtection,
  type FakeReview,
  type FakeRun,
  type FakeUser,
  isDraft,
  issueObject,
  pullObject,
  repositoryObject,
  userObject,
} from './gitea-objects.ts';
import { answerApi } from './gitea-routes.ts';
import {
  addComment,
  addReview,
  addStatus,
  type FakeServer,
  type FakeState,
  type Knobs,
  labelOf,
  newIssue,
} from './gitea-state.ts';
import { listen } from './listen.ts';

/**
 * A stateful Gitea with one private repository: its API, its git over HTTP and its webhooks. Two bot accounts,
 * `orch` and `reviewer`, and people: `mara` owns the repository, `lin` may write, `guest` may read, `nobody` may not.
 */
export interface FakeGitea {
  readonly url: string;
  /** `acme/widgets`. */
  readonly name: string;
  readonly gitUrl: string;
  readonly repository: FakeRepository;
  readonly state: FakeState;
  readonly knobs: Knobs;
  /** A valid token of that user, with these scopes or all. */
  token(login: string, scopes?: readonly string[]): string;
  user(login: string): FakeUser;

  // What people do there.
  openIssue(fields: {
    title: string;
    body?: string;
    labels?: readonly string[];
    assignees?: string[];
    milestone?: string;
    by?: string;
  }): FakeIssue;
  editIssue(
    number: number,
    fields: { labels?: readonly string[]; state?: 'open' | 'closed'; body?: string },
    by?: string,
  ): void;
  comment(login: string, number: number, body: string): FakeComment;
  review(
    login: string,
    number: number,
    state: string,
    body: string,
    comments?: FakeReview['comments'],
  ): FakeReview;
  setStatus(sha: string, context: string, state: string, description?: string, by?: string): void;
  /** A workflow of Actions that ran on a commit, with the status of each of its jobs. */
  runWorkflow(
    sha: string,
    workflow: string,
    jobs: readonly { name: string; conclusion: string; log: string }[],
  ): void;
  push(
    login: string,
    branch: string,
    files: Readonly<Record<string, string>>,
    message: string,
  ): Promise<string>;
  protect(rule: Partial<FakeProtection> & { rule: string }): FakeProtection;
  addHook(url: string, secret: string, events: readonly string[]): FakeHook;

  issue(number: number): FakeIssue;
  pulls(): FakeIssue[];
  /** Requests of the API so far, `GET /repos/...`. */
  readonly requests: readonly string[];
  readonly sent: readonly Sent[];
  setUnreliableHooks(value: Unreliable | null): void;
  settled(): Promise<void>;
  close(): Promise<void>;
}

const OWNER = 'acme';
const NAME = 'widgets';
const PEOPLE: readonly [string, string][] = [
  ['mara', 'owner'],
  ['lin', 'write'],
  ['guest', 'read'],
  ['nobody', 'none'],
  ['orch', 'admin'],
  ['reviewer', 'write'],
];

export async function startGitea(
  options: { files?: Readonly<Record<string, string>>; orchMay?: 'admin' | 'write' | 'read' } = {},
): Promise<FakeGitea> {
  const root = await mkdtemp(join(tmpdir(), 'fake-gitea-root-'));
  const repository = await createRepository(
    join(root, OWNER, `${NAME}.git`),
    options.files ?? {
      'README.md': '# Widgets\n',
      'src/greet.js': "export const greet = (name) => 'Hello ' + name;\n",
    },
  );
  const state: FakeState = {
    users: PEOPLE.map(([login], i) => ({ id: i + 2, login })),
    permissions: new Map(PEOPLE),
    ...{ issues: [], labels: [], statuses: [], protections: [], hooks: [], runs: [] },
  };
  if (options.orchMay !== undefined) state.permissions.set('orch', options.orchMay);
  const knobs: Knobs = {
    ...{ loseNext: false, checking: 0, dependencies: true, clockAheadMs: 0, version: '1.27.3', blind: null },
    ...{ bend: null, trouble: null, troubles: 0 },
  };
  const tokens = new Map<string, { login: string; scopes: readonly string[] }>();
  const sender = createSender();
  const requests: string[] = [];
  let ids = 100;
  const http = await listen(answer);
  const { url } = http;
  const place: FakePlace = { url, owner: OWNER, name: NAME };
  const user = (login: string): FakeUser => {
    const found = state.users.find((each) => each.login === login);
    if (found === undefined) throw new Error(`there is no user ${login}`);
    return found;
  };
  const own = user('mara');

  const server: FakeServer = {
    ...{ place, state, knobs, tokens, repository, user, sender },
    nextId: () => ++ids,
    now: () => new Date(Date.now() + knobs.clockAheadMs).toISOString(),
    permission: (login) => state.permissions.get(login) ?? 'none',
    issueWire: (issue) => issueObject(issue, place),
    async isMergeable(issue) {
      const { pull } = issue;
      // False also while it is checked, and for every draft.
      if (pull === null || knobs.checking > 0 || isDraft(issue) || issue.state === 'closed') return false;
      return !(await repository.hasConflict(pull.base, pull.sha));
    },
    async pullWire(issue) {
      const base = issue.pull?.base ?? 'main';
      const baseSha = (await repository.sha(`refs/heads/${base}`)) ?? '';
      return pullObject(issue, place, { own, mergeable: await server.isMergeable(issue), baseSha });
    },
    tell(type, by, fields) {
      sender.tell(state.hooks, type, {
        ...fields,
        repository: repositoryObject(place, own, 'write'),
        sender: userObject(by, url),
      });
    },
    tellPull(type, by, issue, fields) {
      void server
        .pullWire(issue)
        .then((pull) => server.tell(type, by, { number: issue.number, pull_request: pull, ...fields }))
        .catch(() => undefined); // the repository is gone already: the test is over
    },
    async refsMoved(before, by) {
      const after = await repository.branches();
      const zeros = '0'.repeat(40);
      for (const [branch, sha] of after) {
        if (before.get(branch) === sha) continue;
        const ref = `refs/heads/${branch}`;
        server.tell('push', by, {
          ref,
          before: before.get(branch) ?? zeros,
          after: sha,
          commits: [],
          total_commits: 1,
        });
      }
      for (const branch of before.keys())
        if (!after.has(branch))
          server.tell('delete', by, { ref: branch, ref_type: 'branch', pusher_type: 'user' });
      for (const issue of state.issues) {
        const { pull } = issue;
        if (pull === null || issue.state === 'closed') continue;
        const sha = after.get(pull.head);
        pull.isBranchGone = sha === undefined;
        pull.mergeBase = await repository.git('merge-base', pull.base, sha ?? pull.sha).catch(() => '');
        if (sha === undefined || sha === pull.sha) continue;
        const old = pull.sha;
        pull.sha = sha;
        issue.updatedAt = server.now();
        await repository.git('update-ref', `refs/pull/${issue.number}/head`, sha);
        if (state.protections.some((rule) => rule.rule === pull.base && rule.dismissStale))
          for (const review of pull.reviews) if (review.state === 'APPROVED') review.dismissed = true;
        server.tellPull('pull_request_sync', by, issue, { action: 'synchronized', before: old, after: sha });
      }
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('date', new Date(Date.now() + knobs.clockAheadMs).toUTCString());
    const address = new URL(request.url ?? '/', url);
    if (address.pathname.startsWith('/api/v1/')) {
      requests.push(`${request.method} ${address.pathname.slice('/api/v1'.length)}`);
      await answerApi(server, request, response, address);
    } else await answerGit(request, response, address);
  }

  async function answerGit(request: IncomingMessage, response: ServerResponse, address: URL): Promise<void> {
    const login = tokens.get(passwordOf(request))?.login;
    if (login === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="Gitea"' }).end('Unauthorized\n');
      return;
    }
    const may = server.permission(login);
    const isPush =
      address.pathname.endsWith('git-receive-pack') ||
      address.searchParams.get('service') === 'git-receive-pack';
    if (may === 'none' || knobs.blind === login) {
      response.writeHead(404).end('Not found\n');
      return;
    }
    if (isPush && may === 'read') {
      response.writeHead(403).end('User permission denied for writing.\n');
      return;
    }
    const closedBranches = state.protections
      .filter((rule) => !rule.pushers.includes(login))
      .map(({ rule }) => rule);
    const before = await repository.branches();
    await serveGit(request, response, { root, address, user: login, closedBranches });
    if (request.method === 'POST' && isPush) await server.refsMoved(before, user(login));
  }

  const self: FakeGitea = {
    ...{
      url,
      name: `${OWNER}/${NAME}`,
      gitUrl: `${url}/${OWNER}/${NAME}.git`,
      repository,
      state,
      knobs,
      user,
    },
    ...{ requests, sent: sender.sent },
    token(login, scopes = ['all']) {
      user(login);
      const value = `${login}-${'0'.repeat(30)}${tokens.size}`;
      tokens.set(value, { login, scopes });
      return value;
    },
    openIssue({ title, body = '', labels = [], assignees = [], milestone, by = 'mara' }) {
      const issue = newIssue(server, user(by), title, body, null);
      issue.labels = labels.map((name) => labelOf(server, name));
      issue.assignees = assignees.map(user);
      issue.milestone = milestone ?? null;
      state.issues.push(issue);
      server.tell('issues', issue.user, {
        action: 'opened',
        number: issue.number,
        issue: server.issueWire(issue),
      });
      return issue;
    },
    editIssue(number, fields, by = 'mara') {
      const issue = self.issue(number);
      issue.updatedAt = server.now();
      if (fields.body !== undefined) issue.body = fields.body;
      if (fields.labels !== undefined) issue.labels = fields.labels.map((name) => labelOf(server, name));
      if (fields.state !== undefined) issue.state = fields.state;
      const [type, action] =
        fields.labels !== undefined
          ? ['issue_label', 'label_updated']
          : [
              'issues',
              fields.state === undefined ? 'edited' : fields.state === 'closed' ? 'closed' : 'reopened',
            ];
      server.tell(type ?? '', user(by), { action, number, issue: server.issueWire(issue) });
    },
    comment: (login, number, body) => addComment(server, user(login), self.issue(number), body),
    review(login, number, reviewState, body, comments = []) {
      const issue = self.issue(number);
      return addReview(server, user(login), issue, { state: reviewState, body, comments });
    },
    setStatus: (sha, context, statusState, description = '', by = 'lin') =>
      addStatus(server, user(by), {
        sha,
        context,
        state: statusState,
        description,
        url: 'https://ci.example.org/1',
      }),
    runWorkflow(sha, workflow, jobs) {
      const branch = state.issues.find((each) => each.pull?.sha === sha)?.pull?.head ?? 'main';
      const run: FakeRun = {
        ...{ id: server.nextId(), sha, branch, workflow, at: server.now() },
        jobs: jobs.map((job) => ({ id: server.nextId(), ...job })),
      };
      state.runs.push(run);
      for (const { name, conclusion } of jobs)
        addStatus(server, user('mara'), {
          ...{
            sha,
            context: `${workflow} / ${name} (push)`,
            state: conclusion,
            url: `/${OWNER}/${NAME}/actions`,
          },
          description: conclusion === 'failure' ? 'Failing after 3s' : 'Successful in 3s',
        });
      const { id } = run;
      server.tell('workflow_run', user('mara'), {
        action: 'completed',
        workflow_run: { id, head_sha: sha, head_branch: branch, status: 'completed', pull_requests: [] },
      });
    },
    async push(login, branch, files, message) {
      const before = await repository.branches();
      const sha = await repository.commit(branch, files, message);
      await server.refsMoved(before, user(login));
      return sha;
    },
    protect(rule) {
      const made: FakeProtection = {
        ...{ requiredApprovals: 0, checks: [], blockOnRejected: false, blockOnOutdated: false },
        ...{ dismissStale: false, pushers: [], ...rule },
      };
      state.protections.push(made);
      return made;
    },
    addHook(to, secret, events) {
      const hook = {
        id: server.nextId(),
        active: true,
        events: [...events],
        config: { url: to, content_type: 'json', secret },
      };
      state.hooks.push(hook);
      return hook;
    },
    issue(number) {
      const found = state.issues.find((each) => each.number === number);
      if (found === undefined) throw new Error(`there is no issue ${number}`);
      return found;
    },
    pulls: () => state.issues.filter((each) => each.pull !== null),
    setUnreliableHooks: (value) => sender.setUnreliable(value),
    settled: () => sender.settled(),
    async close() {
      await http.close();
      await sender.settled();
      await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
  return self;
}
