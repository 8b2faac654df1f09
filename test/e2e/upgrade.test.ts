import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../src/store/sqlite/migrations.ts';
import {
  handIn,
  type Installation,
  install,
  processesMentioning,
  type Service,
  UNTIL_GO,
  waitFor,
} from '../support/orch.ts';

/** Another build, or another database, comes while agents are alive. */
let here: Installation;
afterEach(() => here.remove());

const SLOW = handIn({ outcome: 'done' }, `echo "// $ORCH_RUN_ID" > src/new.js\n${UNTIL_GO}`);
const database = () => join(here.home, 'orch.db');
const beside = (begin: string) => readdirSync(here.home).filter((name) => name.startsWith(begin));
const submit = () => here.submit('Greet');
const reaches = (key: string, status: string) =>
  waitFor(
    async () => (await here.task(key)).status === status,
    60_000,
    () => here.rows('SELECT id, status, attempts, fence, error FROM jobs'),
  );

async function withLiveRun(): Promise<{ service: Service; key: string }> {
  here = install();
  here.scene(0, SLOW);
  const service = await here.up();
  const key = await submit();
  await waitFor(() => here.calls() === 1);
  await waitFor(() => here.row('SELECT 1 FROM agent_runs WHERE pid IS NOT NULL'));
  return { service, key };
}

/** The database as the build before the last migration would have left it: the same rows, its own tables. */
function asOlderBuild(): void {
  const newer = new Database(database());
  newer.pragma('wal_checkpoint(TRUNCATE)');
  const path = `${database()}.older`;
  const older = new Database(path);
  older.pragma('foreign_keys = OFF');
  older.pragma('application_id = 1332896616');
  for (const migration of MIGRATIONS.slice(0, -1)) older.exec(migration);
  older.pragma(`user_version = ${MIGRATIONS.length - 1}`);
  older.exec('DELETE FROM counters');
  const columns = (db: Database.Database, table: string) =>
    db.prepare(`SELECT name FROM pragma_table_info('${table}')`).pluck().all() as string[];
  const tables = older
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .pluck()
    .all() as string[];
  for (const table of [
    'counters',
    ...tables.filter((name) => name !== 'counters' && name !== 'gate_intervals'),
  ]) {
    const theirs = new Set(columns(newer, table));
    const names = columns(older, table).filter((name) => theirs.has(name));
    const insert = older.prepare(
      `INSERT OR REPLACE INTO ${table}(${names.join(', ')}) VALUES(${names.map(() => '?').join(', ')})`,
    );
    for (const row of newer
      .prepare(`SELECT ${names.join(', ')} FROM ${table}`)
      .raw()
      .all())
      insert.run(...(row as []));
  }
  // Its triggers have counted what was inserted.
  const counters = columns(older, 'counters');
  const values = newer
    .prepare(`SELECT ${counters.join(', ')} FROM counters`)
    .raw()
    .get() as unknown[];
  older.prepare(`UPDATE counters SET ${counters.map((name) => `${name} = ?`).join(', ')}`).run(...values);
  older.close();
  newer.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(database() + suffix, { force: true });
  writeFileSync(database(), readFileSync(path), { mode: 0o600 });
  rmSync(path);
}

describe('an upgrade while an agent runs', () => {
  it('migrates the older database, keeps a copy, and settles the run that the older build started', async () => {
    const { service, key } = await withLiveRun();
    await service.kill();
    asOlderBuild();
    // The older build knew no format: its record has none.
    const record = join(here.home, 'runs', 'run_1', 'run.json');
    const { format: _, ...older } = JSON.parse(readFileSync(record, 'utf8')) as Record<string, unknown>;
    writeFileSync(record, JSON.stringify(older));
    await here.up();
    expect(here.row('PRAGMA user_version')).toEqual({ user_version: MIGRATIONS.length });
    expect(beside(`orch.db.schema-${MIGRATIONS.length - 1}-`)).toHaveLength(1);
    expect(here.row('SELECT status, attempts FROM jobs')).toEqual({ status: 'running', attempts: 1 });
    here.go();
    await reaches(key, 'needs_you');
    expect(here.calls()).toBe(1);
    expect(here.rows(`SELECT verdict FROM agent_runs`)).toEqual([{ verdict: 'success' }]);
    expect((await here.orch('db', 'check')).code).toBe(0);
  });

  it('back to a build that does not know the record of a live run is refused, and nothing is ended', async () => {
    const { service } = await withLiveRun();
    await service.kill();
    const record = join(here.home, 'runs', 'run_1', 'run.json');
    const newer = JSON.parse(readFileSync(record, 'utf8')) as Record<string, unknown>;
    writeFileSync(record, JSON.stringify({ ...newer, format: 99 }));
    const { code, stderr } = await here.orch('up');
    expect(code).toBe(1);
    expect(stderr).toContain('was started by a newer build of Orch (record format 99, this one knows 1)');
    expect(existsSync(join(here.home, 'runs', 'run_1', 'stop'))).toBe(false);
    expect(here.row('SELECT status FROM jobs')).toEqual({ status: 'running' });
    writeFileSync(record, JSON.stringify(newer));
    await here.up();
    here.go();
    await waitFor(() => here.row(`SELECT 1 FROM agent_runs WHERE verdict = 'success'`));
    expect(here.calls()).toBe(1);
  });
});

describe('orch db restore', () => {
  it('is refused while Orch runs, and leaves the database alone when the file is no backup', async () => {
    here = install();
    await here.up();
    const backup = join(here.root, 'backup.db');
    expect((await here.orch('db', 'backup', backup)).code).toBe(0);
    const refused = await here.orch('db', 'restore', backup);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('Orch is running')]);
    expect(refused.stderr).toContain('orch down');
    expect(beside('orch.db.before')).toEqual([]);
  });

  it('ends live runs that the backup does not know, keeps their work, and gives no number twice', async () => {
    here = install();
    here.scene(0, handIn({ outcome: 'done' }, 'echo "// $ORCH_RUN_ID" > src/new.js'));
    here.scene(2, `echo "precious" > src/unsaved.js\n${SLOW}`);
    const service = await here.up();
    const first = await submit();
    await reaches(first, 'needs_you');
    const backup = join(here.root, 'backup.db');
    await here.orch('db', 'backup', backup);
    // After the backup: the first task is sent back and runs again, a second one is taken on.
    await here.orch('reject', first, '--reason', 'once more');
    await waitFor(() => here.calls() === 2);
    await waitFor(() => here.row('SELECT 1 FROM agent_runs WHERE id = 2 AND pid IS NOT NULL'));
    await service.down();
    const worktree = join(here.home, 'worktrees', 'p', first);
    expect(processesMentioning(worktree).length).toBeGreaterThan(0);

    const restored = await here.orch('db', 'restore', backup);
    expect([restored.code, restored.stderr]).toEqual([0, '']);
    expect(beside('orch.db.before-restore-')).toHaveLength(1);
    await here.up();
    await waitFor(() => processesMentioning(worktree).length === 0);
    expect(readFileSync(join(worktree, 'src', 'unsaved.js'), 'utf8')).toBe('precious\n');
    expect((await here.task(first)).status).toBe('needs_you');

    await here.orch('reject', first, '--reason', 'once more');
    await waitFor(() => here.row('SELECT 1 FROM agent_runs WHERE id = 3'));
    await reaches(first, 'needs_you');
    expect((await submit()) > first).toBe(true);
    expect(here.rows(`SELECT id FROM agent_runs WHERE id <= 3`).length).toBe(2);
    expect(here.row<{ fence: number }>('SELECT fence FROM jobs WHERE id = 1')?.fence).toBeGreaterThan(
      1_000_000,
    );
    expect((await here.orch('db', 'check')).code).toBe(0);
  });
});

it('doctor names what takes the disk, whose it is and what frees it', async () => {
  here = install();
  here.scene(
    0,
    handIn({ outcome: 'done' }, 'head -c 30000000 /dev/urandom > big.log; echo "// x" > src/new.js'),
  );
  await here.up();
  const key = await submit();
  await reaches(key, 'needs_you');
  mkdirSync(join(here.home, 'runs', 'run_77'));
  writeFileSync(join(here.home, 'runs', 'run_1', 'run.log'), Buffer.alloc(20_000_000, 1));
  const { stdout } = await here.orch('doctor', '--only', 'disk');
  expect(stdout).toMatch(
    /worktrees: 29 MB\n.*fix {2}lower retention\.worktrees \(7d\) in orch\.yaml, then orch upkeep/,
  );
  expect(stdout).toContain(`p/${key}: 29 MB`);
  expect(stdout).toContain(`run_1 (${key}): 19 MB`);
  expect(stdout).not.toContain('run_77');
  expect((await here.orch('upkeep')).code).toBe(0);
});
