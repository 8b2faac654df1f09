import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, makeTemplate } from './installation.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';
import { inWorkers } from './pool.ts';
import { runSeed, type SeedResult } from './seed.ts';
import type { SeedRun } from './seed-run.ts';

/** So many seeds with every run of the tests; a release runs ten thousand (`npm run sim -- --seeds 10000`). */
const SEEDS = 240;
const AT_ONCE = 40;
const MUTATION_SEEDS = 100;
const TIMEOUT_MS = 180_000;

describe('the simulation', () => {
  const folder = makeFolder();
  let template: string;

  beforeAll(async () => {
    template = await makeTemplate(folder.path);
  });
  afterAll(() => folder.remove());

  const run = (seed: number, mutation: Mutation | null = null): Promise<SeedResult> =>
    runSeed({ seed, mutation, template, folder: folder.path });

  const groups = Array.from({ length: SEEDS / AT_ONCE }, (_, i) => 1 + i * AT_ONCE);
  it.each(groups)(
    `breaks no invariant in ${AT_ONCE} seeds from %i on`,
    async (first) => {
      const sums = { crashes: 0, claims: 0, effects: 0 };
      for (let seed = first; seed < first + AT_ONCE; seed++) {
        const { violation, story, ...figures } = await run(seed);
        expect(violation, `npm run sim -- --seed ${seed} --seeds 1\n${story.join('\n')}`).toBeNull();
        for (const name of ['crashes', 'claims', 'effects'] as const) sums[name] += figures[name];
      }
      // A world in which nothing happens breaks nothing.
      expect(Math.min(sums.crashes, sums.claims, sums.effects)).toBeGreaterThan(5);
    },
    TIMEOUT_MS,
  );

  it(
    'replays a seed to the last event',
    async () => {
      const [first, second, other] = [await run(7), await run(7), await run(8)];
      expect(second).toEqual(first);
      expect(other.hash).not.toBe(first.hash);
    },
    TIMEOUT_MS,
  );

  it(
    'comes to the same in several threads, in the order of the seeds',
    async () => {
      const seeds = [3, 4, 5].map((seed): SeedRun => {
        return { seed, mutation: null, template, folder: folder.path, checkReplay: false };
      });
      const hashes: string[] = [];
      for await (const { hash } of inWorkers(seeds, 2)) hashes.push(hash);
      expect(hashes).toEqual([(await run(3)).hash, (await run(4)).hash, (await run(5)).hash]);
    },
    TIMEOUT_MS,
  );

  it.each(MUTATIONS)(
    'catches a planted defect: %s',
    async (mutation) => {
      let caught: SeedResult | null = null;
      for (let seed = 1; seed <= MUTATION_SEEDS && caught === null; seed++) {
        const result = await run(seed, mutation);
        if (result.violation !== null) caught = result;
      }
      expect(caught?.violation, `${mutation} went unnoticed in ${MUTATION_SEEDS} seeds`).toBeTruthy();
    },
    TIMEOUT_MS,
  );
});
