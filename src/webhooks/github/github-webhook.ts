import { signedBy } from '../signature.ts';
import type { Webhook, WebhookPlace } from '../webhook.ts';

const BRANCH = 'refs/heads/';
/** Nothing that GitHub names is longer. */
const MAX_NAME = 300;
/** Pull requests that one event names. */
const MAX_PULLS = 50;

export const githubWebhook: Webhook = {
  kind: 'github',
  ...signedBy({ 'x-hub-signature-256': 'sha256=' }),
  read(headers, body) {
    const event = headers('x-github-event') ?? '';
    const action = word(body, 'action');
    const at = word(body, 'repository', 'full_name');
    return {
      what: action === null ? event : `${event} ${action}`,
      // The same when a delivery is sent anew.
      delivery: headers('x-github-delivery'),
      actor: number(body, 'sender', 'id')?.toString() ?? null,
      places: at === null ? [] : placesOf(event, at, body),
    };
  },
};

function placesOf(event: string, at: string, body: unknown): WebhookPlace[] {
  switch (event) {
    case 'issues':
      return item(at, number(body, 'issue', 'number'));
    case 'issue_comment': {
      const id = number(body, 'issue', 'number');
      // A pull request is an issue to GitHub, and says so itself.
      return part(body, 'issue', 'pull_request') == null ? item(at, id) : pull(at, id);
    }
    case 'pull_request':
    case 'pull_request_review':
    case 'pull_request_review_comment':
    case 'pull_request_review_thread':
      return pull(at, number(body, 'pull_request', 'number'));
    case 'push': {
      const ref = word(body, 'ref') ?? '';
      return ref.startsWith(BRANCH) && ref !== BRANCH
        ? [{ kind: 'branch', at, branch: ref.slice(BRANCH.length) }]
        : [];
    }
    case 'status':
      return commit(at, word(body, 'sha'));
    case 'check_run':
    case 'check_suite':
    case 'workflow_run':
    case 'workflow_job':
      return [
        ...commit(at, word(body, event, 'head_sha')),
        ...pullsOf(at, part(body, event, 'pull_requests')),
      ];
    default:
      return [];
  }
}

function item(at: string, id: number | null): WebhookPlace[] {
  return id === null ? [] : [{ kind: 'item', at, id: String(id) }];
}

function pull(at: string, id: number | null): WebhookPlace[] {
  return id === null ? [] : [{ kind: 'pull_request', at, number: id }];
}

function commit(at: string, sha: string | null): WebhookPlace[] {
  return sha === null || !/^[0-9a-f]{40,64}$/.test(sha) ? [] : [{ kind: 'commit', at, commit: sha }];
}

function pullsOf(at: string, list: unknown): WebhookPlace[] {
  if (!Array.isArray(list)) return [];
  return list.slice(0, MAX_PULLS).flatMap((each: unknown) => pull(at, number(each, 'number')));
}

function part(of: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? Reflect.get(value, name)
        : undefined,
    of,
  );
}

function word(of: unknown, ...names: readonly string[]): string | null {
  const value = part(of, ...names);
  return typeof value === 'string' && value !== '' && value.length <= MAX_NAME ? value : null;
}

function number(of: unknown, ...names: readonly string[]): number | null {
  const value = part(of, ...names);
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}
