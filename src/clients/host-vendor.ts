// What `orch doctor` and `orch init` do alike on Gitea and GitHub.
import { HttpError } from '../lib/http-client.ts';
import type { Secret } from '../lib/secret.ts';
import { wordsOf } from './host-client.ts';
import { type RepositoryName, repositoryName, repositoryOfAddress } from './repository-name.ts';
import type { VendorContext, VendorFinding, VendorProject } from './vendor-kind.ts';

const MAX_SKEW_MS = 60_000;
const MEND = 'orch init --webhooks';

/** A webhook as a vendor has it. */
export interface HostHook {
  readonly id: number;
  readonly url: string;
  readonly active: boolean;
  readonly events: readonly string[];
  readonly contentType: string;
}

/** A host as one account sees it. Methods throw what `failed` tells. */
export interface Host {
  readonly kind: 'gitea' | 'github';
  /** For people: `Gitea`. */
  readonly vendor: string;
  /** What it shows administrators alone. */
  readonly hidden: string;
  /** How the token comes to see a repository. */
  letIn(name: string): string;
  repository(at: RepositoryName): Promise<{
    readonly archived?: boolean | undefined;
    readonly permissions?: { readonly admin?: boolean; readonly push?: boolean } | undefined;
  }>;
  hooks(at: RepositoryName): Promise<readonly HostHook[]>;
  /** Makes a webhook, or sets that of this id anew. */
  writeHook(at: RepositoryName, id: number | null, to: { url: string; secret: string }): Promise<unknown>;
  /** Has the host send a delivery. */
  ping(at: RepositoryName, id: number): Promise<unknown>;
  readonly pingLimitMs: number;
  /** Events that a webhook has to tell of, and does not. */
  missing(events: readonly string[]): readonly string[];
  /** What to do when a delivery to this address never came. */
  reach(url: string): string;
  /** What an error of these says; null: it is none of the vendor's. */
  failed(error: unknown): Parameters<typeof wordsOf>[1];
}

/** A finding when the vendor's clock and ours are too far apart. */
export function* clockTold(
  skewMs: number,
  fix = 'let both machines keep their time with NTP (timedatectl set-ntp true)',
): Generator<VendorFinding> {
  if (!(Math.abs(skewMs) > MAX_SKEW_MS)) return;
  const off = `${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} ours`;
  yield { state: 'warning', text: `its clock is ${off}: new comments can be missed`, fix };
}

/** Whether there is another account that reviews; `account` tells whose a token is. */
export async function* reviewerTold(
  setting: string,
  token: Secret | null,
  author: string,
  account: (token: Secret) => AsyncGenerator<VendorFinding, string | null>,
): AsyncGenerator<VendorFinding> {
  const fix = `set ${setting} to a token of another user who may write to the repository`;
  if (token === null) {
    yield { state: 'warning', text: 'no second account: what Orch reviews is written as comments', fix };
    return;
  }
  const login = yield* account(token);
  if (login !== author) return;
  yield {
    ...{ state: 'error', fix },
    text: `both tokens are of ${login}, who may not approve its own pull requests`,
  };
}

/** What the account may do in the repository of a project, and how its webhook fares. */
export async function* projectTold(
  context: VendorContext,
  host: Host,
  project: VendorProject,
): AsyncGenerator<VendorFinding> {
  const at = repositoryOf(project);
  if (at === null) return; // the configuration group tells it
  const name = `${at.owner}/${at.name}`;
  const said = saidOf(project.key);
  let found: Awaited<ReturnType<Host['repository']>>;
  try {
    found = await host.repository(at);
  } catch (error) {
    const isGone = error instanceof HttpError && error.status === 404;
    const text = isGone ? `the token does not see ${name}` : wordsOf(error, host.failed(error));
    yield said('error', text, host.letIn(name));
    return;
  }
  const { admin = false, push = false } = found.permissions ?? {};
  if (found.archived === true) yield said('error', `${name} is archived`, `unarchive ${name}`);
  else if (!push)
    yield said('error', `no right to write to ${name}`, `give the account write permission on ${name}`);
  else {
    yield said('ok', `may ${admin ? 'administer' : 'write to'} ${name}`, null);
    if (context.webhookSecret === null)
      yield said('warning', 'no webhook secret: Orch looks at regular times only', MEND);
    else if (admin) yield* webhookTold(context, host, project.key, at);
    else
      yield said(
        'skipped',
        `only an administrator sees ${host.hidden} of ${name}`,
        `check the webhook by hand (docs/adapters/${host.kind}.md), or make the account an administrator there`,
      );
  }
}

async function* webhookTold(
  context: VendorContext,
  host: Host,
  project: string,
  at: RepositoryName,
): AsyncGenerator<VendorFinding> {
  const said = saidOf(project);
  const ours = await ourHook(context, host, at);
  if (ours === undefined) {
    yield said(
      'warning',
      `no webhook of ${at.owner}/${at.name} leads to ${context.publicUrl ?? ''}${routeOf(host)}`,
      MEND,
    );
    return;
  }
  const missing = host.missing(ours.events);
  if (!ours.active) yield said('warning', 'its webhook is switched off', MEND);
  if (missing.length > 0) yield said('warning', `its webhook does not tell of ${missing.join(', ')}`, MEND);
  if (ours.contentType !== 'json')
    yield said('warning', 'its webhook does not send JSON, which is refused', MEND);
  if (!ours.active || missing.length > 0) return;
  if (context.heard === null) {
    yield said('skipped', 'its webhook is there; orch up tells whether it arrives', null);
    return;
  }
  const before = await context.heard();
  await host.ping(at, ours.id);
  const until = performance.now() + host.pingLimitMs;
  while (performance.now() < until) {
    const now = await context.heard();
    if (now.takenAt !== before.takenAt) {
      yield said('ok', 'its webhook arrives, signed as it should be', null);
      return;
    }
    if (now.refusedAt !== before.refusedAt) {
      yield said('error', 'its webhook is signed with another secret', `${MEND} sets the secret anew`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  yield said('error', `${host.vendor} was told to call ${ours.url}, and nothing came`, host.reach(ours.url));
}

/** As `VendorKind.addWebhook`. */
export async function addWebhook(
  context: VendorContext,
  host: Host | null,
  project: VendorProject,
  secret: string,
): Promise<string> {
  const at = repositoryOf(project);
  if (host === null || at === null || context.publicUrl === null)
    throw new Error(`${project.key} has no repository there, or ORCH_PUBLIC_URL is not set`);
  const name = `${at.owner}/${at.name}`;
  try {
    const known = await ourHook(context, host, at);
    const url = `${context.publicUrl}${routeOf(host)}`;
    await host.writeHook(at, known?.id ?? null, { url, secret });
    return `webhook of ${name} ${known === undefined ? 'made' : 'set anew'}`;
  } catch (error) {
    throw new Error(`webhook of ${name}: ${wordsOf(error, host.failed(error))}`, { cause: error });
  }
}

async function ourHook({ publicUrl }: VendorContext, host: Host, at: RepositoryName) {
  const route = routeOf(host);
  const isOurs = (url: string) => (publicUrl === null ? url.endsWith(route) : url === `${publicUrl}${route}`);
  return (await host.hooks(at)).find(({ url }) => isOurs(url));
}

function routeOf({ kind }: Host): string {
  return `/webhooks/${kind}`;
}

function saidOf(project: string) {
  return (state: VendorFinding['state'], text: string, fix: string | null): VendorFinding => ({
    ...{ state, text: `${project}: ${text}`, fix },
  });
}

function repositoryOf({ repo, tracker, forge }: VendorProject): RepositoryName | null {
  const keys: readonly ({ readonly repo?: unknown } | null)[] = [forge, tracker];
  const named = keys.map((each) => each?.repo).find((each) => each !== undefined);
  return typeof named === 'string' ? repositoryName(named) : repositoryOfAddress(repo);
}

/** A host of a network of its own, as far as its name tells. */
export function isPrivateHost(host: string): boolean {
  return (
    /^(?:10|127)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^169\.254\.|^\[(?:::1|f[cd]|fe80)/i.test(host) ||
    /\.(?:local|lan|internal|home\.arpa)$/i.test(host) ||
    !host.includes('.')
  );
}
