import { signedBy } from '../signature.ts';
import type { Webhook, WebhookEvent, WebhookHeaders, WebhookPlace } from '../webhook.ts';

/** Deliveries of Gitea and Forgejo. Both send GitHub's headers too, so theirs are looked at first. */
export const giteaWebhook: Webhook = {
  kind: 'gitea',
  ...signedBy({
    'x-gitea-signature': 'hex',
    'x-gogs-signature': 'hex',
    'x-forgejo-signature': 'hex',
    'x-hub-signature-256': 'sha256=',
  }),
  read(headers, body) {
    // The long name: `X-Gitea-Event` says `pull_request_approved` where the documents say otherwise.
    const type = first(headers, 'event-type') ?? first(headers, 'event') ?? 'unknown';
    const action = textAt(body, 'action');
    const at = textAt(body, 'repository', 'full_name');
    const actor = valueAt(body, 'sender', 'id');
    return {
      what: action === null ? type : `${type} ${action}`,
      delivery: first(headers, 'delivery'),
      actor: typeof actor === 'number' ? String(actor) : null,
      places: at === null ? [] : placesOf(type, at, body),
    };
  },
};

const ITEM_EVENTS: readonly string[] = [
  'issues',
  'issue_assign',
  'issue_label',
  'issue_milestone',
  'issue_comment',
];

function placesOf(type: string, at: string, body: unknown): WebhookEvent['places'] {
  if (type === 'push') return branch(at, textAt(body, 'ref')?.replace(/^refs\/heads\//, '') ?? null);
  if (type === 'create' || type === 'delete')
    return textAt(body, 'ref_type') === 'branch' ? branch(at, textAt(body, 'ref')) : [];
  if (type === 'status') return commit(at, textAt(body, 'sha'));
  if (type === 'workflow_run') return commit(at, textAt(body, 'workflow_run', 'head_sha'));
  if (type === 'workflow_job') return commit(at, textAt(body, 'workflow_job', 'head_sha'));
  const issue = valueAt(body, 'issue', 'number');
  // A comment on a pull request carries its issue, by the same number.
  if (type === 'pull_request_comment' || (type === 'issue_comment' && valueAt(body, 'is_pull') === true))
    return pull(at, issue);
  if (ITEM_EVENTS.includes(type)) return isNumber(issue) ? [{ kind: 'item', at, id: String(issue) }] : [];
  if (type === 'pull_request' || type.startsWith('pull_request_'))
    return pull(at, valueAt(body, 'pull_request', 'number') ?? valueAt(body, 'number'));
  return [];
}

function branch(at: string, name: string | null): WebhookPlace[] {
  // A tag's full name is no branch.
  return name === null || name === '' || name.startsWith('refs/')
    ? []
    : [{ kind: 'branch', at, branch: name }];
}

function commit(at: string, sha: string | null): WebhookPlace[] {
  return sha === null || !/^[0-9a-f]{40,64}$/.test(sha) ? [] : [{ kind: 'commit', at, commit: sha }];
}

function pull(at: string, number: unknown): WebhookPlace[] {
  return isNumber(number) ? [{ kind: 'pull_request', at, number }] : [];
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function first(headers: WebhookHeaders, name: string): string | null {
  for (const brand of ['gitea', 'forgejo', 'gogs']) {
    const value = headers(`x-${brand}-${name}`);
    if (value !== null && value !== '') return value;
  }
  return null;
}

function textAt(body: unknown, ...keys: readonly string[]): string | null {
  const value = valueAt(body, ...keys);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Undefined for everything that is not there. */
function valueAt(body: unknown, ...keys: readonly string[]): unknown {
  let value = body;
  for (const key of keys) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
