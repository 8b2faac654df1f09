import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FakeHook } from './gitea-objects.ts';

/** What happens to deliveries on their way; each a share from 0 to 1. */
export interface Unreliable {
  /** Sent twice, with the same id. */
  duplicate?: number;
  drop?: number;
  /** Waits up to this long, so that later ones overtake it. */
  delayMs?: number;
  random: () => number;
}

export interface Sent {
  readonly event: string;
  readonly url: string;
  readonly status: number | null;
}

/** Names that a webhook may be made with; everything else is dropped without an error. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  issues: ['issues', 'issue_assign', 'issue_label', 'issue_milestone', 'issue_comment'],
  pull_request: [
    ...['pull_request', 'pull_request_assign', 'pull_request_label', 'pull_request_milestone'],
    ...['pull_request_comment', 'pull_request_review', 'pull_request_review_request', 'pull_request_sync'],
  ],
};
const SINGLE: readonly string[] = [
  ...[
    'create',
    'delete',
    'fork',
    'push',
    'wiki',
    'repository',
    'release',
    'package',
    'status',
    'workflow_run',
  ],
  ...['workflow_job', 'issues_only', 'pull_request_only'],
];

export function knownEvents(wanted: readonly string[]): string[] {
  const names = [...SINGLE, ...Object.values(GROUPS).flat()];
  const kept = wanted.filter((name) => names.includes(name)).flatMap((name) => GROUPS[name] ?? [name]);
  return kept.length === 0 ? ['push'] : kept;
}

/** The name in `X-Gitea-Event` by that in `X-Gitea-Event-Type`. */
function shortName(type: string): string {
  const review = /^pull_request_review_(approved|rejected|comment)$/.exec(type)?.[1];
  if (review !== undefined) return `pull_request_${review}`;
  if (type === 'pull_request_comment') return 'issue_comment';
  if (type.startsWith('issue_') && type !== 'issue_comment') return 'issues';
  return type.startsWith('pull_request_') ? 'pull_request' : type;
}

function subscription(type: string): string {
  return /^pull_request_review_(approved|rejected|comment)$/.test(type) ? 'pull_request_review' : type;
}

/** One try, five seconds, no repeat; the answer is noted. */
export function createSender() {
  const sent: Sent[] = [];
  const under = new Set<Promise<void>>();
  let unreliable: Unreliable | null = null;

  async function send(hook: FakeHook, type: string, body: object): Promise<void> {
    // Indented, and signed as it is on the wire.
    const raw = JSON.stringify(body, null, 2);
    const url = hook.config['url'] ?? '';
    const secret = hook.config['secret'] ?? '';
    const sign = (algorithm: string) => createHmac(algorithm, secret).update(raw).digest('hex');
    const signature = secret === '' ? '' : sign('sha256');
    const delivery = randomUUID();
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    for (const brand of ['Gitea', 'Gogs', 'GitHub']) {
      headers[`X-${brand}-Delivery`] = delivery;
      headers[`X-${brand}-Event`] = shortName(type);
      headers[`X-${brand}-Event-Type`] = type;
    }
    headers['X-Gitea-Signature'] = signature;
    headers['X-Gogs-Signature'] = signature;
    headers['X-Hub-Signature-256'] = signature === '' ? '' : `sha256=${signature}`;
    headers['X-Hub-Signature'] = signature === '' ? '' : `sha1=${sign('sha1')}`;
    const times = unreliable !== null && unreliable.random() < (unreliable.duplicate ?? 0) ? 2 : 1;
    if (unreliable !== null && unreliable.random() < (unreliable.drop ?? 0)) return;
    if (unreliable?.delayMs !== undefined) await sleep(unreliable.random() * unreliable.delayMs);
    for (let i = 0; i < times; i++) {
      const status = await fetch(url, {
        ...{ method: 'POST', headers, body: raw, signal: AbortSignal.timeout(5000) },
      }).then(
        (response) => response.status,
        () => null,
      );
      sent.push({ event: type, url, status });
    }
  }

  return {
    sent: sent as readonly Sent[],
    setUnreliable(value: Unreliable | null): void {
      unreliable = value;
    },
    tell(hooks: readonly FakeHook[], type: string, body: object): void {
      for (const hook of hooks) {
        if (!hook.active || !hook.events.includes(subscription(type))) continue;
        const sending = send(hook, type, body);
        under.add(sending);
        void sending.finally(() => under.delete(sending));
      }
    },
    async settled(): Promise<void> {
      while (under.size > 0) await Promise.all(under);
    },
  };
}
