import { z } from 'zod';
import { HttpError, path } from '../../lib/http-client.ts';
import type { Secret } from '../../lib/secret.ts';
import { type RepositoryName, repositoryName, repositoryOfAddress } from '../repository-name.ts';
import type { Heard, VendorContext, VendorFinding, VendorKind, VendorProject } from '../vendor-kind.ts';
import { createGiteaClient, type GiteaClient, giteaFailure } from './gitea-client.ts';
import { type GiteaHook, hook, repository, token as tokenShape, version as versionShape } from './wire.ts';

/** Events of the webhook that init makes; names that Gitea does not know it drops without a word. */
const EVENTS = ['push', 'delete', 'pull_request', 'issues', 'status', 'workflow_run'];
/** What it is no use without, as a server lists them. */
const NEEDED: readonly (readonly string[])[] = [
  ['push'],
  ['status'],
  ['issues', 'issues_only'],
  ['issue_label'],
  ['issue_comment'],
  ['pull_request', 'pull_request_only'],
  ['pull_request_sync'],
  ['pull_request_comment'],
  ['pull_request_review', 'pull_request_review_approved'],
];
const ROUTE = '/webhooks/gitea';
const SCOPES = ['write:repository', 'write:issue', 'read:user'];
const REVIEWER_SCOPES = ['write:repository', 'read:user'];
const MAX_SKEW_MS = 60_000;
const ASK_LIMIT_MS = 4000;
const DELIVERY_LIMIT_MS = 3000;

export const giteaVendor: VendorKind = {
  kind: 'gitea',
  questions: [
    { setting: 'gitea_url', text: 'Address of Gitea or Forgejo', isSecret: false, isOptional: false },
    {
      ...{ setting: 'gitea_token', isSecret: true, isOptional: false },
      text: `Token of the user that Orch works as (scopes ${SCOPES.join(', ')})`,
    },
    {
      ...{ setting: 'gitea_reviewer_token', isSecret: true, isOptional: true },
      text: `Token of a second user that reviews (scopes ${REVIEWER_SCOPES.join(', ')}; empty for none)`,
    },
  ],
  inspect,
  addWebhook,
};

async function* inspect(context: VendorContext): AsyncGenerator<VendorFinding> {
  const { url, token, reviewerToken } = context.access.gitea;
  if (url === null || token === null) {
    const isWanted = context.projects.length > 0 || url !== null || token !== null;
    yield {
      ...{ state: isWanted ? 'error' : 'skipped', text: isWanted ? 'not set up' : 'off' },
      fix: 'set ORCH_GITEA_URL and ORCH_GITEA_TOKEN',
    };
    return;
  }
  const client = clientAt(context, token);
  const server = await serverOf(context, client, url);
  yield* server.findings;
  if (server.version === null) return;
  const login = yield* account(client, 'ORCH_GITEA_TOKEN', SCOPES);
  if (login === null) return;
  yield* reviewer(context, reviewerToken, login);
  for (const project of context.projects) yield* projectThere(context, client, project, server.version);
}

/** Which server answers, and whether its clock agrees with ours. */
async function serverOf(context: VendorContext, client: GiteaClient, url: string) {
  try {
    const answer = await client.send({ method: 'GET', path: '/version' });
    const { version } = versionShape.parse(answer.json());
    const findings: VendorFinding[] = [{ state: 'ok', text: `${serverName(version)} at ${url}`, fix: null }];
    const skewMs = Date.parse(answer.headers.get('date') ?? '') - context.now();
    if (Math.abs(skewMs) > MAX_SKEW_MS)
      findings.push({
        state: 'warning',
        text: `its clock is ${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} ours: new comments can be missed`,
        fix: 'let both machines keep their time with NTP (timedatectl set-ntp true)',
      });
    return { version, findings };
  } catch (error) {
    const fix = `check gitea_url: ${url}/api/v1/version has to answer from this machine`;
    return { version: null, findings: [{ state: 'error', text: `${url}: ${wordsOf(error)}`, fix } as const] };
  }
}

/** Forgejo names the Gitea that it speaks like: `11.0.3+gitea-1.22.0`. */
function serverName(version: string): string {
  const [own = version, gitea] = version.split('+gitea-');
  return gitea === undefined ? `Gitea ${version}` : `Forgejo ${own} (as Gitea ${gitea})`;
}

/** Who the token belongs to and what it may; the login, or null when nothing further can be asked. */
async function* account(
  client: GiteaClient,
  setting: string,
  wanted: readonly string[],
): AsyncGenerator<VendorFinding, string | null> {
  const anew = `make a token with ${wanted.join(', ')} (Settings, Applications) and set ${setting}`;
  let login: string;
  try {
    ({ login } = await client.own());
  } catch (error) {
    yield { state: 'error', text: `${setting}: ${wordsOf(error)}`, fix: anew };
    return null;
  }
  const scopes = await client.one(tokenShape, { method: 'GET', path: '/token' }).then(
    (found) => found.scopes,
    () => null,
  );
  const missing = wanted.filter(
    (scope) =>
      !(scopes ?? ['all']).some(
        (each) => each === 'all' || each === scope || each === scope.replace('read:', 'write:'),
      ),
  );
  if (missing.length > 0) {
    yield { state: 'error', text: `the token of ${login} lacks the scope ${missing.join(', ')}`, fix: anew };
    return null;
  }
  yield {
    state: 'ok',
    text: `${setting} is ${login}${scopes === null ? '' : `, scopes ${scopes.join(', ')}`}`,
    fix: null,
  };
  if (scopes === null)
    yield {
      state: 'skipped',
      text: 'this server does not tell the scopes of a token (Gitea 1.27 and later do)',
      fix: `needed are ${wanted.join(', ')}`,
    };
  return login;
}

async function* reviewer(
  context: VendorContext,
  token: Secret | null,
  author: string,
): AsyncGenerator<VendorFinding> {
  const fix = 'set ORCH_GITEA_REVIEWER_TOKEN to a token of another user who may write to the repository';
  if (token === null) {
    yield { state: 'warning', text: 'no second account: what Orch reviews is written as comments', fix };
    return;
  }
  const login = yield* account(clientAt(context, token), 'ORCH_GITEA_REVIEWER_TOKEN', REVIEWER_SCOPES);
  if (login === author)
    yield {
      ...{ state: 'error', fix },
      text: `both tokens are of ${login}, who may not approve its own pull requests`,
    };
}

async function* projectThere(
  context: VendorContext,
  client: GiteaClient,
  project: VendorProject,
  version: string,
): AsyncGenerator<VendorFinding> {
  const at = repositoryOf(project);
  if (at === null) return; // the configuration group tells it
  const name = `${at.owner}/${at.name}`;
  let found: z.output<typeof repository>;
  try {
    found = await client.one(repository, { method: 'GET', path: path`/repos/${at.owner}/${at.name}` });
  } catch (error) {
    const isGone = error instanceof HttpError && error.status === 404;
    yield {
      ...{
        state: 'error',
        text: `${project.key}: ${isGone ? `the token does not see ${name}` : wordsOf(error)}`,
      },
      fix: `add the account as a collaborator of ${name} with write permission`,
    };
    return;
  }
  const { admin = false, push = false } = found.permissions ?? {};
  if (found.archived || !push) {
    yield {
      ...{
        state: 'error',
        text: `${project.key}: ${found.archived ? `${name} is archived` : `no right to write to ${name}`}`,
      },
      fix: found.archived ? `unarchive ${name}` : `give the account write permission on ${name}`,
    };
    return;
  }
  yield { state: 'ok', text: `${project.key}: may ${admin ? 'administer' : 'write to'} ${name}`, fix: null };
  if (!admin) {
    yield {
      ...{
        state: 'skipped',
        text: `${project.key}: only an administrator sees webhooks and protections of ${name}`,
      },
      fix: 'check the webhook by hand (docs/adapters/gitea.md), or make the account an administrator there',
    };
    return;
  }
  yield* webhookOf(context, client, project.key, at, version);
}

async function* webhookOf(
  context: VendorContext,
  client: GiteaClient,
  project: string,
  at: RepositoryName,
  version: string,
): AsyncGenerator<VendorFinding> {
  const make = 'orch init --webhooks';
  const said = (text: string, fix: string = make): VendorFinding => ({
    state: 'warning',
    text: `${project}: ${text}`,
    fix,
  });
  if (context.webhookSecret === null) {
    yield said('no webhook secret: Orch looks at regular times only');
    return;
  }
  const ours = (await hooksOf(client, at)).find((each) => isOurs(each, context));
  if (ours === undefined) {
    yield said(`no webhook of ${at.owner}/${at.name} leads to ${context.publicUrl ?? ''}${ROUTE}`);
    return;
  }
  const missing = NEEDED.filter((names) => !names.some((each) => ours.events.includes(each)));
  if (!ours.active) yield said('its webhook is switched off');
  if (missing.length > 0)
    yield said(`its webhook does not tell of ${missing.map(([each]) => each).join(', ')}`);
  if ((ours.config['content_type'] ?? 'json') !== 'json')
    yield said('its webhook does not send JSON, which is refused');
  if (!ours.active || missing.length > 0) return;
  if (context.heard === null) {
    yield {
      state: 'skipped',
      text: `${project}: its webhook is there; orch up tells whether it arrives`,
      fix: null,
    };
    return;
  }
  yield* delivery(context.heard, client, project, at, ours, version);
}

/** Has Gitea send a delivery, and looks whether it came. */
async function* delivery(
  heard: () => Promise<Heard>,
  client: GiteaClient,
  project: string,
  at: RepositoryName,
  { id, config }: GiteaHook,
  version: string,
): AsyncGenerator<VendorFinding> {
  const before = await heard();
  const below = path`/repos/${at.owner}/${at.name}/hooks/${id}/tests`;
  await client.send({ method: 'POST', path: below });
  const until = performance.now() + DELIVERY_LIMIT_MS;
  while (performance.now() < until) {
    const now = await heard();
    if (now.takenAt !== before.takenAt) {
      yield { state: 'ok', text: `${project}: its webhook arrives, signed as it should be`, fix: null };
      return;
    }
    if (now.refusedAt !== before.refusedAt) {
      const fix = 'orch init --webhooks sets the secret anew';
      yield { state: 'error', text: `${project}: its webhook is signed with another secret`, fix };
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const host = URL.parse(config['url'] ?? '')?.hostname ?? '';
  yield {
    state: 'error',
    text: `${project}: Gitea was told to call ${config['url'] ?? ''}, and nothing came`,
    fix: isPrivate(host)
      ? `let Gitea call private addresses: ${allowList(version)}`
      : 'the address has to be reachable from the machine of Gitea; its log says why it is not',
  };
}

/** Where a server says that it may call addresses of its own network. */
function allowList(version: string): string {
  const isNew = !version.includes('+gitea-') && Number.parseInt(version, 10) >= 28;
  return isNew
    ? '[security] ALLOWED_HOST_LIST with the host (and its port in strict EGRESS_MODE) in app.ini'
    : '[webhook] ALLOWED_HOST_LIST = private (or loopback) in app.ini';
}

function isPrivate(host: string): boolean {
  return (
    /^(?:10|127)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^169\.254\.|^\[(?:::1|f[cd]|fe80)/i.test(host) ||
    /^localhost$|\.(?:local|lan|internal|home\.arpa)$/i.test(host) ||
    !host.includes('.')
  );
}

async function addWebhook(context: VendorContext, project: VendorProject, secret: string): Promise<string> {
  const { token } = context.access.gitea;
  const at = repositoryOf(project);
  if (token === null || at === null || context.publicUrl === null)
    throw new Error(`${project.key} has no repository on Gitea, or ORCH_PUBLIC_URL is not set`);
  const client = clientAt(context, token);
  const hooks = path`/repos/${at.owner}/${at.name}/hooks`;
  const config = { url: `${context.publicUrl}${ROUTE}`, content_type: 'json', secret };
  const name = `${at.owner}/${at.name}`;
  try {
    const known = (await hooksOf(client, at)).find((each) => isOurs(each, context));
    if (known !== undefined) {
      const body = { active: true, config, events: EVENTS };
      await client.send({ method: 'PATCH', path: `${hooks}/${known.id}`, body });
      return `webhook of ${name} set anew`;
    }
    // `active` is false by default, and without events it would tell of pushes alone.
    const body = { type: 'gitea', active: true, config, events: EVENTS, branch_filter: '*' };
    await client.send({ method: 'POST', path: hooks, body });
    return `webhook of ${name} made`;
  } catch (error) {
    throw new Error(`webhook of ${name}: ${wordsOf(error)}`, { cause: error });
  }
}

function hooksOf(client: GiteaClient, at: RepositoryName): Promise<GiteaHook[]> {
  const request = { method: 'GET', path: path`/repos/${at.owner}/${at.name}/hooks` } as const;
  return client.all(z.array(hook), (all) => all, request);
}

function isOurs({ config }: GiteaHook, { publicUrl }: VendorContext): boolean {
  const url = config['url'] ?? '';
  return publicUrl === null ? url.endsWith(ROUTE) : url === `${publicUrl}${ROUTE}`;
}

function repositoryOf({ repo, tracker, forge }: VendorProject): RepositoryName | null {
  const named = [forge, tracker]
    .map((each) => (each !== null && 'repo' in each ? each.repo : undefined))
    .find((each) => each !== undefined);
  return typeof named === 'string' ? repositoryName(named) : repositoryOfAddress(repo);
}

function clientAt({ access, now }: VendorContext, token: Secret): GiteaClient {
  return createGiteaClient({ url: access.gitea.url ?? '', token, now, timeoutMs: ASK_LIMIT_MS });
}

function wordsOf(error: unknown): string {
  const failed = giteaFailure(error);
  if (failed === null) return error instanceof Error ? error.message : String(error);
  const { what, status, said, hint } = failed;
  return `${status === null ? '' : `${what} answered ${status}: `}${said}${hint === undefined ? '' : ` (${hint})`}`;
}
