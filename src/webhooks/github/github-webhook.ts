import { branch, commit, item, numberAt, pull, valueAt, wordAt } from '../places.ts';
import { signedBy } from '../signature.ts';
import type { Webhook, WebhookPlace } from '../webhook.ts';

/** Pull requests that one event names. */
const MAX_PULLS = 50;

export const githubWebhook: Webhook = {
  kind: 'github',
  ...signedBy({ 'x-hub-signature-256': 'sha256=' }),
  read(headers, body) {
    const event = headers('x-github-event') ?? '';
    const action = wordAt(body, 'action');
    const at = wordAt(body, 'repository', 'full_name');
    return {
      what: action === null ? event : `${event} ${action}`,
      // The same when a delivery is sent anew.
      delivery: headers('x-github-delivery'),
      actor: numberAt(body, 'sender', 'id')?.toString() ?? null,
      places: at === null ? [] : placesOf(event, at, body),
    };
  },
};

function placesOf(event: string, at: string, body: unknown): WebhookPlace[] {
  switch (event) {
    case 'issues':
      return item(at, numberAt(body, 'issue', 'number'));
    case 'issue_comment': {
      const id = numberAt(body, 'issue', 'number');
      // A pull request is an issue to GitHub, and says so itself.
      return valueAt(body, 'issue', 'pull_request') == null ? item(at, id) : pull(at, id);
    }
    case 'pull_request':
    case 'pull_request_review':
    case 'pull_request_review_comment':
    case 'pull_request_review_thread':
      return pull(at, numberAt(body, 'pull_request', 'number'));
    case 'push':
      return branch(at, wordAt(body, 'ref'));
    case 'status':
      return commit(at, wordAt(body, 'sha'));
    case 'check_run':
    case 'check_suite':
    case 'workflow_run':
    case 'workflow_job':
      return [
        ...commit(at, wordAt(body, event, 'head_sha')),
        ...pullsOf(at, valueAt(body, event, 'pull_requests')),
      ];
    default:
      return [];
  }
}

function pullsOf(at: string, list: unknown): WebhookPlace[] {
  if (!Array.isArray(list)) return [];
  return list.slice(0, MAX_PULLS).flatMap((each: unknown) => pull(at, numberAt(each, 'number')));
}
