import { spawn } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { doubledOf, lostOf, missingOf } from '../../bench/kill/audit.ts';
import { drained, openLoad } from '../../bench/kill/load.ts';
import { orphansOf } from '../../bench/kill/processes.ts';
import { type KillTable, killRounds, ON_ANY_DISK, ON_SMALL_DISK } from '../../bench/kill/rounds.ts';

/** A short form of `npm run bench -- --only kills`: every act once, on one installation under load. */
const SEED = 7;

function expectNothingBroken(table: KillTable): void {
  expect(table).toMatchObject({ lost: [], doubled: [], orphans: [], stuck: [] });
}

describe('kill -9 at random moments, round after round', () => {
  it('loses, doubles and leaves behind nothing, and whatever was left running is taken over', async () => {
    const table = await killRounds({
      rounds: ON_ANY_DISK.length,
      seed: SEED,
      acts: ON_ANY_DISK,
      projects: 2,
      open: 3,
    });
    expectNothingBroken(table);
    expect(Object.keys(table.acts).toSorted()).toEqual(ON_ANY_DISK.toSorted());
    // It is no proof that nothing is lost where nothing was there.
    expect(table.acknowledged).toBeGreaterThan(10);
  });

  it('survives a full disk', async ({ skip }) => {
    const table = await killRounds({ rounds: 2, seed: SEED, acts: ON_SMALL_DISK, projects: 1, open: 2 });
    const [skipped] = table.skipped;
    if (skipped !== undefined) skip(`${skipped.what}: ${skipped.why}`);
    expectNothingBroken(table);
    expect(table.tasks).toBeGreaterThan(1);
  });

  it('is counted by an audit that finds what is planted', async () => {
    const load = await openLoad(1, false);
    const { here } = load;
    try {
      const service = await here.up(load.env);
      await load.topUp(1);
      expect(await drained(load, 90_000)).toEqual([]);
      expect([...lostOf(load), ...missingOf(load), ...doubledOf(load, [])]).toEqual([]);
      const env = { PATH: process.env['PATH'], HOME: here.root };
      const stray = spawn('sleep', ['600'], { env, stdio: 'ignore' });
      expect(orphansOf(here, service.pid)).toContain(stray.pid);
      stray.kill('SIGKILL');
      await service.down();
      const db = new Database(join(here.home, 'orch.db'));
      db.exec(`UPDATE agent_runs SET verdict = 'lost' WHERE id = 1;
        UPDATE tasks SET status = 'active';
        UPDATE spending SET tokens = tokens + 1;
        INSERT INTO work_item_comments(work_item_id, key, body, at)
          SELECT work_item_id, key || ':again', body, at FROM work_item_comments LIMIT 1`);
      db.close();
      expect(lostOf(load)).toEqual(['task K-1 was done and is active', 'run_1 was success and is lost']);
      expect(doubledOf(load, ['run_1', 'run_1'])).toEqual([
        expect.stringMatching(/^comment 2 times: /),
        'settled 2 times: run_1',
        expect.stringMatching(/tokens were used/),
      ]);
    } finally {
      await load.remove();
    }
  });
});
