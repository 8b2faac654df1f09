import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRepository, passwordOf, serveGit } from './git-host.ts';
import { type GithubIssue, type GithubReview, NAME, OWNER } from './github-objects.ts';
import { type Body, createApi, refuse } from './github-routes.ts';
import { createState } from './github-state.ts';
import { bodyOf, listen } from './listen.ts';

export type FakeGithub = Awaited<ReturnType<typeof startGithub>>;

/**
 * A stateful GitHub with one private repository: its API (as an Enterprise Server has it, under `/api/v3`), its git
 * over HTTP and its webhooks. Accounts `orch` and `reviewer`; `mara` and `lin` may write, `guest` may read.
 */
export async function startGithub(files: Readonly<Record<string, string>> = { 'README.md': '# Widgets\n' }) {
  const root = await mkdtemp(join(tmpdir(), 'fake-github-'));
  const repository = await createRepository(join(root, OWNER, `${NAME}.git`), files);
  const tokens = new Map<string, string>();
  const requests: string[] = [];
  const server = await listen(answer);
  const { url } = server;
  const state = createState(repository, url);
  const api = createApi(state);
  const { knobs, protection, issues, statuses, runs, hooks, user, issueOf, pullOf } = state;
  const { tell, newIssue, addComment, addReview, addStatus, issueWire, refsMoved, merge } = state;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = new URL(request.url ?? '/', url);
    const method = request.method ?? 'GET';
    if (address.pathname.startsWith('/_blob/')) {
      const isSigned = request.headers.authorization !== undefined;
      const run = runs.find(({ id }) => id === Number(address.pathname.split('/').at(-1)));
      response.writeHead(isSigned ? 400 : 200, { 'content-type': 'text/plain' }).end(run?.log ?? '');
      return;
    }
    if (!address.pathname.startsWith('/api/')) return git(request, response, address);
    const text = await bodyOf(request);
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
    const given = await api(method, address, user(login), text === '' ? {} : (JSON.parse(text) as Body));
    const { loseNext } = knobs;
    const isLost = method !== 'GET' && (typeof loseNext === 'function' ? loseNext(asked) : loseNext);
    if (isLost) knobs.loseNext = false;
    if (isLost || (trouble !== null && trouble.random() < trouble.after))
      return void request.socket.destroy();
    say(response, given);
  }

  async function git(request: IncomingMessage, response: ServerResponse, address: URL): Promise<void> {
    const login = tokens.get(passwordOf(request));
    if (login === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="GitHub"' }).end('Unauthorized\n');
      return;
    }
    const before = await repository.branches();
    await serveGit(request, response, { root, address, user: login, closedBranches: ['main'] });
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
      hooks.push({ id: state.nextId(), url: to, secret, events: ['*'], active: true });
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
      verdict: GithubReview['state'],
      body: string,
      comments: GithubReview['comments'] = [],
    ) => addReview(user(login), number, { state: verdict, body, comments, commit: pullOf(number).pull.sha }),
    setStatus: (sha: string, context: string, word: string, description = '') =>
      addStatus(user('lin'), { sha, context, state: word, description, url: 'https://ci.example.org/1' }),
    /** A check run; with a log it is a job of Actions. */
    runCheck(
      sha: string,
      name: string,
      conclusion: string | null,
      words: { summary?: string; log?: string } = {},
    ): void {
      const status = conclusion === null ? 'in_progress' : 'completed';
      const { summary = null, log = null } = words;
      runs.push({ id: state.nextId(), sha, name, status, conclusion, summary, log });
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
    settled: state.settled,
    async close(): Promise<void> {
      await server.close();
      await state.settled();
      await rm(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

function say(
  response: ServerResponse,
  { status, body, headers = {} }: { status: number; body?: unknown; headers?: Record<string, string> },
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
