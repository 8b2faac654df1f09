import { z } from 'zod';
import { path } from '../../lib/http-client.ts';
import type { Secret } from '../../lib/secret.ts';
import { wordsOf } from '../host-client.ts';
import {
  addWebhook,
  clockTold,
  type Host,
  isPrivateHost,
  projectTold,
  reviewerTold,
} from '../host-vendor.ts';
import type { RepositoryName } from '../repository-name.ts';
import type { VendorContext, VendorFinding, VendorKind } from '../vendor-kind.ts';
import { createGiteaClient, type GiteaClient, giteaFailure } from './gitea-client.ts';
import { hook, repository, token as tokenShape, version as versionShape } from './wire.ts';

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
const SCOPES = ['write:repository', 'write:issue', 'read:user'];
const REVIEWER_SCOPES = ['write:repository', 'read:user'];
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
  addWebhook(context, project, secret) {
    const { token } = context.access.gitea;
    const host = token === null ? null : hostOf(clientAt(context, token));
    return addWebhook(context, host, project, secret);
  },
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
  yield* reviewerTold('ORCH_GITEA_REVIEWER_TOKEN', reviewerToken, login, (second) =>
    account(clientAt(context, second), 'ORCH_GITEA_REVIEWER_TOKEN', REVIEWER_SCOPES),
  );
  const host = hostOf(client, server.version);
  for (const project of context.projects) yield* projectTold(context, host, project);
}

/** Which server answers, and whether its clock agrees with ours. */
async function serverOf(context: VendorContext, client: GiteaClient, url: string) {
  try {
    const answer = await client.send({ method: 'GET', path: '/version' });
    const { version } = versionShape.parse(answer.json());
    const skewMs = Date.parse(answer.headers.get('date') ?? '') - context.now();
    const there = { state: 'ok', text: `${serverName(version)} at ${url}`, fix: null } as const;
    return { version, findings: [there, ...clockTold(skewMs)] };
  } catch (error) {
    const fix = `check gitea_url: ${url}/api/v1/version has to answer from this machine`;
    return { version: null, findings: [{ state: 'error', text: `${url}: ${words(error)}`, fix } as const] };
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
    yield { state: 'error', text: `${setting}: ${words(error)}`, fix: anew };
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

function hostOf(client: GiteaClient, version = ''): Host {
  const below = (at: RepositoryName) => path`/repos/${at.owner}/${at.name}`;
  return {
    ...{ kind: 'gitea', vendor: 'Gitea', hidden: 'webhooks and protections', failed: giteaFailure },
    letIn: (name) => `add the account as a collaborator of ${name} with write permission`,
    repository: (at) => client.one(repository, { method: 'GET', path: below(at) }),
    async hooks(at) {
      const request = { method: 'GET', path: `${below(at)}/hooks` } as const;
      return (await client.all(z.array(hook), (all) => all, request)).map(
        ({ id, active, events, config: { url = '', content_type: contentType = 'json' } }) => ({
          ...{ id, active, events, url, contentType },
        }),
      );
    },
    writeHook(at, id, to) {
      // `active` is false by default, and without events it would tell of pushes alone.
      const body = { active: true, config: { content_type: 'json', ...to }, events: EVENTS };
      const hooks = `${below(at)}/hooks`;
      return id === null
        ? client.send({ method: 'POST', path: hooks, body: { type: 'gitea', branch_filter: '*', ...body } })
        : client.send({ method: 'PATCH', path: `${hooks}/${id}`, body });
    },
    ping: (at, id) => client.send({ method: 'POST', path: `${below(at)}/hooks/${id}/tests` }),
    pingLimitMs: DELIVERY_LIMIT_MS,
    missing: (events) =>
      NEEDED.filter((names) => !names.some((each) => events.includes(each))).flatMap(([each]) => each ?? []),
    reach: (url) =>
      isPrivateHost(URL.parse(url)?.hostname ?? '')
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

function clientAt({ access, now }: VendorContext, token: Secret): GiteaClient {
  return createGiteaClient({ url: access.gitea.url ?? '', token, now, timeoutMs: ASK_LIMIT_MS });
}

function words(error: unknown): string {
  return wordsOf(error, giteaFailure(error));
}
