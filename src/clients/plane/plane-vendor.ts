import { HttpError } from '../../lib/http-client.ts';
import { nearest } from '../../lib/suggest.ts';
import { clockTold, isPrivateHost } from '../host-vendor.ts';
import type { VendorContext, VendorFinding, VendorKind, VendorProject } from '../vendor-kind.ts';
import { createPlaneClient, type PlaneClient } from './plane-client.ts';
import type { PlaneMember, PlaneProject } from './plane-types.ts';

/** What a project, its states and its comments take of the key's minute. */
const FEW_REQUESTS = 20;
const SHOWN_NAMES = 10;
const MEMBER_ROLE = 15;

export const planeVendor: VendorKind = {
  kind: 'plane',
  questions: [
    { setting: 'plane_url', text: 'Address of Plane', isSecret: false, isOptional: false },
    { setting: 'plane_workspace', text: 'Workspace (as in its address)', isSecret: false, isOptional: false },
    {
      ...{ setting: 'plane_api_token', isSecret: true, isOptional: false },
      text: 'API token of the account that Orch works as (Profile settings, API tokens)',
    },
    {
      ...{ setting: 'plane_webhook_secret', isSecret: true, isOptional: true },
      text: 'Secret of the webhook (Workspace settings, Webhooks; empty for none)',
    },
  ],
  trackerKeys: [{ key: 'project', text: 'Project in Plane (its identifier, such as WID)' }],
  inspect,
  // Plane has no call for it: its page makes them.
  addWebhook: null,
};

async function* inspect(context: VendorContext): AsyncGenerator<VendorFinding> {
  const { url, workspace, apiToken: token } = context.access.plane;
  if (url === null || workspace === null || token === null) {
    const isWanted = context.projects.length > 0 || url !== null || token !== null;
    yield {
      ...{ state: isWanted ? 'error' : 'skipped', text: isWanted ? 'not set up' : 'off' },
      fix: 'set ORCH_PLANE_URL, ORCH_PLANE_WORKSPACE and ORCH_PLANE_API_TOKEN',
    };
    return;
  }
  const left = { requests: Number.POSITIVE_INFINITY };
  const watched: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    const told = answer.headers.get('x-ratelimit-remaining');
    if (told !== null) left.requests = Number(told);
    return answer;
  };
  const client = createPlaneClient({ url, workspace, token, clock: context.now, fetch: watched });
  const me = yield* account(client, url);
  if (me === null) return;
  const projects = yield* workspaceThere(client, workspace);
  if (projects === null) return;
  yield* clockTold(client.skewMs() ?? 0);
  for (const project of context.projects) yield* projectThere(client, project, projects, me);
  yield* webhook(context, url);
  if (left.requests < FEW_REQUESTS)
    yield {
      ...{ state: 'warning', text: `only ${left.requests} requests of this minute are left to the key` },
      fix: "give Orch a key of its own, or raise Plane's API_KEY_RATE_LIMIT (300/minute)",
    };
}

async function* account(client: PlaneClient, url: string): AsyncGenerator<VendorFinding, PlaneMember | null> {
  try {
    const me = await client.me();
    yield {
      state: 'ok',
      text: `ORCH_PLANE_API_TOKEN is ${me.display_name || me.email || me.id} at ${url}`,
      fix: null,
    };
    return me;
  } catch (error) {
    const isRefused = error instanceof HttpError && (error.status === 401 || error.status === 403);
    yield {
      state: 'error',
      text: isRefused ? 'ORCH_PLANE_API_TOKEN is refused (Plane says 403)' : `${url}: ${wordsOf(error)}`,
      fix: isRefused
        ? 'make a token (Profile settings, API tokens) and set ORCH_PLANE_API_TOKEN'
        : `check plane_url: ${url}/api/v1/users/me/ has to answer from this machine`,
    };
    return null;
  }
}

async function* workspaceThere(
  client: PlaneClient,
  workspace: string,
): AsyncGenerator<VendorFinding, PlaneProject[] | null> {
  try {
    const projects = await client.projects();
    yield { state: 'ok', text: `sees ${projects.length} projects of the workspace ${workspace}`, fix: null };
    return projects;
  } catch (error) {
    yield {
      ...{ state: 'error', text: `workspace ${workspace}: ${wordsOf(error)}` },
      fix: 'set ORCH_PLANE_WORKSPACE to the slug in the address of the workspace, and invite the account there',
    };
    return null;
  }
}

async function* projectThere(
  client: PlaneClient,
  { key, tracker }: VendorProject,
  projects: readonly PlaneProject[],
  me: PlaneMember,
): AsyncGenerator<VendorFinding> {
  const config: TrackerKeys | null = tracker;
  if (config === null) return;
  const named = config.project ?? '';
  const project = projects.find(
    ({ id, identifier, name }) =>
      id === named || name === named || identifier.toUpperCase() === named.toUpperCase(),
  );
  if (project === undefined) {
    const known = projects.map(({ identifier }) => identifier);
    yield missing(`${key}: Plane has no project ${named}`, named, known, `projects.${key}.tracker.project`);
    return;
  }
  const members = await client.members(project.id);
  const own = members.find(({ id }) => id === me.id);
  if (own === undefined || (own.role ?? MEMBER_ROLE) < MEMBER_ROLE) {
    yield {
      state: 'error',
      text: `${key}: the account ${own === undefined ? 'is no member' : 'is only a guest'} of ${project.name}`,
      fix: `add it as a member of ${project.name} (project settings, Members)`,
    };
    return;
  }
  const labels = (await client.labels(project.id)).map(({ name }) => name);
  const states = (await client.states(project.id)).map(({ name }) => name);
  const people = members.flatMap(({ id, display_name, email }) =>
    [display_name, email, id].flatMap((each) => each ?? []),
  );
  const wanted = [
    ...[
      { field: 'label', name: config.label, known: labels },
      { field: 'state', name: config.state, known: states },
    ],
    { field: 'assignee', name: config.assignee, known: people },
    ...Object.entries(config.states ?? {}).map(([of, name]) => ({
      field: `states.${of}`,
      name,
      known: states,
    })),
  ];
  let isWhole = true;
  for (const { field, name, known } of wanted) {
    if (name === undefined || known.some((each) => each.toLowerCase() === name.toLowerCase())) continue;
    isWhole = false;
    yield missing(
      `${key}: ${project.identifier} has no ${kindOf(field)} ${name}`,
      name,
      known,
      `projects.${key}.tracker.${field}`,
    );
  }
  if (isWhole)
    yield {
      state: 'ok',
      text: `${key}: member of ${project.identifier}, and all its names are there`,
      fix: null,
    };
}

interface TrackerKeys {
  readonly project?: string;
  readonly label?: string;
  readonly state?: string;
  readonly assignee?: string;
  readonly states?: Readonly<Record<string, string>>;
}

function kindOf(field: string): string {
  return field.startsWith('states.') ? 'state' : field === 'assignee' ? 'member' : field;
}

function missing(text: string, name: string, known: readonly string[], where: string): VendorFinding {
  const near = nearest(name, known);
  const fix =
    near === null
      ? `set ${where} to one of ${known.slice(0, SHOWN_NAMES).join(', ')}${known.length > SHOWN_NAMES ? ' ...' : ''}`
      : `did you mean ${near}? Set ${where}`;
  return { state: 'error', text, fix };
}

async function* webhook(context: VendorContext, url: string): AsyncGenerator<VendorFinding> {
  const { publicUrl, webhookSecret, heard } = context;
  if (context.projects.length === 0) return;
  const page = 'Plane: Workspace settings, Webhooks (docs/adapters/plane.md)';
  if (webhookSecret === null || publicUrl === null) {
    yield {
      state: 'warning',
      text: `no webhook: ${webhookSecret === null ? 'its secret' : 'ORCH_PUBLIC_URL'} is not set, and Orch looks at regular times only`,
      fix:
        webhookSecret === null
          ? `make one on ${page}, then set ORCH_PLANE_WEBHOOK_SECRET`
          : 'set ORCH_PUBLIC_URL',
    };
    return;
  }
  const at = `${publicUrl}/webhooks/plane`;
  const receiver = URL.parse(publicUrl)?.hostname ?? '';
  const plane = URL.parse(url)?.hostname ?? '';
  if (receiver === 'localhost' || receiver === '127.0.0.1')
    yield {
      ...{ state: 'error', text: `Plane refuses to call ${receiver}, whatever is allowed` },
      fix: 'set ORCH_PUBLIC_URL to an address that Plane reaches',
    };
  else if (receiver === plane || receiver.endsWith(`.${plane}`))
    yield {
      ...{ state: 'warning', text: `${at} is on Plane's own host, which Plane does not call by itself` },
      fix: `set WEBHOOK_ALLOWED_HOSTS=${receiver} in Plane`,
    };
  else if (isPrivateHost(receiver))
    yield {
      ...{ state: 'warning', text: `${at} is a private address, which Plane does not call by itself` },
      fix: `set WEBHOOK_ALLOWED_IPS (a CIDR) or WEBHOOK_ALLOWED_HOSTS=${receiver} in Plane`,
    };
  const { takenAt, refusedAt } = (await heard?.()) ?? { takenAt: null, refusedAt: null };
  if (refusedAt !== null && refusedAt > (takenAt ?? 0))
    yield {
      ...{ state: 'error', text: 'its webhook is signed with another secret' },
      fix: `set ORCH_PLANE_WEBHOOK_SECRET to the secret that ${page} shows when a webhook is made`,
    };
  else if (takenAt !== null)
    yield { state: 'ok', text: 'its webhook arrives, signed as it should be', fix: null };
  else
    yield {
      ...{ state: 'skipped', text: 'no delivery has come since Orch was started' },
      fix: `change an item; if none comes, look at ${page}: it has to lead to ${at}, and be switched on`,
    };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : String(error);
}
