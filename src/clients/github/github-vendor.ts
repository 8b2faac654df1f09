import { HttpError } from '../../lib/http-client.ts';
import type { Secret } from '../../lib/secret.ts';
import { wordsOf } from '../host-client.ts';
import { addWebhook, clockTold, type Host, projectTold, reviewerTold } from '../host-vendor.ts';
import type { RepositoryName } from '../repository-name.ts';
import type { VendorContext, VendorFinding, VendorKind } from '../vendor-kind.ts';
import { createGithubClient, type GithubClient, githubFailure } from './github-client.ts';
import { GITHUB } from './github-place.ts';

/** Events of the webhook that init makes. */
const EVENTS = [
  ...['push', 'issues', 'issue_comment', 'pull_request', 'pull_request_review'],
  ...['pull_request_review_comment', 'status', 'check_run', 'workflow_run'],
];
const ASK_LIMIT_MS = 6000;
const DELIVERY_LIMIT_MS = 5000;
const FEW_REQUESTS = 500;
const PERMISSIONS =
  'contents, pull requests, issues and commit statuses (read and write), checks and Actions (read); a classic token: repo';

export const githubVendor: VendorKind = {
  kind: 'github',
  questions: [
    {
      ...{ setting: 'github_url', isSecret: false, isOptional: true },
      text: 'Address of a GitHub Enterprise Server (empty for github.com)',
    },
    {
      ...{ setting: 'github_token', isSecret: true, isOptional: false },
      text: `Token of the user that Orch works as (${PERMISSIONS})`,
    },
    {
      ...{ setting: 'github_reviewer_token', isSecret: true, isOptional: true },
      text: 'Token of a second user that reviews (pull requests: read and write; empty for none)',
    },
  ],
  inspect,
  addWebhook(context, project, secret) {
    const { token } = context.access.github;
    const host = token === null ? null : hostOf(clientAt(context, token));
    return addWebhook(context, host, project, secret);
  },
};

async function* inspect(context: VendorContext): AsyncGenerator<VendorFinding> {
  const { token, reviewerToken } = context.access.github;
  if (token === null) {
    const isWanted = context.projects.length > 0;
    yield {
      ...{ state: isWanted ? 'error' : 'skipped', text: isWanted ? 'not set up' : 'off' },
      fix: 'set ORCH_GITHUB_TOKEN',
    };
    return;
  }
  const client = clientAt(context, token);
  const login = yield* account(client, 'ORCH_GITHUB_TOKEN');
  if (login === null) return;
  yield* limits(client, context);
  yield* reviewerTold('ORCH_GITHUB_REVIEWER_TOKEN', reviewerToken, login, (second) =>
    account(clientAt(context, second), 'ORCH_GITHUB_REVIEWER_TOKEN'),
  );
  const host = hostOf(client);
  for (const project of context.projects) yield* projectTold(context, host, project);
}

async function* account(client: GithubClient, setting: string): AsyncGenerator<VendorFinding, string | null> {
  try {
    const { login } = await client.own();
    // Classic tokens alone have scopes.
    const scopes = client.lastHeaders()?.get('x-oauth-scopes') ?? null;
    const has = (scopes ?? '').split(',').map((each) => each.trim());
    if (scopes !== null && scopes !== '' && !has.includes('repo')) {
      yield {
        ...{ state: 'error', text: `the token of ${login} lacks the scope repo (it has ${scopes})` },
        fix: `make a token with ${PERMISSIONS}, and set ${setting}`,
      };
      return null;
    }
    yield { state: 'ok', text: `${setting} is ${login}`, fix: null };
    return login;
  } catch (error) {
    const isRefused = error instanceof HttpError && error.status === 401;
    yield {
      state: 'error',
      text: `${setting}: ${wordsOf(error, githubFailure(error))}`,
      fix: isRefused
        ? `make a token with ${PERMISSIONS}, and set ${setting}`
        : 'check github_url, and that GitHub can be reached from this machine',
    };
    return null;
  }
}

async function* limits(client: GithubClient, { now }: VendorContext): AsyncGenerator<VendorFinding> {
  const headers = client.lastHeaders();
  const skewMs = Date.parse(headers?.get('date') ?? '') - now();
  yield* clockTold(skewMs, 'let this machine keep its time with NTP (timedatectl set-ntp true)');
  const told = headers?.get('x-ratelimit-remaining') ?? null;
  if (told !== null && Number(told) < FEW_REQUESTS)
    yield {
      ...{ state: 'warning', text: `only ${told} requests of this hour are left to the token` },
      fix: 'give Orch a user of its own: the requests of a user are counted over all its tokens',
    };
}

function hostOf(client: GithubClient): Host {
  const hooks = '/repos/{owner}/{repo}/hooks';
  const repoOf = ({ owner, name: repo }: RepositoryName) => ({ owner, repo });
  return {
    ...{ kind: 'github', vendor: 'GitHub', hidden: 'the webhooks', failed: githubFailure },
    letIn: (name) => `give the account write access to ${name}, and the token access to that repository`,
    repository: (at) => client.send('GET /repos/{owner}/{repo}', repoOf(at)),
    async hooks(at) {
      const all = await client.all(`GET ${hooks}`, repoOf(at), (found) => found);
      return all.map(({ id, active, events, config: { url = '', content_type: contentType = 'form' } }) => ({
        ...{ id: Number(id), active, events, url, contentType },
      }));
    },
    writeHook(at, id, to) {
      const config = { ...to, content_type: 'json', insecure_ssl: '0' };
      const body = { ...repoOf(at), active: true, config, events: EVENTS };
      return id === null
        ? client.send(`POST ${hooks}`, { ...body, name: 'web' })
        : client.send(`PATCH ${hooks}/{hook_id}`, { ...body, hook_id: id });
    },
    ping: (at, hook_id) => client.send(`POST ${hooks}/{hook_id}/pings`, { ...repoOf(at), hook_id }),
    pingLimitMs: DELIVERY_LIMIT_MS,
    missing: (events) => (events.includes('*') ? [] : EVENTS.filter((event) => !events.includes(event))),
    reach: () =>
      'the address has to be reachable from GitHub; the page of the webhook shows what it got (Recent deliveries)',
  };
}

function clientAt({ access, now }: VendorContext, token: Secret): GithubClient {
  return createGithubClient({ url: access.github.url ?? GITHUB, token, clock: now, timeoutMs: ASK_LIMIT_MS });
}
