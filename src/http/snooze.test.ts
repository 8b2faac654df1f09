import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { project } from '../store/store-rows.contract.ts';
import type { SnoozeWire } from './contract.ts';
import { createHttpKit, type HttpKit, T0 } from './test-kit.ts';

let kit: HttpKit;
beforeEach(async () => {
  kit = createHttpKit();
  await kit.engine.store.configure([project('api')], ['a']);
});
afterEach(() => kit.close());

// Nothing ticks in this kit: that is what needs a person.
const stale = { code: 'scheduler.stale', kind: 'worker', id: 'local' };
const snooze = (body: object, by = 'mara') =>
  kit.json<{ snoozes: SnoozeWire[]; code: string }>('/api/v1/snooze', { body, headers: { 'x-orch-by': by } });
const snoozed = async (by = 'mara') =>
  (
    await kit.json<{ snoozes: SnoozeWire[] }>('/api/v1/snoozes', { headers: { 'x-orch-by': by } })
  ).snoozes.map(({ code, until }) => [code, until]);

describe('what needs a person', () => {
  it('is put off for an hour, for the one who asked, and comes back', async () => {
    expect(await snooze(stale)).toMatchObject({ status: 200 });
    const until = new Date(T0 + 3_600_000).toISOString();
    expect(await snoozed()).toEqual([['scheduler.stale', until]]);
    expect(await snoozed('jon')).toEqual([]);
    const audit = await kit.json<{ entries: object[] }>('/api/v1/audit?action=snooze');
    expect(audit.entries).toMatchObject([{ by: 'mara', target: 'scheduler.stale local' }]);
  });

  it('is taken back, and put off anew: the last word counts', async () => {
    await snooze({ ...stale, forMs: 60_000 });
    await snooze({ ...stale, forMs: 120_000 });
    expect(await snoozed()).toHaveLength(1);
    expect((await snooze({ ...stale, off: true })).snoozes).toEqual([]);
  });

  it('is nothing that nobody has to do anything about', async () => {
    expect(await snooze({ ...stale, code: 'job.failed' })).toMatchObject({ status: 404, code: 'not_found' });
    expect(await snooze({ ...stale, forMs: 1 })).toMatchObject({ status: 422 });
  });
});
