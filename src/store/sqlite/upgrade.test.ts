import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { copiesOf, keepCopy } from './copies.ts';
import { openDatabase, schemaVersion } from './database.ts';
import { checkDatabase } from './maintenance.ts';
import { MIGRATIONS } from './migrations.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { writeOlder } from './test-kit.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orch-upgrade-'));
  path = join(folder, 'orch.db');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Tables whose rows a migration drops on purpose, by the schema that still had them. */
const DROPPED: Readonly<Record<number, readonly string[]>> = {
  1: ['gate_intervals'],
  2: ['gate_intervals'],
  3: ['gate_intervals'],
};
const OLDER = MIGRATIONS.slice(1).map((_, i) => i + 1);

describe('an older database', () => {
  it.each(OLDER)('of schema %i keeps every row, and its running job can be taken over', async (version) => {
    const tables = writeOlder(path, version);
    const store = openSqliteStore(path, () => 5);
    const [left] = await store.running();
    expect(left).toMatchObject({ run: { id: 1, status: 'running' }, job: { id: 1, status: 'running' } });
    expect(await store.task('API-1')).toMatchObject({ status: 'active', pipeline: expect.any(String) });
    await store.close();

    const db = openDatabase(path);
    expect(schemaVersion(db)).toBe(MIGRATIONS.length);
    const lost = tables.filter(
      (table) => Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()) === 0,
    );
    expect(lost).toEqual(DROPPED[version] ?? []);
    db.close();
    expect(await checkDatabase(path)).toMatchObject({ integrity: 'ok', problems: [] });
  });

  it('is kept beside itself as it was, and the three newest copies stay', () => {
    writeOlder(path, 1);
    openDatabase(path).close();
    const [copy = ''] = copiesOf(path);
    expect(copy).toMatch(/orch\.db\.schema-1-\d{8}T\d{6}Z$/);
    expect((statSync(copy).mode & 0o777).toString(8)).toBe('600');
    const before = new Database(copy, { readonly: true });
    expect(before.pragma('user_version', { simple: true })).toBe(1);
    expect(before.prepare('SELECT count(*) FROM jobs').pluck().get()).toBe(1);
    before.close();

    const db = openDatabase(path);
    const at = (day: number) => new Date(Date.UTC(2999, 0, day));
    const kept = [2, 10, 3].map((schema, i) => keepCopy(db, path, schema, at(i + 1)));
    db.close();
    expect(copiesOf(path)).toEqual(kept);
  });

  it('that is current is not copied', () => {
    openDatabase(path).close();
    openDatabase(path).close();
    expect(readdirSync(folder)).toEqual(['orch.db']);
  });

  it('is not migrated when the copy cannot be written', () => {
    vi.setSystemTime(new Date('2026-01-31T10:15:00Z'));
    try {
      writeOlder(path, 1);
      mkdirSync(`${path}.schema-1-20260131T101500Z.draft`);
      expect(() => openDatabase(path)).toThrow();
      const db = new Database(path, { readonly: true });
      expect(schemaVersion(db)).toBe(1);
      db.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it('of a later schema is refused with both numbers and the version that ran on it', async () => {
    const store = openSqliteStore(path, () => 1);
    await store.setMeta('orch_version', '9.8.7');
    await store.close();
    const db = new Database(path);
    db.pragma('user_version = 99');
    db.close();
    expect(() => openDatabase(path)).toThrow(
      `has schema 99, newer than this build's ${MIGRATIONS.length}; Orch 9.8.7 ran on it last`,
    );
  });
});
