import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requirement, suiteName } from '../../../test/support/requirements.ts';
import { githubWebhook } from './github-webhook.ts';

const shared = requirement('shared');
const SHA = 'a'.repeat(40);
const at = 'acme/widgets';
const repository = { full_name: at };
const headers = (event: string) => (name: string) =>
  ({ 'x-github-event': event, 'x-github-delivery': 'd1' })[name] ?? null;

describe('deliveries of GitHub', () => {
  it.each([
    ['issues', { issue: { number: 7 } }, [{ kind: 'item', at, id: '7' }]],
    ['issue_comment', { issue: { number: 7 } }, [{ kind: 'item', at, id: '7' }]],
    ['issue_comment', { issue: { number: 7, pull_request: {} } }, [{ kind: 'pull_request', at, number: 7 }]],
    ['pull_request', { pull_request: { number: 8 } }, [{ kind: 'pull_request', at, number: 8 }]],
    ['pull_request_review', { pull_request: { number: 8 } }, [{ kind: 'pull_request', at, number: 8 }]],
    ['push', { ref: 'refs/heads/orch/a' }, [{ kind: 'branch', at, branch: 'orch/a' }]],
    [
      'push',
      { ref: 'refs/heads/gone', deleted: true, head_commit: null },
      [{ kind: 'branch', at, branch: 'gone' }],
    ],
    ['push', { ref: 'refs/tags/v1' }, []],
    ['status', { sha: SHA }, [{ kind: 'commit', at, commit: SHA }]],
    [
      'check_run',
      { check_run: { head_sha: SHA, pull_requests: [{ number: 8 }] } },
      [
        { kind: 'commit', at, commit: SHA },
        { kind: 'pull_request', at, number: 8 },
      ],
    ],
    [
      'workflow_run',
      { workflow_run: { head_sha: SHA, pull_requests: [] } },
      [{ kind: 'commit', at, commit: SHA }],
    ],
    ['ping', { zen: 'x' }, []],
    ['star', { action: 'created' }, []],
  ])('of %s say where to look: %j', (event, body, places) => {
    const read = githubWebhook.read(headers(event), { ...body, repository, sender: { id: 5 } });
    expect(read).toEqual({ what: expect.stringContaining(event), delivery: 'd1', actor: '5', places });
  });

  it('without a repository concern nothing of ours', () => {
    expect(githubWebhook.read(headers('issues'), { issue: { number: 7 } }).places).toEqual([]);
  });

  it('never throw, whatever was signed', () => {
    const events = [
      'issues',
      'issue_comment',
      'pull_request',
      'push',
      'status',
      'check_suite',
      'workflow_run',
      'x',
    ];
    const hostile = fc.oneof(
      fc.jsonValue(),
      fc.record({
        repository: fc.oneof(fc.constant(repository), fc.jsonValue()),
        issue: fc.jsonValue(),
        pull_request: fc.jsonValue(),
        ref: fc.jsonValue(),
        sha: fc.jsonValue(),
        check_suite: fc.jsonValue(),
        workflow_run: fc.jsonValue(),
        sender: fc.jsonValue(),
      }),
    );
    fc.assert(
      fc.property(hostile, fc.constantFrom(...events), (body, event) => {
        for (const place of githubWebhook.read(headers(event), body).places) expect(place.at).toBe(at);
      }),
      { numRuns: 500 },
    );
  });
});

describe.skipIf(!shared.available)(suiteName('recorded deliveries of GitHub', shared), () => {
  const folder = join(shared.value, 'fixtures/webhooks/github');
  const { secret, events, bot_login }: Recorded = shared.available
    ? (JSON.parse(readFileSync(join(folder, 'headers.json'), 'utf8')) as Recorded)
    : { secret: '', events: {}, bot_login: '' };
  const kinds: Readonly<Record<string, readonly string[]>> = {
    ping: [],
    push: ['branch'],
    issues: ['item'],
    issue_comment: ['item', 'pull_request'],
    status: ['commit'],
    workflow_run: ['commit', 'pull_request'],
    check_suite: ['commit', 'pull_request'],
  };

  it.each(Object.keys(events))('%s is signed, and says where to look and who it was', (name) => {
    const { file, headers: recorded } = events[name] ?? { file: '', headers: {} };
    const bytes = readFileSync(join(folder, file));
    const header = (wanted: string) =>
      Object.entries(recorded).find(([each]) => each.toLowerCase() === wanted)?.[1] ?? null;
    const signature = header('x-hub-signature-256') ?? '';
    const isSigned = (value: string, of: Uint8Array) =>
      githubWebhook.isSigned('x-hub-signature-256', value, of, secret);
    expect([isSigned(signature, bytes), isSigned(signature, bytes.subarray(1)), isSigned('', bytes)]).toEqual(
      [true, false, false],
    );
    const body = JSON.parse(bytes.toString()) as {
      repository?: { full_name: string };
      sender?: { id: number; login: string };
    };
    const read = githubWebhook.read(header, body);
    const event = header('x-github-event') ?? '';
    const allowed = kinds[event] ?? ['pull_request'];
    expect(read.delivery).toBe(header('x-github-delivery'));
    expect(read.actor).toBe(body.sender === undefined ? null : String(body.sender.id));
    expect(read.places.length > 0).toBe(allowed.length > 0);
    for (const place of read.places) {
      expect(allowed).toContain(place.kind);
      expect(place.at).toBe(body.repository?.full_name);
    }
    // Its own events are known by the id of the sender, which `GET /user` tells.
    expect(body.sender?.login === bot_login).toBe(name.endsWith('_by_bot'));
  });

  it('of a comment on a pull request name that, not an issue', () => {
    const body: unknown = JSON.parse(
      readFileSync(join(folder, events['issue_comment_created_on_pr']?.file ?? ''), 'utf8'),
    );
    expect(githubWebhook.read(headers('issue_comment'), body).places).toMatchObject([
      { kind: 'pull_request' },
    ]);
  });
});

interface Recorded {
  readonly secret: string;
  readonly bot_login: string;
  readonly events: Readonly<
    Record<string, { readonly file: string; readonly headers: Readonly<Record<string, string>> }>
  >;
}
