import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Plane, startPlane } from '../../../test/fakes/plane.ts';
import { Secret } from '../../lib/secret.ts';
import type { VendorContext, VendorFinding } from '../vendor-kind.ts';
import { planeVendor } from './plane-vendor.ts';

let plane: Plane;
beforeEach(async () => {
  plane = await startPlane();
});
afterEach(() => plane.close());

async function found(
  tracker: Readonly<Record<string, unknown>> = { project: 'WID', label: 'agent' },
  more: Partial<VendorContext> & { key?: string; workspace?: string } = {},
): Promise<VendorFinding[]> {
  const none = { url: null, token: null, reviewerToken: null };
  const context: VendorContext = {
    access: {
      ...{ gitea: none, github: none },
      plane: {
        url: plane.url,
        workspace: more.workspace ?? 'acme',
        apiToken: new Secret(more.key ?? plane.key),
      },
    },
    ...{ webhookSecret: new Secret('s'), publicUrl: 'https://orch.example.org', now: Date.now, heard: null },
    projects: [{ key: 'api', repo: '/srv/x', tracker: { kind: 'plane', ...tracker }, forge: null }],
    ...more,
  };
  const findings: VendorFinding[] = [];
  for await (const each of planeVendor.inspect(context)) findings.push(each);
  return findings;
}
const troubles = async (...args: Parameters<typeof found>) =>
  (await found(...args)).filter(({ state }) => state === 'error' || state === 'warning');

it('finds an installation well', async () => {
  expect((await found()).map(({ state, text }) => [state, text])).toEqual([
    ['ok', `ORCH_PLANE_API_TOKEN is orch-bot at ${plane.url}`],
    ['ok', 'sees 1 projects of the workspace acme'],
    ['ok', 'api: member of WID, and all its names are there'],
    ['skipped', 'no delivery has come since Orch was started'],
  ]);
});

it('is silent where Plane is not used', async () => {
  const none = { url: null, token: null, reviewerToken: null };
  const access = { gitea: none, github: none, plane: { url: null, workspace: null, apiToken: null } };
  expect(await found({}, { access, projects: [] })).toMatchObject([{ state: 'skipped', text: 'off' }]);
  expect(await found({}, { access })).toMatchObject([{ state: 'error', text: 'not set up' }]);
});

it.each([
  ['a wrong key', {}, { key: 'plane_api_wrong' }, 'is refused', 'make a token'],
  ['a wrong workspace', {}, { workspace: 'acmee' }, 'workspace acmee', 'slug'],
  ['a wrong project', { project: 'WOD' }, {}, 'no project WOD', 'did you mean WID?'],
  [
    'a wrong label',
    { project: 'WID', label: 'agnet' },
    {},
    'WID has no label agnet',
    'did you mean agent? Set projects.api.tracker.label',
  ],
  ['a wrong state', { project: 'WID', state: 'Ready' }, {}, 'WID has no state Ready', 'one of Backlog, Todo'],
  ['a wrong person', { project: 'WID', assignee: 'nobody' }, {}, 'WID has no member nobody', 'orch-bot'],
  [
    'a wrong name to move to',
    { project: 'WID', label: 'agent', states: { done: 'Dnoe' } },
    {},
    'WID has no state Dnoe',
    'did you mean Done? Set projects.api.tracker.states.done',
  ],
  ['no webhook', undefined, { webhookSecret: null }, 'no webhook', 'ORCH_PLANE_WEBHOOK_SECRET'],
  [
    'an address that Plane refuses',
    undefined,
    { publicUrl: 'http://localhost:8044' },
    'refuses to call localhost',
    'ORCH_PUBLIC_URL',
  ],
  [
    'a private address',
    undefined,
    { publicUrl: 'http://10.0.0.7:8044' },
    'private address',
    'WEBHOOK_ALLOWED_IPS',
  ],
  [
    'another secret',
    undefined,
    { heard: async () => ({ takenAt: 1, refusedAt: 2 }) },
    'another secret',
    'ORCH_PLANE_WEBHOOK_SECRET',
  ],
  ['a clock that is wrong', undefined, { now: () => Date.now() + 600_000 }, 'behind ours', 'NTP'],
])('tells of %s, with the fix', async (_what, tracker, more, text, fix) => {
  expect(await troubles(tracker, more)).toContainEqual({
    ...{ state: expect.any(String), text: expect.stringContaining(text), fix: expect.stringContaining(fix) },
  });
});

it('tells of an account that is only a guest, and of a key that is nearly used up', async () => {
  Object.assign(plane.bot, { role: 5 });
  expect(await troubles()).toMatchObject([{ text: 'api: the account is only a guest of Widgets' }]);
  Object.assign(plane.bot, { role: 15 });
  plane.limit(20);
  expect(await troubles()).toMatchObject([{ text: expect.stringContaining('requests of this minute') }]);
});
