import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EMPTY_CONTEXT } from '../../core/model.ts';
import { openDatabase, schemaVersion } from './database.ts';
import { MIGRATIONS } from './migrations.ts';
import { openSqliteStore } from './sqlite-store.ts';

const AUDIT = { by: 'mara', surface: 'cli', action: 'pause', target: 'api', at: 7 } as const;
const isRoot = process.getuid?.() === 0;

describe('the SQLite file', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'orch-database-'));
    path = join(folder, 'state', 'orch.db');
  });
  afterEach(() => {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  });

  const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8);
  const refusal = (): { code?: string; hint?: string } => {
    try {
      openDatabase(path).close();
      return {};
    } catch (error) {
      return error as { code: string; hint: string };
    }
  };
  const foreign = (sql: string) => {
    mkdirSync(join(folder, 'state'));
    const db = new Database(path);
    db.exec(sql);
    db.close();
  };

  it('is created with its folder, for its owner only', () => {
    const db = openDatabase(path);
    expect([
      modeOf(join(folder, 'state')),
      modeOf(path),
      modeOf(`${path}-wal`),
      modeOf(`${path}-shm`),
    ]).toEqual(['700', '600', '600', '600']);
    db.close();
    chmodSync(path, 0o644);
    openDatabase(path).close();
    expect(modeOf(path)).toBe('600');
  });

  it('is written ahead and synced in full, with foreign keys enforced', () => {
    const db = openDatabase(path);
    const pragma = (name: string) => db.pragma(name, { simple: true });
    expect([pragma('journal_mode'), pragma('synchronous'), pragma('foreign_keys')]).toEqual(['wal', 2, 1]);
    expect(schemaVersion(db)).toBe(MIGRATIONS.length);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    db.close();
  });

  it('of before versions were remembered takes those that succeeded for proven', () => {
    openDatabase(path).close();
    const first = MIGRATIONS.findIndex((sql) => sql.includes('CREATE TABLE cli_versions'));
    const db = new Database(path);
    db.pragma('foreign_keys = OFF');
    db.exec(`DROP TABLE cli_versions; ALTER TABLE agent_runs DROP COLUMN cli_bin; ALTER TABLE accounts DROP COLUMN pinned;
      INSERT INTO jobs(id, project, repo, branch, max_attempts, context, created_at) VALUES(1, 'p', 'r', 'b', 3, '{}', 1);`);
    const run =
      db.prepare(`INSERT INTO agent_runs(id, job_id, attempt, fence, directory, status, started_at, finished_at, cli_kind, cli_version, verdict)
      VALUES(@id, 1, @id, @id, '/runs', 'ended', @id, @id, 'codex', @version, @verdict)`);
    run.run({ id: 1, version: '0.169.0', verdict: 'success' });
    run.run({ id: 2, version: '0.169.0', verdict: 'success' });
    run.run({ id: 3, version: '0.170.0', verdict: 'permanent' });
    run.run({ id: 4, version: null, verdict: 'success' });
    db.exec(MIGRATIONS[first] ?? '');
    expect(db.prepare('SELECT * FROM cli_versions').all()).toEqual([
      {
        kind: 'codex',
        version: '0.169.0',
        bin: null,
        first_success_at: 1,
        last_success_at: 2,
        trusted_by: null,
        trusted_at: null,
      },
    ]);
    db.close();
  });

  it.each(['wal', 'delete'])(
    'of a newer schema is refused with the way back, and left as it was (journal: %s)',
    (journal) => {
      openDatabase(path).close();
      const db = new Database(path);
      db.pragma(`journal_mode = ${journal}`);
      db.pragma('user_version = 99');
      db.close();
      const before = readFileSync(path);
      expect(refusal()).toMatchObject({
        code: 'store.newer_schema',
        hint: expect.stringContaining('newer build'),
        facts: { found: 99, known: MIGRATIONS.length },
      });
      expect(readFileSync(path).equals(before)).toBe(true);
    },
  );

  it('of another program is refused and left as it was', () => {
    foreign('CREATE TABLE recipes(name TEXT); PRAGMA user_version = 1');
    chmodSync(path, 0o644);
    const before = readFileSync(path);
    expect(refusal()).toMatchObject({ code: 'store.not_ours' });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(modeOf(path)).toBe('644');
  });

  it('that is no database at all is refused and left as it was', () => {
    mkdirSync(join(folder, 'state'));
    const text = 'accounts:\n'.repeat(200);
    writeFileSync(path, text);
    expect(refusal()).toMatchObject({
      code: 'store.corrupt',
      hint: expect.stringContaining('orch db restore'),
    });
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('that is empty, as a crash right after its creation leaves it, becomes a database', () => {
    mkdirSync(join(folder, 'state'));
    writeFileSync(path, '');
    expect(refusal()).toEqual({});
    expect(statSync(path).size).toBeGreaterThan(0);
  });

  it('that is a folder is refused with a hint', () => {
    mkdirSync(path, { recursive: true });
    expect(refusal()).toMatchObject({ code: 'store.failed', hint: expect.any(String) });
  });

  it.skipIf(isRoot)(
    `cannot be made in a folder that this user may not write${isRoot ? ' [skipped: root may write anywhere]' : ''}`,
    () => {
      chmodSync(folder, 0o500);
      expect(refusal()).toMatchObject({ code: 'store.read_only' });
    },
  );

  it.skipIf(isRoot)(
    `cannot be used in a folder that this user may not write${isRoot ? ' [skipped: root may write anywhere]' : ''}`,
    () => {
      openDatabase(path).close();
      chmodSync(join(folder, 'state'), 0o500);
      expect(refusal()).toMatchObject({ code: 'store.read_only' });
      chmodSync(join(folder, 'state'), 0o700);
    },
  );

  it('writes every action of a person into the audit', async () => {
    const store = openSqliteStore(path, () => 1);
    await store.configure([{ key: 'api', weight: 1, maxConcurrency: 1 }], []);
    const job = await store.enqueue(
      {
        taskId: null,
        project: 'api',
        repo: 'r',
        stage: null,
        agent: 'developer',
        account: null,
        maxAttempts: 3,
        priority: 0,
        urgent: false,
        rework: false,
        hold: null,
        context: EMPTY_CONTEXT,
      },
      (id) => `orch/job-${id}`,
    );
    await store.pause({ scope: 'project', id: 'api', note: '', by: 'mara', since: 1, until: null }, AUDIT);
    await store.resume('project', 'api', { ...AUDIT, action: 'resume' });
    await store.command({ kind: 'job', id: job.id }, () => ({}), {
      ...AUDIT,
      action: 'cancel',
      target: 'job_1',
    });
    await expect(
      store.command({ kind: 'job', id: 99 }, () => ({}), { ...AUDIT, action: 'retry' }),
    ).rejects.toThrow();
    await store.close();
    const db = new Database(path);
    expect(db.prepare('SELECT by, surface, action, target, at FROM audit ORDER BY id').all()).toEqual([
      { ...AUDIT },
      { ...AUDIT, action: 'resume' },
      { ...AUDIT, action: 'cancel', target: 'job_1' },
    ]);
    db.close();
  });

  it('tells who writes at the same time from another process that it is busy, and neither write is lost', async () => {
    const store = openSqliteStore(path, () => 1);
    await store.setMeta('ours', '1');
    const other = child(`
      import Database from ${JSON.stringify(import.meta.resolve('better-sqlite3'))};
      const db = new Database(${JSON.stringify(path)});
      db.exec("BEGIN IMMEDIATE; INSERT INTO meta VALUES('theirs', '1')");
      console.log('locked');
      process.stdin.once('data', () => { db.exec('COMMIT'); db.close(); process.exit(0); });
    `);
    await other.line();
    await expect(store.setMeta('ours', '2')).rejects.toMatchObject({
      code: 'store.busy',
      hint: expect.stringContaining('orch down'),
    });
    other.process.stdin.write('go\n');
    await other.ended;
    await store.setMeta('ours', '3');
    expect([await store.meta('ours'), await store.meta('theirs')]).toEqual(['3', '1']);
    await store.close();
    const db = new Database(path);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    db.close();
  });

  it('loses no acknowledged settle and doubles none when its process is killed while it writes', async () => {
    const acknowledged: number[] = [];
    for (let round = 0; round < 10; round++) {
      const writer = child(`
        import { openSqliteStore } from ${JSON.stringify(new URL('./sqlite-store.ts', import.meta.url).href)};
        import { writeSync } from 'node:fs';
        const store = openSqliteStore(${JSON.stringify(path)}, Date.now);
        await store.configure([{ key: 'api', weight: 1, maxConcurrency: 1000 }], ['a']);
        const context = ${JSON.stringify(EMPTY_CONTEXT)};
        const job = { taskId: null, project: 'api', repo: 'r', stage: null, agent: 'developer', account: 'a', maxAttempts: 3, priority: 0, urgent: false, rework: false, hold: null, context };
        const request = { accounts: [{ id: 'a', slots: 1000 }], closedProjects: [], withoutAgents: [], agentsOnly: [], withoutNewWork: [], failover: [], slots: 1000, probe: false, withoutAccount: true, directoryFor: String, now: 1 };
        const run = { exitCode: 0, signal: null, resultOk: true, verdict: 'success', reason: '', rule: '', sessionId: null, cliVersion: null,
          usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, turns: 0, costUsd: null } };
        for (;;) {
          await store.enqueue(job, (id) => 'orch/job-' + id);
          const claimed = await store.claim(request);
          const ref = { runId: claimed.run.id, jobId: claimed.job.id, fence: claimed.job.fence };
          if (await store.settle(ref, () => ({ job: { status: 'done' }, run, newJobs: [{ ...job, branch: 'next', hold: 'approval.pending' }] })) !== 'ok') throw new Error('stale');
          writeSync(1, claimed.job.id + '\\n');
        }
      `);
      const killAfter = 5 + round * 17;
      for (let i = 0; i < killAfter; i++) acknowledged.push(Number(await writer.line()));
      writer.process.kill('SIGKILL');
      await writer.ended;
      acknowledged.push(...writer.rest().map(Number));
    }
    const db = openDatabase(path);
    const count = (sql: string) => Number(db.prepare(sql).pluck().get());
    const done = new Set(
      db
        .prepare(
          `SELECT j.id FROM jobs j JOIN agent_runs r ON r.job_id = j.id WHERE j.status = 'done' AND r.status = 'ended' AND j.attempts = 1`,
        )
        .pluck()
        .all(),
    );
    expect(acknowledged.filter((id) => !done.has(id))).toEqual([]);
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    // One transaction each: as many next jobs as settles, as many live runs as running jobs.
    expect(count(`SELECT count(*) FROM jobs WHERE branch = 'next'`)).toBe(done.size);
    expect(count(`SELECT count(*) FROM jobs WHERE status = 'running'`)).toBe(
      count(`SELECT count(*) FROM agent_runs WHERE status = 'running'`),
    );
    expect(
      count(`SELECT jobs_queued + jobs_running + jobs_done + jobs_failed + jobs_cancelled FROM counters`),
    ).toBe(count('SELECT count(*) FROM jobs'));
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    db.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
  }, 60_000);
});

/** A Node process that runs `source`; `line` waits for the next line it prints. */
function child(source: string) {
  const started = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  let partial = '';
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (partial + text).split('\n');
    partial = parts.pop() ?? '';
    for (const part of parts) {
      const next = waiting.shift();
      if (next === undefined) lines.push(part);
      else next(part);
    }
  });
  const ended = new Promise<void>((resolve) => started.once('close', () => resolve()));
  return {
    process: started,
    ended,
    line: (): Promise<string> =>
      new Promise((resolve, reject) => {
        const ready = lines.shift();
        if (ready !== undefined) return resolve(ready);
        waiting.push(resolve);
        void ended.then(() => reject(new Error('the process ended without another line')));
      }),
    rest: (): string[] => lines.splice(0),
  };
}
