import { branch, commit, item, numberAt, pull, valueAt, wordAt } from '../places.ts';
import { signedBy } from '../signature.ts';
import type { Webhook, WebhookHeaders, WebhookPlace } from '../webhook.ts';

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
    const action = wordAt(body, 'action');
    const at = wordAt(body, 'repository', 'full_name');
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

function placesOf(type: string, at: string, body: unknown): WebhookPlace[] {
  if (type === 'push') return branch(at, wordAt(body, 'ref'));
  if (type === 'create' || type === 'delete')
    return wordAt(body, 'ref_type') === 'branch' ? branch(at, wordAt(body, 'ref')) : [];
  if (type === 'status') return commit(at, wordAt(body, 'sha'));
  if (type === 'workflow_run') return commit(at, wordAt(body, 'workflow_run', 'head_sha'));
  if (type === 'workflow_job') return commit(at, wordAt(body, 'workflow_job', 'head_sha'));
  const issue = numberAt(body, 'issue', 'number');
  // A comment on a pull request carries its issue, by the same number.
  if (type === 'pull_request_comment' || (type === 'issue_comment' && valueAt(body, 'is_pull') === true))
    return pull(at, issue);
  if (ITEM_EVENTS.includes(type)) return item(at, issue);
  if (type === 'pull_request' || type.startsWith('pull_request_'))
    return pull(at, numberAt(body, 'pull_request', 'number') ?? numberAt(body, 'number'));
  return [];
}

function first(headers: WebhookHeaders, name: string): string | null {
  for (const brand of ['gitea', 'forgejo', 'gogs']) {
    const value = headers(`x-${brand}-${name}`);
    if (value !== null && value !== '') return value;
  }
  return null;
}
