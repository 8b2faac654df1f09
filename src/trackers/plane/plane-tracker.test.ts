import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Plane, startPlane } from '../../../test/fakes/plane.ts';
import { delivery, failing } from '../../core/test-kit.ts';
import { Secret } from '../../lib/secret.ts';
import type { Tracker, TrackerFeed } from '../tracker.ts';
import { planeTracker } from './plane-tracker.ts';
import { planeContext } from './test-kit.ts';

let plane: Plane;
let now = 0;
const signal = new AbortController().signal;
const trackerOf = (config?: Readonly<Record<string, unknown>>) =>
  planeTracker.create(planeContext(plane, config, () => now));
const feedOf = (tracker: Tracker): TrackerFeed => {
  if (tracker.feed === null) throw new Error('Plane has a feed');
  return tracker.feed;
};
const matching = async (config?: Readonly<Record<string, unknown>>) =>
  (await feedOf(trackerOf(config)).matching(signal)).map(({ key }) => key);

beforeEach(async () => {
  now = Date.now();
  plane = await startPlane({ pageSize: 3 });
});
afterEach(() => plane.close());

describe('items of Plane', () => {
  it('are read in the words of people', async () => {
    const { id } = plane.item({
      ...{ name: 'Login form', description_html: '<p>Steps: <strong>submit</strong></p>', priority: 'high' },
      ...{ labels: ['bug', 'agent'] },
    });
    expect(await trackerOf().item(id)).toMatchObject({
      ...{ id, key: 'WID-1', title: 'Login form', body: 'Steps: **submit**', status: 'Todo', isOpen: true },
      ...{ labels: ['bug', 'agent'], mismatch: null, blockedBy: [], author: null, priority: 60 },
      url: `${plane.url}/acme/projects/${plane.project.id}/issues/${id}`,
    });
  });

  it('match by label, state and person, each by its name, judged here: Plane ignores filters', async () => {
    plane.item({ labels: ['agent'] });
    plane.item({ labels: ['agent'], state: 'Backlog', assignees: [plane.bot] });
    plane.item({ labels: ['bug'], assignees: [plane.bot] });
    plane.item({ labels: ['agent'], state: 'Done' });
    expect(await matching()).toEqual(['WID-1', 'WID-2']);
    expect(await matching({ project: 'wid', label: 'AGENT', state: 'todo' })).toEqual(['WID-1']);
    expect(await matching({ project: 'Widgets', assignee: 'orch-bot' })).toEqual(['WID-2', 'WID-3']);
    expect(await matching({ project: plane.project.id, assignee: 'ORCH-bot@example.com' })).toEqual([
      'WID-2',
      'WID-3',
    ]);
    expect(await matching({ project: 'WID', label: 'nobody-has-it' })).toEqual([]);
  });

  it('match only when they are work: no drafts, nothing archived', async () => {
    plane.item({ labels: ['agent'], is_draft: true });
    plane.item({ labels: ['agent'], archived_at: '2026-11-01' });
    expect(await matching()).toEqual([]);
  });

  it('stay in their rule while Orch itself moves them, but nobody else starts work by such a move', async () => {
    const config = { project: 'WID', label: 'agent', state: 'Todo', states: { needs_you: 'In Review' } };
    const item = plane.item({ labels: ['agent'] });
    const tracker = trackerOf(config);
    for (const status of ['in_progress', 'needs_you'] as const) {
      await tracker.setStatus(item.id, status, 'development', delivery(status));
      expect((await tracker.item(item.id))?.mismatch).toBeNull();
      expect(await matching(config)).toEqual([]);
    }
    plane.change(item, { state: 'Backlog' });
    expect((await tracker.item(item.id))?.mismatch).toBe('is Backlog, not Todo');
    plane.change(item, { state: 'Todo', labels: [] });
    expect((await tracker.item(item.id))?.mismatch).toBe('label agent is missing');
  });

  it('wait for those that their text names, wherever these are', async () => {
    plane.item({ state: 'Done' });
    plane.item();
    const { id } = plane.item({
      labels: ['agent'],
      description_html:
        '<p>Text</p><ul><li>Depends on WID-1, WID-2</li><li>Blocked by WID-99, UTF-8 and WID-3</li></ul><pre><code>Blocked by WID-4</code></pre>',
    });
    plane.item();
    const blockedBy = [
      { key: 'WID-1', isOpen: false },
      { key: 'WID-2', isOpen: true },
    ];
    expect(await trackerOf().item(id)).toMatchObject({ blockedBy });
    expect(await feedOf(trackerOf()).matching(signal)).toMatchObject([{ blockedBy }]);
  });

  it('are told of by the nearest, when none matches', async () => {
    plane.item();
    plane.item({ labels: ['bug'] });
    plane.item({ labels: ['agent'], state: 'Cancelled' });
    const tracker = trackerOf();
    await feedOf(tracker).matching(signal);
    expect(await tracker.survey()).toMatchObject({
      ...{ source: 'Plane', rule: 'label agent in WID', seen: 3, matching: 0, lookedAt: now },
      nearest: [
        { key: 'WID-2', why: 'label agent is missing' },
        { key: 'WID-1', why: 'label agent is missing' },
      ],
    });
  });

  it('are gone only when Plane itself says so', async () => {
    const { id } = plane.item();
    const tracker = trackerOf();
    await tracker.item(id);
    const itself = (_method: string, path: string) => path.endsWith(`${id}/`);
    plane.fail({ status: 404, body: { error: 'The requested resource does not exist.' } }, itself);
    expect(await tracker.item(id)).toBeNull();
    plane.fail({ status: 404, body: { message: 'no such route' } }, itself);
    expect(await failing(tracker.item(id))).toMatchObject({ kind: 'unreachable' });
    for (const status of [401, 403, 502]) {
      plane.failAlways({ status, retryAfter: 0 });
      expect(await failing(tracker.item(id))).toMatchObject({ kind: 'unreachable' });
      plane.failAlways(null);
    }
  });
});

describe('what Orch writes in Plane', () => {
  it('moves items to the states it is told, else to the first of the group', async () => {
    const { id } = plane.item();
    const tracker = trackerOf();
    const moved = async (status: 'in_progress' | 'needs_you' | 'done' | 'cancelled', of = tracker) => {
      await of.setStatus(id, status, 's', delivery(status));
      return plane.stateOf(id);
    };
    expect([
      await moved('in_progress'),
      await moved('needs_you'),
      await moved('done'),
      await moved('cancelled'),
    ]).toEqual(['In Progress', 'In Progress', 'Done', 'Cancelled']);
    const named = trackerOf({
      project: 'WID',
      label: 'x',
      states: { in_progress: 'In Review', needs_you: 'Backlog' },
    });
    expect([await moved('in_progress', named), await moved('needs_you', named)]).toEqual([
      'In Review',
      'Backlog',
    ]);
  });

  it('says which states there are when it was told another', async () => {
    const { id } = plane.item();
    const tracker = trackerOf({ project: 'WID', label: 'x', states: { done: 'Donne' } });
    await expect(tracker.setStatus(id, 'done', 's', delivery('d'))).rejects.toMatchObject({
      ...{ code: 'tracker.refused', message: 'WID has no state Donne' },
      hint: expect.stringContaining('In Review, Done'),
    });
  });

  it('leaves labels and people alone when it moves an item', async () => {
    const { id } = plane.item({ labels: ['agent', 'bug'], assignees: [plane.ada] });
    await trackerOf().setStatus(id, 'done', 's', delivery('d'));
    expect(plane.items.get(id)).toMatchObject({
      labels: [plane.labelId('agent'), plane.labelId('bug')],
      assignees: [plane.ada.id],
    });
  });

  it('lets nothing of an agent run in the browser of a person', async () => {
    const { id } = plane.item();
    await trackerOf().comment(
      id,
      'see <script>alert(1)</script> [x](javascript:alert(1)) **here**',
      delivery('k'),
    );
    const [comment] = plane.commentsOf(id);
    expect(comment?.comment_html).not.toMatch(/<script|href="javascript/);
    expect(comment?.comment_html).toContain('<strong>here</strong>');
  });

  it('links the pull request of the report once', async () => {
    const { id } = plane.item();
    const tracker = trackerOf();
    const report = 'In review: [#12](https://git.example/acme/widgets/pulls/12)';
    await tracker.report(id, report, delivery('r1'));
    await tracker.report(id, `${report} again`, delivery('r2'));
    await trackerOf().report(id, `${report} after a restart`, delivery('r3'));
    expect(plane.links).toMatchObject([{ issue: id, url: 'https://git.example/acme/widgets/pulls/12' }]);
    expect(plane.commentsOf(id)).toHaveLength(1);
  });

  it('writes the report anew when somebody removed it', async () => {
    const { id } = plane.item();
    const tracker = trackerOf();
    await tracker.report(id, 'one', delivery('r1'));
    plane.comments.clear();
    await tracker.report(id, 'two', delivery('r2')).catch(() => undefined);
    await tracker.report(id, 'three', delivery('r3'));
    expect(plane.commentsOf(id).map(({ comment_html }) => comment_html)).toEqual(['<p>three</p>']);
  });

  it('keeps the keys of two items apart, and long ones short', async () => {
    const [one, two] = [plane.item(), plane.item()];
    const tracker = trackerOf();
    const key = 'k'.repeat(400);
    for (const { id } of [one, two, one]) await tracker.comment(id, 'x', delivery(key));
    expect([plane.commentsOf(one.id), plane.commentsOf(two.id)].map((all) => all.length)).toEqual([1, 1]);
    expect([...plane.comments.values()].every(({ external_id }) => (external_id ?? '').length <= 255)).toBe(
      true,
    );
  });

  it('comes back when Plane says so', async () => {
    const { id } = plane.item();
    plane.fail({ status: 429, retryAfter: 30 }, (method) => method === 'POST');
    expect(await failing(trackerOf().comment(id, 'x', delivery('k')))).toMatchObject({
      ...{ kind: 'unreachable', done: 'no', retryAfterMs: 30_000 },
    });
  });

  it('tells what may be wrong when the key is refused', async () => {
    const context = planeContext({ url: plane.url, key: 'plane_api_wrong' });
    await expect(feedOf(planeTracker.create(context)).matching(signal)).rejects.toMatchObject({
      ...{ code: 'tracker.unreachable', hint: expect.stringContaining('ORCH_PLANE_API_TOKEN') },
    });
    expect(() =>
      planeTracker.create({
        ...context,
        access: { ...context.access, plane: { url: null, workspace: null, apiToken: new Secret('x') } },
      }),
    ).toThrow('not set up');
  });
});

describe('comments in Plane', () => {
  it('come oldest first, without those of the account of Orch, with whether their author may write', async () => {
    const item = plane.item();
    const tracker = trackerOf();
    plane.say(item, '<p>/orch retry</p>');
    await tracker.comment(item.id, 'spent', delivery('k'));
    await tracker.report(item.id, 'report', delivery('r'));
    plane.say(item, '<p>me too</p>', plane.guest);
    plane.say(item, '<p>/orch retry</p>', plane.bot);
    expect(await feedOf(tracker).comments(item.id, null, signal)).toMatchObject([
      { body: '/orch retry', by: { id: plane.ada.id, name: 'ada', mayWrite: true } },
      { body: 'me too', by: { name: 'gus', mayWrite: false } },
    ]);
  });

  it('are believed as little as whoever changed them last', async () => {
    const item = plane.item();
    const comment = plane.say(item, '<p>x</p>');
    comment.updated_by = plane.guest.id;
    expect(await feedOf(trackerOf()).comments(item.id, null, signal)).toMatchObject([
      { by: { mayWrite: false } },
    ]);
  });

  it('give no authority to whom the sender merely names as their creator', async () => {
    const item = plane.item();
    const comment = plane.say(item, '<p>/orch approve</p>', plane.guest);
    Object.assign(comment, { created_by: plane.ada.id });
    expect(await feedOf(trackerOf()).comments(item.id, null, signal)).toMatchObject([
      { by: { id: plane.guest.id, mayWrite: false } },
    ]);
  });

  it('are those since a time, edited ones too', async () => {
    const item = plane.item();
    const old = plane.say(item, '<p>old</p>');
    const edited = plane.say(item, '<p>edited</p>');
    for (const each of [old, edited])
      Object.assign(each, { updated_at: '2026-01-01T00:00:00Z', created_at: '2026-01-01T00:00:00Z' });
    edited.updated_at = '2026-02-01T00:00:00Z';
    const since = Date.parse('2026-01-15T00:00:00Z');
    expect(await feedOf(trackerOf()).comments(item.id, since, signal)).toMatchObject([{ body: 'edited' }]);
  });
});

describe('a delivery', () => {
  it('may be about the project before its id is known, and then is or is not', async () => {
    const feed = feedOf(trackerOf());
    expect(feed.isAbout('anything')).toBe(true);
    await feed.matching(signal);
    expect([feed.isAbout(plane.project.id), feed.isAbout(plane.workspace), feed.isAbout('other')]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('the match rule', () => {
  it('has the same fingerprint for the same rule, and another for another', () => {
    const print = (config: Readonly<Record<string, unknown>>) => feedOf(trackerOf(config)).rule.fingerprint;
    expect(print({ project: 'WID', label: 'agent' })).toBe(
      print({ project: 'wid', label: 'agent', states: { done: 'Done' } }),
    );
    expect(
      new Set([
        print({ project: 'WID', label: 'agent' }),
        print({ project: 'WID', label: 'bug' }),
        print({ project: 'WID', state: 'agent' }),
        print({ project: 'X', label: 'agent' }),
      ]).size,
    ).toBe(4);
  });

  it('has to ask for something', () => {
    expect(planeTracker.check?.({ project: 'WID' }, '')).toMatchObject([{ key: 'label' }]);
    expect(planeTracker.check?.({ project: 'WID', state: 'Todo' }, '')).toEqual([]);
  });
});
