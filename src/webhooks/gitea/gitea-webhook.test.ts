import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requirement, suiteName } from '../../../test/support/requirements.ts';
import { giteaWebhook as webhook } from './gitea-webhook.ts';

const sha = 'a'.repeat(40);
const repository = { full_name: 'acme/widgets' };
const sender = { id: 7, login: 'lin' };
const at = 'acme/widgets';

/** Header names as they come, values by name. */
function headersOf(fields: Readonly<Record<string, string>>) {
  const lower = new Map(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]));
  return (name: string) => lower.get(name) ?? null;
}

function read(type: string, body: object, headers: Readonly<Record<string, string>> = {}) {
  return webhook.read(headersOf({ 'X-Gitea-Event-Type': type, ...headers }), { repository, sender, ...body });
}

it.each([
  ['issues', { action: 'opened', issue: { number: 4 } }, [{ kind: 'item', at, id: '4' }]],
  ['issue_label', { action: 'label_updated', issue: { number: 4 } }, [{ kind: 'item', at, id: '4' }]],
  ['issue_comment', { issue: { number: 4 }, is_pull: false }, [{ kind: 'item', at, id: '4' }]],
  ['issue_comment', { issue: { number: 5 }, is_pull: true }, [{ kind: 'pull_request', at, number: 5 }]],
  ['pull_request_comment', { issue: { number: 5 } }, [{ kind: 'pull_request', at, number: 5 }]],
  [
    'pull_request_review_rejected',
    { pull_request: { number: 5 } },
    [{ kind: 'pull_request', at, number: 5 }],
  ],
  ['pull_request_sync', { number: 5 }, [{ kind: 'pull_request', at, number: 5 }]],
  ['push', { ref: 'refs/heads/orch/api-1' }, [{ kind: 'branch', at, branch: 'orch/api-1' }]],
  ['push', { ref: 'refs/tags/v1' }, []],
  ['delete', { ref: 'orch/api-1', ref_type: 'branch' }, [{ kind: 'branch', at, branch: 'orch/api-1' }]],
  ['create', { ref: 'v1', ref_type: 'tag' }, []],
  ['status', { sha }, [{ kind: 'commit', at, commit: sha }]],
  ['status', { sha: 'short' }, []],
  ['workflow_run', { workflow_run: { head_sha: sha } }, [{ kind: 'commit', at, commit: sha }]],
  ['workflow_job', { workflow_job: { head_sha: sha } }, [{ kind: 'commit', at, commit: sha }]],
  ['release', { action: 'published' }, []],
  ['issues', { issue: { number: '4; rm' } }, []],
  ['issues', { repository: null, issue: { number: 4 } }, []],
])('%s of %o leads to %o', (type, body, places) => {
  expect(read(type, body).places).toEqual(places);
});

it('names what happened by the long name, its sender, and the delivery, of Forgejo too', () => {
  const body = { action: 'reviewed', pull_request: { number: 5 } };
  const headers = { 'X-Gitea-Event': 'pull_request_approved', 'X-Gitea-Delivery': 'd1' };
  expect(read('pull_request_review_approved', body, headers)).toMatchObject({
    ...{ what: 'pull_request_review_approved reviewed', delivery: 'd1', actor: '7' },
  });
  const forgejo = headersOf({ 'X-Forgejo-Event-Type': 'push', 'X-Forgejo-Delivery': 'd2' });
  expect(webhook.read(forgejo, { ref: 'refs/heads/a', repository })).toEqual({
    ...{ what: 'push', delivery: 'd2', actor: null, places: [{ kind: 'branch', at, branch: 'a' }] },
  });
});

it('finds nothing in a body that is none', () => {
  for (const body of [null, 'x', 12, [], { repository: 'x' }, { sender: { id: {} } }])
    expect(webhook.read(headersOf({}), body)).toEqual({
      what: 'unknown',
      delivery: null,
      actor: null,
      places: [],
    });
});

it('takes the signature of exactly these bytes, and never an empty one', () => {
  const body = Buffer.from('{ "a": 1 }');
  const hex = createHmac('sha256', 's').update(body).digest('hex');
  for (const header of ['x-gitea-signature', 'x-gogs-signature', 'x-forgejo-signature']) {
    expect(webhook.signatureHeaders).toContain(header);
    expect(webhook.isSigned(header, hex, body, 's')).toBe(true);
    expect(webhook.isSigned(header, `sha256=${hex}`, body, 's')).toBe(false);
  }
  expect(webhook.isSigned('x-hub-signature-256', `sha256=${hex}`, body, 's')).toBe(true);
  for (const [value, bytes, secret] of [
    ['', body, 's'],
    [hex.slice(1), body, 's'],
    [hex, Buffer.from('{"a":1}'), 's'],
    [hex, body, 'other'],
    [createHmac('sha256', '').update(body).digest('hex'), body, ''],
  ] as const)
    expect(webhook.isSigned('x-gitea-signature', value, bytes, secret)).toBe(false);
});

const shared = requirement('shared');

describe.skipIf(!shared.available)(suiteName('recorded deliveries of Gitea', shared), () => {
  interface Recorded {
    readonly secret: string;
    readonly events: Readonly<
      Record<string, { file: string; meaning: string; headers: Readonly<Record<string, string>> }>
    >;
  }
  const folder = join(shared.value, 'fixtures/webhooks/gitea');
  const recorded = shared.available
    ? (JSON.parse(readFileSync(join(folder, 'headers.json'), 'utf8')) as Recorded)
    : { secret: '', events: {} };

  it('are all signed as they say, but for the form, whose bytes are not what was signed', () => {
    const results = Object.entries(recorded.events).map(([name, { file, headers }]) => {
      const body = readFileSync(join(folder, file));
      const given = headersOf(headers);
      const present = webhook.signatureHeaders.filter((header) => given(header) !== null);
      expect(present.length).toBeGreaterThan(1);
      const signed = present.map((header) =>
        webhook.isSigned(header, given(header) ?? '', body, recorded.secret),
      );
      return [name, new Set(signed)] as const;
    });
    expect(results.length).toBeGreaterThan(25);
    for (const [name, signed] of results)
      expect([name, [...signed]]).toEqual([name, [!name.endsWith('.form')]]);
  });

  it('lead to the issue, the pull request, the branch or the commit that they are about', () => {
    const places: Record<string, unknown> = {};
    for (const [name, { file, headers }] of Object.entries(recorded.events)) {
      if (name.endsWith('.form')) continue;
      const event = webhook.read(headersOf(headers), JSON.parse(readFileSync(join(folder, file), 'utf8')));
      expect(event).toMatchObject({
        delivery: expect.stringMatching(/^[0-9a-f-]{36}$/),
        actor: expect.stringMatching(/^\d+$/),
      });
      expect(event.places).toHaveLength(1);
      places[name] = event.places[0];
    }
    for (const [name, place] of Object.entries(places)) {
      const kind = name.startsWith('issue')
        ? 'item'
        : name.startsWith('pull_request')
          ? 'pull_request'
          : /^(status|workflow)/.test(name)
            ? 'commit'
            : 'branch';
      expect([name, place]).toMatchObject([name, { kind, at: 'acme/widgets' }]);
    }
  });
});
