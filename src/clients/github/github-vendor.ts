import { HttpError } from '../../lib/http-client.ts';
import type { Secret } from '../../lib/secret.ts';
import { type RepositoryName, repositoryName, repositoryOfAddress } from '../repository-name.ts';
import type { VendorContext, VendorFinding, VendorKind, VendorProject } from '../vendor-kind.ts';
import { createGithubClient, type GithubClient, githubFailure } from './github-client.ts';
import { GITHUB } from './github-place.ts';

/** Events of the webhook that init makes. */
const EVENTS = [
  ...['push', 'issues', 'issue_comment', 'pull_request', 'pull_request_review'],
  ...['pull_request_review_comment', 'status', 'check_run', 'workflow_run'],
];
const ROUTE = '/webhooks/github';
const MAX_SKEW_MS = 60_000;
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
  addWebhook,
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
  yield* reviewer(context, reviewerToken, login);
  for (const project of context.projects) yield* projectThere(context, client, project);
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
      text: `${setting}: ${wordsOf(error)}`,
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
  if (Math.abs(skewMs) > MAX_SKEW_MS)
    yield {
      state: 'warning',
      text: `its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} ours: new comments can be missed`,
      fix: 'let this machine keep its time with NTP (timedatectl set-ntp true)',
    };
  const told = headers?.get('x-ratelimit-remaining') ?? null;
  if (told !== null && Number(told) < FEW_REQUESTS)
    yield {
      ...{ state: 'warning', text: `only ${told} requests of this hour are left to the token` },
      fix: 'give Orch a user of its own: the requests of a user are counted over all its tokens',
    };
}

async function* reviewer(
  context: VendorContext,
  token: Secret | null,
  author: string,
): AsyncGenerator<VendorFinding> {
  const fix = 'set ORCH_GITHUB_REVIEWER_TOKEN to a token of another user who may write to the repository';
  if (token === null) {
    yield { state: 'warning', text: 'no second account: what Orch reviews is written as comments', fix };
    return;
  }
  const login = yield* account(clientAt(context, token), 'ORCH_GITHUB_REVIEWER_TOKEN');
  if (login === author)
    yield {
      ...{ state: 'error', fix },
      text: `both tokens are of ${login}, who may not approve its own pull requests`,
    };
}

async function* projectThere(
  context: VendorContext,
  client: GithubClient,
  project: VendorProject,
): AsyncGenerator<VendorFinding> {
  const at = repositoryOf(project);
  if (at === null) return; // the configuration group tells it
  const name = `${at.owner}/${at.name}`;
  const said = (state: VendorFinding['state'], text: string, fix: string | null): VendorFinding => ({
    ...{ state, text: `${project.key}: ${text}`, fix },
  });
  let found: { archived?: boolean; permissions?: { admin?: boolean; push?: boolean } };
  try {
    found = await client.send('GET /repos/{owner}/{repo}', { owner: at.owner, repo: at.name });
  } catch (error) {
    const isGone = error instanceof HttpError && error.status === 404;
    const text = isGone ? `the token does not see ${name}` : wordsOf(error);
    yield said(
      'error',
      text,
      `give the account write access to ${name}, and the token access to that repository`,
    );
    return;
  }
  const { admin = false, push = false } = found.permissions ?? {};
  if (found.archived === true) yield said('error', `${name} is archived`, `unarchive ${name}`);
  else if (!push)
    yield said('error', `no right to write to ${name}`, `give the account write access to ${name}`);
  else {
    yield said('ok', `may ${admin ? 'administer' : 'write to'} ${name}`, null);
    if (context.webhookSecret === null)
      yield said('warning', 'no webhook secret: Orch looks at regular times only', 'orch init --webhooks');
    else if (admin) yield* webhookOf(context, client, project.key, at);
    else {
      const fix = 'check the webhook by hand (docs/adapters/github.md)';
      yield said('skipped', `only an administrator sees the webhooks of ${name}`, fix);
    }
  }
}

async function* webhookOf(
  context: VendorContext,
  client: GithubClient,
  project: string,
  at: RepositoryName,
): AsyncGenerator<VendorFinding> {
  const warning = (text: string): VendorFinding => ({
    ...{ state: 'warning', text: `${project}: ${text}`, fix: 'orch init --webhooks' },
  });
  const ours = await hookOf(context, client, at);
  if (ours === null) {
    yield warning(`no webhook of ${at.owner}/${at.name} leads to ${context.publicUrl ?? ''}${ROUTE}`);
    return;
  }
  const missing = ours.events.includes('*') ? [] : EVENTS.filter((event) => !ours.events.includes(event));
  if (!ours.active) yield warning('its webhook is switched off');
  if (missing.length > 0) yield warning(`its webhook does not tell of ${missing.join(', ')}`);
  if (ours.config.content_type !== 'json') yield warning('its webhook does not send JSON, which is refused');
  if (!ours.active || missing.length > 0) return;
  if (context.heard === null) {
    const text = `${project}: its webhook is there; orch up tells whether it arrives`;
    yield { state: 'skipped', text, fix: null };
    return;
  }
  const before = await context.heard();
  await client.send('POST /repos/{owner}/{repo}/hooks/{hook_id}/pings', {
    owner: at.owner,
    repo: at.name,
    hook_id: Number(ours.id),
  });
  const until = performance.now() + DELIVERY_LIMIT_MS;
  while (performance.now() < until) {
    const now = await context.heard();
    if (now.takenAt !== before.takenAt) {
      yield { state: 'ok', text: `${project}: its webhook arrives, signed as it should be`, fix: null };
      return;
    }
    if (now.refusedAt !== before.refusedAt) {
      const text = `${project}: its webhook is signed with another secret`;
      yield { state: 'error', text, fix: 'orch init --webhooks sets the secret anew' };
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  yield {
    state: 'error',
    text: `${project}: GitHub was told to call ${ours.config.url ?? ''}, and nothing came`,
    fix: 'the address has to be reachable from GitHub; the page of the webhook shows what it got (Recent deliveries)',
  };
}

async function addWebhook(context: VendorContext, project: VendorProject, secret: string): Promise<string> {
  const { token } = context.access.github;
  const at = repositoryOf(project);
  if (token === null || at === null || context.publicUrl === null)
    throw new Error(`${project.key} has no repository on GitHub, or ORCH_PUBLIC_URL is not set`);
  const client = clientAt(context, token);
  const repo = { owner: at.owner, repo: at.name };
  const config = { url: `${context.publicUrl}${ROUTE}`, content_type: 'json', secret, insecure_ssl: '0' };
  const name = `${at.owner}/${at.name}`;
  try {
    const known = await hookOf(context, client, at);
    if (known !== null) {
      const body = { ...repo, hook_id: Number(known.id), active: true, config, events: EVENTS };
      await client.send('PATCH /repos/{owner}/{repo}/hooks/{hook_id}', body);
      return `webhook of ${name} set anew`;
    }
    await client.send('POST /repos/{owner}/{repo}/hooks', {
      ...repo,
      name: 'web',
      active: true,
      config,
      events: EVENTS,
    });
    return `webhook of ${name} made`;
  } catch (error) {
    throw new Error(`webhook of ${name}: ${wordsOf(error)}`, { cause: error });
  }
}

async function hookOf(
  { publicUrl }: VendorContext,
  client: GithubClient,
  { owner, name: repo }: RepositoryName,
) {
  const hooks = await client.all('GET /repos/{owner}/{repo}/hooks', { owner, repo }, (all) => all);
  const isOurs = (url: string) => (publicUrl === null ? url.endsWith(ROUTE) : url === `${publicUrl}${ROUTE}`);
  return hooks.find(({ config }) => isOurs(config.url ?? '')) ?? null;
}

function repositoryOf({ repo, tracker, forge }: VendorProject): RepositoryName | null {
  const keys: readonly ({ readonly repo?: unknown } | null)[] = [forge, tracker];
  const named = keys.map((each) => each?.repo).find((each) => each !== undefined);
  return typeof named === 'string' ? repositoryName(named) : repositoryOfAddress(repo);
}

function clientAt({ access, now }: VendorContext, token: Secret): GithubClient {
  return createGithubClient({ url: access.github.url ?? GITHUB, token, clock: now, timeoutMs: ASK_LIMIT_MS });
}

function wordsOf(error: unknown): string {
  const failed = githubFailure(error);
  if (failed === null) return error instanceof Error ? error.message : String(error);
  const { what, status, said, hint } = failed;
  return `${status === null ? '' : `${what} answered ${status}: `}${said}${hint === undefined ? '' : ` (${hint})`}`;
}
