import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NewJob } from '../core/effects.ts';
import { boundWithLane, MAX_BORROWED_TURNS, URGENT_EVERY } from '../core/fairness.ts';
import type { Claimed } from './store.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { createLine, type Line, type LineProject } from './store-line.contract.ts';
import { project } from './store-rows.contract.ts';

/** How the turns of projects are shared. */
export function isFair(kit: StoreKit): void {
  const { enqueue, claimed, finish, release } = kit;

  /** Serves `times` turns in which nobody's work ends, and tells whose they were. */
  async function turns(times: number): Promise<string[]> {
    const order: string[] = [];
    for (let i = 0; i < times; i++) {
      const taken = await claimed();
      order.push(taken.job.project);
      await release(taken);
    }
    return order;
  }

  describe('fairness', () => {
    it('serves every project that may start something within the bound, whatever happens around it', async () => {
      const statistics = { claims: 0, waited: 0 };
      await fc.assert(
        fc.asyncProperty(
          projects,
          fc.array(step, { minLength: 30, maxLength: 120, size: 'max' }),
          (of, steps) => walk(kit, of, steps, statistics),
        ),
        // Thirds of a step, rounded down, would fit four times into a whole one.
        { numRuns: 60, endOnFailure: false, examples: [[THIRDS, BUSY]] },
      );
      // Loads in which nobody ever waits would prove nothing.
      expect(statistics.claims).toBeGreaterThan(1000);
      expect(statistics.waited).toBeGreaterThan(statistics.claims / 4);
    }, 120_000);

    it('shares claims by weight', async () => {
      await kit.store.configure([project('api', { weight: 3 }), project('web')], ['a']);
      await enqueue();
      await enqueue({ project: 'web' });
      const order = await turns(40);
      expect([count(order, 'api'), count(order, 'web')]).toEqual([30, 10]);
    });

    it('gives a project that was idle its turn, and no credit for the time it was idle', async () => {
      await enqueue();
      await turns(20);
      await enqueue({ project: 'web' });
      const order = await turns(6);
      expect(count(order, 'web')).toBe(3);
      expect(order.slice(0, 2)).toContain('web');
    });

    it('keeps its turns across a restart', async () => {
      await enqueue();
      await enqueue({ project: 'web' });
      await turns(1);
      await kit.reopen();
      expect(await turns(1)).toEqual(['web']);
    });

    it('lets a new weight count for the turn a project already waits for', async () => {
      await kit.store.configure([project('api', { weight: 0.01 }), project('web')], ['a']);
      await enqueue();
      await enqueue({ project: 'web' });
      expect(new Set(await turns(2))).toEqual(new Set(['api', 'web']));
      await kit.store.configure([project('api'), project('web')], ['a']);
      expect(count(await turns(4), 'api')).toBe(2);
    });
  });

  describe('the urgent lane', () => {
    const SIX = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];
    const sixBusyProjects = async () => {
      await kit.store.configure(
        SIX.map((key) => project(key)),
        ['a'],
      );
      for (const key of SIX) await enqueue({ project: key });
    };

    it('serves an urgent job before the turn of the projects that wait, and its project pays the turn back', async () => {
      await sixBusyProjects();
      await turns(6);
      const order = await turns(1);
      const [first = ''] = order;
      const urgent = await enqueue({ project: first, urgent: true });
      const taken = await claimed();
      expect(taken.job.id).toBe(urgent.id);
      await finish(taken);
      // Without the loan it would be served again after the five others.
      const after = await turns(11);
      expect(after.indexOf(first)).toBe(10);
    });

    it('goes out of turn once in four claims at most, also over a restart', async () => {
      await sixBusyProjects();
      await turns(6);
      for (let i = 0; i < 3; i++) await enqueue({ project: 'p5', urgent: true });
      const lane: number[] = [];
      for (let i = 0; i < 9; i++) {
        if (i === 2) await kit.reopen();
        const taken = await claimed();
        if (taken.job.urgent) lane.push(i);
        await (taken.job.urgent ? finish(taken) : release(taken));
      }
      expect(lane).toEqual([0, 4, 8]);
    });

    it('serves the urgent work of several projects in their fair order', async () => {
      await sixBusyProjects();
      expect(await turns(6)).toEqual(SIX);
      for (const key of ['p5', 'p2']) await enqueue({ project: key, urgent: true });
      const lane: string[] = [];
      for (let i = 0; i < 5; i++) {
        const taken = await claimed();
        if (i % URGENT_EVERY === 0) lane.push(taken.job.project);
        await (taken.job.urgent ? finish(taken) : release(taken));
      }
      expect(lane).toEqual(['p2', 'p5']);
    });

    it('opens no gate and lifts no cap', async () => {
      await kit.store.configure([project('api', { maxConcurrency: 1 }), project('web')], ['a', 'b']);
      await enqueue({ urgent: true });
      await enqueue({ urgent: true });
      await enqueue({ urgent: true, account: 'b', project: 'web' });
      await claimed();
      expect(await kit.claim({ closedProjects: ['web'] })).toBeNull();
      expect(await kit.claim({ withoutAgents: ['web'] })).toBeNull();
      expect(await kit.claim({ accounts: [{ id: 'a', slots: 9 }] })).toBeNull();
      expect(await kit.claim({ slots: 1 })).toBeNull();
      expect(await kit.claim({ accounts: [{ id: 'b', slots: 1 }] })).not.toBeNull();
    });

    it('keeps new urgent work waiting where no new work may start', async () => {
      await kit.submit({ urgent: true });
      await enqueue({ urgent: false });
      expect((await claimed({ withoutNewWork: ['api'] })).job.taskId).toBeNull();
    });

    it('gives a probe to the oldest job, urgent or not', async () => {
      const oldest = await enqueue();
      await enqueue({ project: 'web', urgent: true });
      expect((await claimed({ probe: true })).job.id).toBe(oldest.id);
    });
  });

  describe('adversarial loads', { timeout: 60_000 }, () => {
    const CLAIMS = 400;
    const calm = (n: number) => Array.from({ length: n }, (_, i): LineProject => ({ key: `calm${i}` }));

    /** Serves a line in which every calm project always has work, and tells what share of the claims each got. */
    async function serve(
      bad: LineProject,
      behave: (line: Line, turn: number) => Promise<void>,
      ends: Parameters<Line['settle']>[1] = 'done',
    ): Promise<(key: string) => number> {
      const line = await createLine(kit, [...calm(4), bad]);
      const order: string[] = [];
      try {
        for (let i = 0; i < CLAIMS; i++) {
          for (const { key } of calm(4)) if (line.queued(key) === 0) await line.enqueue(key, {});
          await behave(line, i);
          const taken = await line.claim();
          if (taken === null) continue;
          order.push(taken.job.project);
          await line.settle(taken, taken.job.project === bad.key ? ends : 'done');
        }
      } finally {
        await line.discard();
      }
      return (key) => count(order, key) / order.length;
    }
    const FAIR = 1 / 5;
    const keepFull =
      (fields: Partial<NewJob> = {}) =>
      async (line: Line) => {
        while (line.queued('bad') < 3) await line.enqueue('bad', fields);
      };

    it('a flooder that queues 10,000 jobs gets its share, and no more', async () => {
      const share = await serve({ key: 'bad' }, async (line, turn) => {
        if (turn === 0) await line.flood('bad', 10_000, { priority: 100 });
      });
      expect(share('bad')).toBeCloseTo(FAIR, 2);
    });

    it('one that is idle most of the time and returns at its best moment gains nothing', async () => {
      const share = await serve({ key: 'bad' }, async (line, turn) => {
        if (turn % 7 < 2) await line.enqueue('bad', {});
      });
      expect(share('bad')).toBeLessThanOrEqual(FAIR + 0.01);
    });

    it('one that calls everything urgent gains the turns it may borrow, once', async () => {
      const share = await serve({ key: 'bad' }, keepFull({ urgent: true, priority: 100 }));
      expect(share('bad')).toBeLessThanOrEqual(FAIR + (MAX_BORROWED_TURNS + 1) / CLAIMS);
      expect(share('calm0')).toBeGreaterThanOrEqual(FAIR - 2 / CLAIMS);
    });

    it('one with a hundred times the weight leaves the others their turns', async () => {
      const share = await serve({ key: 'bad', weight: 100 }, keepFull());
      expect(share('bad')).toBeCloseTo(100 / 104, 2);
      expect(share('calm0')).toBeGreaterThan(0);
    });

    it('one whose jobs all fail is served no more often for it', async () => {
      const share = await serve({ key: 'bad', maxConcurrency: 3 }, keepFull(), 'failed');
      expect(share('bad')).toBeCloseTo(FAIR, 2);
    });

    it('one that has nothing but rework is served no more often for it', async () => {
      const share = await serve({ key: 'bad' }, keepFull({ rework: true, priority: 9 }));
      expect(share('bad')).toBeCloseTo(FAIR, 2);
    });

    it('one that is removed and put back, again and again, gains nothing', async () => {
      const share = await serve({ key: 'bad' }, async (line, turn) => {
        await keepFull()(line);
        if (turn % 3 === 0) await line.configure('bad', { active: turn % 6 !== 0 });
      });
      expect(share('bad')).toBeLessThanOrEqual(FAIR + 0.01);
    });
  });

  it('states how far the lane widens the bound', () => {
    expect([boundWithLane([1, 1, 1]), boundWithLane([1, 1, 1], 1)]).toEqual([4, 8]);
  });
}

function count(order: readonly string[], key: string): number {
  return order.filter((each) => each === key).length;
}

const weight = fc.oneof(fc.integer({ min: 1, max: 7 }), fc.constantFrom(0.5, 1.5, 2.75, 1 / 3));
const projects = fc
  .array(fc.record({ weight, maxConcurrency: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 2,
    maxLength: 6,
  })
  .map((all) => all.map((fields, i): LineProject => ({ key: `p${i}`, ...fields })));
const which = fc.nat({ max: 5 });
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('enqueue' as const),
      which,
      times: fc.integer({ min: 1, max: 4 }),
      account: fc.constantFrom('a', 'a', 'a', 'b'),
      priority: fc.nat({ max: 2 }),
      rework: fc.boolean(),
      urgent: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      accounts: fc.constantFrom(['a', 'b'], ['a', 'b'], ['a', 'b'], ['a']),
      paused: fc.constantFrom(null, null, null, null, 0),
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat(),
      end: fc.constantFrom('done' as const, 'released' as const, 'released' as const, 'failed' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('configure' as const),
      which,
      change: fc.oneof(fc.record({ weight }), fc.record({ active: fc.boolean() })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const THIRDS = [1, 3, 3, 3].map((w, i): LineProject => ({ key: `p${i}`, weight: w }));
const BUSY: Step[] = [
  ...THIRDS.map((_, at): Step => {
    return { do: 'enqueue', which: at, times: 1, account: 'a', priority: 0, rework: false, urgent: false };
  }),
  ...Array.from({ length: 25 }, (): Step[] => [
    { do: 'claim', accounts: ['a'], paused: null },
    { do: 'settle', which: 0, end: 'released' },
  ]).flat(),
];

/** Takes the steps one after the other; the line itself sees to it that nobody waits beyond the bound. */
async function walk(
  kit: StoreKit,
  of: readonly LineProject[],
  steps: readonly Step[],
  statistics: { claims: number; waited: number },
): Promise<void> {
  const line = await createLine(kit, of);
  const keyOf = (at: number) => of[at % of.length]?.key ?? '';
  const running: Claimed[] = [];
  try {
    for (const next of steps)
      switch (next.do) {
        case 'enqueue': {
          const { account, priority, rework, urgent } = next;
          for (let i = 0; i < next.times; i++)
            await line.enqueue(keyOf(next.which), { account, priority, rework, urgent });
          break;
        }
        case 'claim': {
          const paused = next.paused === null ? [] : [keyOf(next.paused)];
          const taken = await line.claim({ accounts: next.accounts, paused });
          if (taken !== null) running.push(taken);
          break;
        }
        case 'settle': {
          const [ended] = running.splice(next.which % Math.max(1, running.length), 1);
          if (ended !== undefined) await line.settle(ended, next.end);
          break;
        }
        case 'configure':
          await line.configure(keyOf(next.which), next.change);
          break;
        case 'restart':
          await line.restart();
          break;
      }
    statistics.claims += line.claims();
    statistics.waited += line.waited();
  } finally {
    await line.discard();
  }
}
