import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requirement, suiteName } from '../../../test/support/requirements.ts';
import { planeWebhook } from './plane-webhook.ts';

const shared = requirement('shared');
const ITEM = '2b9223e9-4020-42e1-805f-610f6d22c981';
const PROJECT = '0a24787e-a247-416c-9fc1-5147dacb4100';
const none = () => null;

describe('deliveries of Plane', () => {
  it.each([
    [
      'an item of v1',
      {
        event: 'issue',
        action: 'created',
        data: { id: 'i', project: 'p' },
        activity: { actor: { id: 'a' } },
      },
      { what: 'issue created', actor: 'a', places: [{ kind: 'item', at: 'p', id: 'i' }] },
    ],
    [
      'the older words of v1',
      { event: 'issue', action: 'create', data: { id: 'i', project: 'p' } },
      { what: 'issue create', places: [{ kind: 'item', at: 'p', id: 'i' }] },
    ],
    [
      'a comment of v1',
      { event: 'issue_comment', action: 'created', data: { id: 'c', issue: 'i', project: 'p' } },
      { places: [{ kind: 'item', at: 'p', id: 'i' }] },
    ],
    [
      'an item put into a cycle',
      { event: 'cycle_issue', action: 'created', data: { id: 'x', issue: 'i', project: 'p' } },
      { places: [] },
    ],
    [
      'an item of v2',
      {
        version: 'v2',
        event: 'workitem.updated',
        event_id: 'e',
        data: { id: 'i', project_id: 'p', updated_by_id: 'a' },
      },
      { delivery: 'e', actor: 'a', places: [{ kind: 'item', at: 'p', id: 'i' }] },
    ],
    [
      'a deleted item of v2',
      {
        version: 'v2',
        event: 'workitem.deleted',
        event_id: 'e',
        entity_id: 'i',
        data: {},
        previous_attributes: { id: 'i', project_id: 'p' },
      },
      { places: [{ kind: 'item', at: 'p', id: 'i' }] },
    ],
    [
      'a comment of v2 without its project',
      {
        version: 'v2',
        event: 'workitem.comment.created',
        workspace_id: 'w',
        data: { id: 'i', comment: { id: 'c', actor_id: 'a' } },
      },
      { actor: 'a', places: [{ kind: 'item', at: 'w', id: 'i' }] },
    ],
    [
      'the shape of the examples',
      {
        version: 'v2',
        event: 'WebhookScope.ScopeChoices.WORK_ITEM_UPDATED',
        entity_id: 'i',
        data: { id: 'i', project_id: 'None', updated_by_id: 'None' },
        workspace_id: 'w',
      },
      { actor: null, places: [{ kind: 'item', at: 'w', id: 'i' }] },
    ],
    [
      'another event of v2',
      { version: 'v2', event: 'cycle.created', entity_type: 'cycle', data: { id: 'x', project_id: 'p' } },
      { places: [] },
    ],
    ['nothing at all', null, { what: '', actor: null, delivery: null, places: [] }],
    ['a list', [1, 2], { places: [] }],
    ['wrong types', { event: 7, data: 'x', activity: [] }, { what: '', places: [] }],
  ])('are read: %s', (_what, body, event) => {
    expect(planeWebhook.read(none, body)).toMatchObject(event);
  });

  it('takes the header for the delivery where the body names none', () => {
    const read = planeWebhook.read((name) => (name === 'x-plane-delivery' ? 'd1' : null), { event: 'issue' });
    expect(read.delivery).toBe('d1');
  });

  it('never throws, whatever was signed', () => {
    const hostile = fc.oneof(
      fc.jsonValue(),
      fc.record({
        version: fc.constantFrom('v1', 'v2', 3),
        event: fc.jsonValue(),
        data: fc.jsonValue(),
        activity: fc.jsonValue(),
        previous_attributes: fc.jsonValue(),
        entity_id: fc.jsonValue(),
      }),
    );
    fc.assert(
      fc.property(hostile, (body) => {
        for (const place of planeWebhook.read(none, body).places)
          expect(place).toEqual({ kind: 'item', at: expect.any(String), id: expect.any(String) });
      }),
      { numRuns: 500 },
    );
  });
});

describe.skipIf(!shared.available)(suiteName('recorded deliveries of Plane', shared), () => {
  const folder = join(shared.value, 'fixtures/webhooks/plane');
  const recorded = (): Recorded => JSON.parse(readFileSync(join(folder, 'headers.json'), 'utf8')) as Recorded;
  const {
    secret = '',
    bot_user_id: bot = '',
    human_user_id: ada = '',
    events = {},
  } = shared.available ? recorded() : {};
  /** Those that name no project, and where to look then. */
  const WORKSPACE = 'c3633a9f-2367-4dd1-afe7-a60ee4404da5';
  const at: Readonly<Record<string, string>> = {
    v2_workitem_comment_created: WORKSPACE,
    issue_deleted: WORKSPACE,
  };
  const actors: Readonly<Record<string, string>> = {
    issue_comment_created_by_bot: bot,
    issue_comment_updated_by_bot: bot,
  };

  it.each(Object.keys(events))('%s is signed, and says where to look and who it was', (name) => {
    const { file, headers } = events[name] ?? { file: '', headers: {} };
    const bytes = readFileSync(join(folder, file));
    const header = (wanted: string) =>
      Object.entries(headers).find(([each]) => each.toLowerCase() === wanted)?.[1] ?? null;
    const signature = header('x-plane-signature') ?? '';
    expect(planeWebhook.isSigned('x-plane-signature', signature, bytes, secret)).toBe(true);
    expect(
      planeWebhook.isSigned('x-plane-signature', signature, Buffer.concat([bytes, Buffer.from(' ')]), secret),
    ).toBe(false);
    const event = planeWebhook.read(header, JSON.parse(bytes.toString()));
    expect(event.places).toEqual([{ kind: 'item', at: at[name] ?? PROJECT, id: ITEM }]);
    expect(event.delivery).toMatch(/^[0-9a-f-]{36}$/);
    expect(event.actor).toBe(actors[name] ?? (event.actor === bot ? bot : ada));
  });

  it('tells repeats of one event apart from other events', () => {
    const ids = Object.values(events).map(
      ({ file, headers }) =>
        planeWebhook.read(
          (name) => (name === 'x-plane-delivery' ? (headers['X-Plane-Delivery'] ?? null) : null),
          JSON.parse(readFileSync(join(folder, file), 'utf8')),
        ).delivery,
    );
    expect(new Set(ids).size).toBe(ids.length);
  });
});

interface Recorded {
  readonly secret: string;
  readonly bot_user_id: string;
  readonly human_user_id: string;
  readonly events: Readonly<
    Record<string, { readonly file: string; readonly headers: Readonly<Record<string, string>> }>
  >;
}
