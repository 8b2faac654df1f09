import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import type { Tracker } from '../trackers/tracker.ts';
import { createDelivery } from './deliver.ts';

const HOUR = 60 * 60 * 1000;

describe('delivery', () => {
  let folder: string;
  let store: Store;
  let now: number;
  let comments: string[];
  let trouble: (() => Error) | null;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'orch-deliver-'));
    now = 1_000_000;
    store = openSqliteStore(join(folder, 'orch.db'), () => now);
    comments = [];
    trouble = null;
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const tracker: Tracker = {
    kind: 'test',
    item: async () => null,
    setStatus: async () => {},
    survey: () => Promise.reject(new Error('nobody asks')),
    async comment(_id, key) {
      if (trouble !== null) throw trouble();
      comments.push(key);
    },
  };

  async function tellOne(): Promise<void> {
    await store.tell([
      {
        destination: 'tracker:api',
        key: 'usage:run_1',
        orderKey: 'item:api:1',
        availableAt: null,
        message: { kind: 'tracker.comment', project: 'api', workItemId: '1', body: 'done' },
      },
    ]);
  }

  /** Delivers whatever is due, for so long. */
  async function deliverFor(ms: number): Promise<void> {
    const delivery = createDelivery({
      store,
      clock: () => now,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      destinations: () => ({
        tracker: () => tracker,
        forge: () => null,
        base: () => 'main',
        notifiers: [],
      }),
    });
    const end = now + ms;
    for (let due: number | null = now; due !== null && due <= end; due = await store.nextDue(now)) {
      now = due;
      await delivery.run();
    }
    now = end;
  }

  const unreachable = () => new AppError('503', { code: 'tracker.unreachable' });

  it('reaches a receiver that was out of reach for a night', async () => {
    trouble = unreachable;
    await tellOne();
    await deliverFor(14 * HOUR);
    trouble = null;
    await deliverFor(HOUR);
    expect(comments).toEqual(['usage:run_1']);
  });

  it('gives up a receiver that is out of reach for good', async () => {
    trouble = unreachable;
    await tellOne();
    await deliverFor(8 * 24 * HOUR);
    expect(await store.nextDue(0)).toBeNull();
  });

  it('does not try for days what fails by a fault of ours', async () => {
    trouble = () => new TypeError('a bug');
    await tellOne();
    await deliverFor(HOUR);
    expect(await store.nextDue(0)).toBeNull();
  });
});
