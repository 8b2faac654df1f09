import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Claimed, Store } from '../store.ts';
import { claimRequest, newJob } from '../store-rows.contract.ts';
import { openDatabase } from './database.ts';
import { backupDatabase, checkDatabase } from './maintenance.ts';
import { restoreDatabase } from './restore.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { writeOlder } from './test-kit.ts';

const AT = { now: new Date('2026-01-31T10:15:00Z'), lastRunOnDisk: 0 };
const ASIDE = 'orch.db.before-restore-20260131T101500Z';
const JOB = newJob();
const REQUEST = claimRequest({ now: 1, directoryFor: (id) => `/runs/run_${id}` });

describe('a backup', () => {
  let folder: string;
  let path: string;
  let backup: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'orch-restore-'));
    path = join(folder, 'orch.db');
    backup = join(folder, 'backup.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function withStore<T>(use: (store: Store) => Promise<T>): Promise<T> {
    const store = openSqliteStore(path, () => 1);
    try {
      await store.configure([{ key: 'api', weight: 1, maxConcurrency: 10 }], ['a']);
      return await use(store);
    } finally {
      await store.close();
    }
  }
  async function begin(store: Store): Promise<Claimed> {
    await store.enqueue(JOB, (id) => `orch/job-${id}`);
    const claimed = await store.claim(REQUEST);
    if (claimed === null) throw new Error('nothing was claimed');
    return claimed;
  }
  const item = (store: Store) =>
    store.board.create({ project: 'api', key: null, title: 'T', body: '' }, 1).then(({ key }) => key);
  /** Without the files a reader leaves beside a database. */
  const files = () =>
    readdirSync(folder)
      .filter((name) => !/-(wal|shm)$/.test(name))
      .sort();
  const corrupt = (file: string, from = 4096) => {
    const bytes = readFileSync(file);
    bytes.fill(0xff, from, 8192);
    writeFileSync(file, bytes);
  };

  it('takes the place of the database, which is kept; no number or fence of after it is given again', async () => {
    const running = await withStore(async (store) => {
      await item(store);
      return begin(store);
    });
    await backupDatabase(path, backup);
    const later = await withStore(async (store) => {
      await item(store);
      return [await begin(store), await begin(store)];
    });
    const facts = await restoreDatabase(path, backup, AT);
    expect(facts).toMatchObject({ before: join(folder, ASIDE), numbersKnown: true, problems: [] });
    expect(readdirSync(folder).sort()).toEqual(['backup.db', 'orch.db', ASIDE].sort());
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    expect(await checkDatabase(path)).toMatchObject({ integrity: 'ok', problems: [] });

    await withStore(async (store) => {
      const left = await store.running();
      expect(left.map(({ run }) => [run.id, run.jobId])).toEqual([[running.run.id, running.job.id]]);
      expect(left[0]?.run.fence).toBeGreaterThan(Math.max(...later.map(({ job }) => job.fence)) + 1000);
      const next = await begin(store);
      expect(next.run.id).toBe((later[1]?.run.id ?? 0) + 1);
      expect(next.job.id).toBe((later[1]?.job.id ?? 0) + 1);
      expect(await item(store)).toBe('API-3');
      const stale = { runId: running.run.id, jobId: running.job.id, fence: running.job.fence };
      expect(await store.settle(stale, () => ({ job: { status: 'done' } }))).toBe('stale');
    });
    const db = new Database(path, { readonly: true });
    expect(db.prepare('SELECT action, target FROM audit').all()).toEqual([
      { action: 'restore', target: backup },
    ]);
    db.close();
    expect(await checkDatabase(join(folder, ASIDE))).toMatchObject({ integrity: 'ok' });
  });

  it('goes on well past its numbers, and past the run folders, where the database before is damaged', async () => {
    await withStore(async (store) => {
      await item(store);
      await begin(store);
    });
    await backupDatabase(path, backup);
    corrupt(path, 0);
    expect(await restoreDatabase(path, backup, { ...AT, lastRunOnDisk: 4711 })).toMatchObject({
      numbersKnown: false,
    });
    await withStore(async (store) => {
      const { run, job } = await begin(store);
      expect([run.id, job.id, await item(store)]).toEqual([4712, 1002, 'API-1002']);
    });
  });

  it('of an older schema is brought to this one on the way', async () => {
    writeOlder(backup, 1);
    expect(await restoreDatabase(path, backup, AT)).toMatchObject({ before: null, schema: 1 });
    await withStore(async (store) => expect(await store.running()).toHaveLength(1));
    expect(files()).toEqual(['backup.db', 'orch.db']);
  });

  it.each([
    ['store.corrupt', () => corrupt(backup)],
    ['store.newer_schema', () => pragma('user_version = 99')],
    ['store.not_ours', () => pragma('application_id = 7')],
  ])('is refused with %s, and nothing is touched', async (code, spoil) => {
    await withStore(begin);
    await backupDatabase(path, backup);
    spoil();
    const before = readFileSync(path);
    await expect(restoreDatabase(path, backup, AT)).rejects.toMatchObject({ code });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(files()).toEqual(['backup.db', 'orch.db']);
  });

  it('is of one moment, while another process writes', async () => {
    const store = openSqliteStore(path, () => 1);
    await store.configure([{ key: 'api', weight: 1, maxConcurrency: 10 }], ['a']);
    let writing = true;
    const writer = (async () => {
      while (writing) {
        await store.enqueue(JOB, (id) => `orch/job-${id}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let i = 0; i < 5; i++) {
      await backupDatabase(path, `${backup}.${i}`);
      expect(await checkDatabase(`${backup}.${i}`)).toMatchObject({ integrity: 'ok', problems: [] });
    }
    writing = false;
    await writer;
    await store.close();
    await expect(backupDatabase(path, `${backup}.0`)).rejects.toMatchObject({ code: 'usage.backup_exists' });
    expect(existsSync(`${backup}.0.draft`)).toBe(false);
  });

  it('is checked for rows that do not fit together', async () => {
    await withStore(begin);
    const db = openDatabase(path);
    db.pragma('foreign_keys = OFF');
    db.exec(`DELETE FROM agent_runs; UPDATE counters SET jobs_queued = 7;
      INSERT INTO work_item_comments(work_item_id, key, body, at) VALUES(99, 'k', 'b', 1)`);
    db.close();
    expect((await checkDatabase(path)).problems).toEqual([
      'work_item_comments has rows whose work_items is not there',
      'job_1: running without a live run of its fence',
      'jobs: is counted wrongly',
    ]);
  });

  function pragma(text: string): void {
    const db = new Database(backup);
    db.pragma(text);
    db.close();
  }
});
