import { describe, expect, it } from 'vitest';
import { type KillTable, killRounds, ON_ANY_DISK, ON_SMALL_DISK } from '../../bench/kill/rounds.ts';

/** A short form of `npm run bench -- --only kills`: every act once, on one installation under load. */
const SEED = 7;

function expectNothingBroken(table: KillTable): void {
  expect(table).toMatchObject({ lost: [], doubled: [], orphans: [], stuck: [] });
}

describe('kill -9 at random moments, round after round', () => {
  it('loses, doubles and leaves behind nothing, and takes live runs over', async () => {
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
    expect(table.adoptionMs.length).toBeGreaterThan(0);
  });

  it('survives a full disk', async ({ skip }) => {
    const table = await killRounds({ rounds: 2, seed: SEED, acts: ON_SMALL_DISK, projects: 1, open: 2 });
    const [skipped] = table.skipped;
    if (skipped !== undefined) skip(`${skipped.what}: ${skipped.why}`);
    expectNothingBroken(table);
    expect(table.tasks).toBeGreaterThan(1);
  });
});
