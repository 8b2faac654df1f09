import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigChangedWire, ConfigWire } from './contract.ts';
import type { SettingsDoor, SettingsEdit } from './server.ts';
import { createHttpKit, type HttpKit, T0 } from './test-kit.ts';

let kit: HttpKit;
let asked: [SettingsEdit, boolean][];
let door: SettingsDoor | null;

const CHANGE = { key: 'max_concurrency', before: '2', after: '4' };

beforeEach(() => {
  asked = [];
  door = {
    revision: () => `r${asked.length}`,
    change: async (edit, { test }) => {
      asked.push([edit, test]);
      const finding = { group: 'gitea', state: 'ok', text: 'answers', fix: null } as const;
      return { changes: [CHANGE], warnings: [], findings: test ? [finding] : [] };
    },
  };
  kit = createHttpKit({ settings: door });
});
afterEach(() => kit.close());

const body = (more: object = {}) => ({ values: [{ path: ['max_concurrency'], text: '4' }], ...more });
const audited = async () => (await kit.store.audits({ action: 'config.write', limit: 9 })).items;

describe('a change of the settings', () => {
  it('is tried without being written, and says what was seen of the vendors', async () => {
    const tried = await kit.json<ConfigChangedWire>('/api/v1/config', { body: body({ test: true }) });
    expect(tried).toMatchObject({
      status: 200,
      written: false,
      changes: [CHANGE],
      findings: [{ group: 'gitea' }],
    });
    expect(asked.map(([, test]) => test)).toEqual([true]);
    expect(await audited()).toEqual([]);
  });

  it('is bound to what was seen, and stands in the audit log with what it was and became', async () => {
    const { revision } = await kit.json<ConfigWire>('/api/v1/config');
    const made = await kit.json<ConfigChangedWire>('/api/v1/config', { body: body({ revision }) });
    expect(made).toMatchObject({ written: true, revision: 'r1' });
    expect(asked[0]?.[0]).toEqual({ ...body(), secrets: {}, revision: 'r0' });
    expect(await audited()).toMatchObject([
      { target: 'max_concurrency', before: { value: '2' }, after: { value: '4' }, at: T0 },
    ]);
  });

  it.each([
    [{ values: [] }, 'values'],
    [{ values: [{ path: [], text: '4' }] }, 'values.0.path'],
    [body({ secrets: { ORCH_GITEA_TOKEN: 1 } }), 'secrets.ORCH_GITEA_TOKEN'],
    [body({ force: true }), 'force'],
  ])('that is wrong is refused, naming the field: %j', async (wrong, field) => {
    const answer = await kit.json<{ title: string }>('/api/v1/config', { body: wrong });
    expect([answer.status, answer.title]).toEqual([422, expect.stringContaining(field)]);
    expect(asked).toEqual([]);
  });
});

it('the demo has no file to change, and says so', async () => {
  const demo = createHttpKit({ settings: null });
  expect(await demo.json('/api/v1/config')).toMatchObject({ revision: null });
  expect(await demo.json('/api/v1/config', { body: body() })).toMatchObject({
    status: 422,
    code: 'config.no_file',
  });
  await demo.close();
});
