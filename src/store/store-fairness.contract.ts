import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoreKit } from './store-kit.contract.ts';
import { claimRequest, ENDED, newJob, project, refOf } from './store-rows.contract.ts';

/** How the turns of projects are shared. */
export function isFair(kit: StoreKit): void {
  const { enqueue, claimed, release } = kit;

  describe('fairness', () => {
    it('serves every waiting project at least once in P x ceil(w_max / w_min) claims, whatever the weights', async () => {
      const weight = fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constantFrom(0.5, 1.5, 2.75, 1 / 3));
      await fc.assert(
        fc.asyncProperty(
          fc.array(weight, { minLength: 2, maxLength: 6 }),
          fc.array(fc.nat({ max: 5 }), { maxLength: 12 }),
          async (weights, early) => {
            const projects = weights.map((w, i) => project(`p${i}`, { weight: w }));
            const bound = projects.length * Math.ceil(Math.max(...weights) / Math.min(...weights));
            const fresh = await kit.open(() => kit.now);
            try {
              await fresh.store.configure(projects, ['a']);
              const serve = async () => {
                const taken = await fresh.store.claim(claimRequest({ now: kit.now }));
                if (taken === null) throw new Error('nothing was claimed');
                await fresh.store.settle(refOf(taken), () => ({
                  job: { status: 'queued', attempts: 0 },
                  run: ENDED,
                }));
                return taken.job.project;
              };
              const wait = (key: string) =>
                fresh.store.enqueue(newJob({ project: key }), (id) => `orch/${id}`);
              // Some projects work while the others are idle: that must earn nobody credit.
              const worked = new Set(early.map((i) => `p${i % projects.length}`));
              for (const key of worked) await wait(key);
              if (worked.size > 0) for (let i = 0; i < early.length; i++) await serve();
              for (const { key } of projects) if (!worked.has(key)) await wait(key);
              const order: string[] = [];
              for (let i = 0; i < bound * 2 + 1; i++) order.push(await serve());
              for (const { key } of projects) {
                const gaps = gapsOf(order, key);
                expect(
                  Math.max(...gaps),
                  `${key} of ${weights.join(' ')}: ${order.join(' ')}`,
                ).toBeLessThanOrEqual(bound);
              }
            } finally {
              await fresh.discard();
            }
          },
        ),
        // Thirds of a step, rounded down, would fit four times into a whole one.
        { numRuns: 15, examples: [[[1, 3, 3, 3], []]] },
      );
    }, 60_000);

    it('shares claims by weight', async () => {
      await kit.store.configure([project('api', { weight: 3 }), project('web')], ['a']);
      await enqueue();
      await enqueue({ project: 'web' });
      const served = { api: 0, web: 0 };
      for (let i = 0; i < 40; i++) {
        const taken = await claimed();
        served[taken.job.project as 'api' | 'web']++;
        await release(taken);
      }
      expect(served).toEqual({ api: 30, web: 10 });
    });

    it('gives a project that was idle its turn, and no credit for the time it was idle', async () => {
      await enqueue();
      for (let i = 0; i < 20; i++) await release(await claimed());
      await enqueue({ project: 'web' });
      const order: string[] = [];
      for (let i = 0; i < 6; i++) {
        const taken = await claimed();
        order.push(taken.job.project);
        await release(taken);
      }
      expect(order.filter((key) => key === 'web')).toHaveLength(3);
      expect(order.slice(0, 2)).toContain('web');
    });

    it('keeps its turns across a restart', async () => {
      await enqueue();
      await enqueue({ project: 'web' });
      await release(await claimed());
      await kit.reopen();
      expect((await claimed()).job.project).toBe('web');
    });
  });
}

/** Claims a project waited for each of its turns, counted from the start and from turn to turn. */
function gapsOf(order: readonly string[], key: string): number[] {
  const turns = order.flatMap((served, i) => (served === key ? [i + 1] : []));
  return [0, ...turns].map((at, i, all) => (all[i + 1] ?? order.length + 1) - at);
}
