import { expect } from 'vitest';
import { SLOW_AFTER_FAILURES } from '../core/closed-gates.ts';
import type { NewJob } from '../core/effects.ts';
import { boundWithLane, fairnessBound, MAX_BORROWED_TURNS } from '../core/fairness.ts';
import type { Job } from '../core/model.ts';
import type { Claimed } from './store.ts';
import type { StoreKit } from './store-kit.contract.ts';
import { AUDIT, claimRequest, ENDED, newJob, refOf } from './store-rows.contract.ts';

export interface LineProject {
  readonly key: string;
  readonly weight?: number;
  readonly maxConcurrency?: number;
}

/** What a project has gone through since it last could not have started anything, or was last served. */
interface Wait {
  claims: number;
  /** Largest and smallest weight of each project that could have started something meanwhile. */
  readonly rivals: Map<string, { most: number; least: number }>;
}

interface Known {
  readonly key: string;
  weight: number;
  maxConcurrency: number;
  active: boolean;
  readonly queued: Map<string, number>;
  running: number;
  failedInRow: number;
  borrows: boolean;
  wait: Wait;
}

/**
 * A store of its own with a line of projects before it. After every claim it demands of every project that
 * could have started something, all the time: it has not waited beyond the bound. Whoever has ever had urgent
 * work may have turns to pay back.
 */
export async function createLine(kit: StoreKit, of: readonly LineProject[]) {
  const opened = await kit.open(() => kit.now);
  let { store } = opened;
  let claims = 0;
  let waited = 0;
  let isUrgent = false;
  const projects = new Map(
    of.map(({ key, weight = 1, maxConcurrency = 1 }): [string, Known] => [
      key,
      {
        key,
        weight,
        maxConcurrency,
        active: true,
        queued: new Map(),
        running: 0,
        failedInRow: 0,
        borrows: false,
        wait: nobodyYet(),
      },
    ]),
  );
  await configureStore();

  async function configureStore(): Promise<void> {
    const served = [...projects.values()].filter((each) => each.active);
    await store.configure(
      served.map(({ key, weight, maxConcurrency }) => ({ key, weight, maxConcurrency })),
      ['a', 'b'],
    );
  }

  function known(key: string): Known {
    const found = projects.get(key);
    if (found === undefined) throw new Error(`no project ${key}`);
    return found;
  }

  function mayStart(each: Known, accounts: readonly string[], paused: readonly string[]): boolean {
    const cap = each.failedInRow >= SLOW_AFTER_FAILURES ? 1 : each.maxConcurrency;
    return (
      each.active &&
      !paused.includes(each.key) &&
      each.running < cap &&
      accounts.some((account) => (each.queued.get(account) ?? 0) > 0)
    );
  }

  function add(each: Known, account: string | null, by: number): void {
    each.queued.set(account ?? '', (each.queued.get(account ?? '') ?? 0) + by);
  }

  /** Counts the claim for those who wait, and lets whoever could not start anything begin anew. */
  function note(able: readonly Known[], served: string): void {
    for (const each of projects.values()) {
      if (!able.includes(each)) {
        each.wait = nobodyYet();
        continue;
      }
      each.wait.claims += 1;
      for (const rival of able) {
        const seen = each.wait.rivals.get(rival.key) ?? { most: rival.weight, least: rival.weight };
        seen.most = Math.max(seen.most, rival.weight);
        seen.least = Math.min(seen.least, rival.weight);
        each.wait.rivals.set(rival.key, seen);
      }
      if (each.wait.claims > 1) waited += 1;
      expect(
        each.wait.claims,
        `claims that ${each.key} has waited, before ${served}: ${describeWait(each.wait)}`,
      ).toBeLessThanOrEqual(boundOf(each));
      if (each.key === served) each.wait = nobodyYet();
    }
  }

  function boundOf(each: Known): number {
    const rivals = [...each.wait.rivals.values()];
    const ratio = Math.max(...rivals.map((r) => r.most)) / Math.min(...rivals.map((r) => r.least));
    const weights = [ratio, ...Array.from({ length: rivals.length - 1 }, () => 1)];
    if (!isUrgent) return fairnessBound(weights);
    return boundWithLane(weights, each.borrows ? MAX_BORROWED_TURNS : 0);
  }

  return {
    claims: () => claims,
    /** How often a project saw another one served while it could have started something. */
    waited: () => waited,
    queued: (key: string) => [...known(key).queued.values()].reduce((sum, n) => sum + n, 0),

    async enqueue(key: string, fields: Partial<NewJob>): Promise<Job> {
      const job = newJob({ project: key, ...fields });
      const queued = await store.enqueue(job, (id) => `orch/job-${id}`);
      add(known(key), job.account, 1);
      if (job.urgent) {
        isUrgent = true;
        known(key).borrows = true;
      }
      return queued;
    },

    /** Very many at once, in one transaction of which the first is the author. */
    async flood(key: string, count: number, fields: Partial<NewJob>): Promise<void> {
      const first = await this.enqueue(key, fields);
      const newJobs = Array.from({ length: count - 1 }, (_, i) =>
        newJob({ project: key, ...fields, branch: `orch/flood-${i}` }),
      );
      await store.command({ kind: 'job', id: first.id }, () => ({ newJobs }), AUDIT);
      add(known(key), first.account, count - 1);
    },

    async claim(
      open: { accounts: readonly string[]; paused: readonly string[] } = { accounts: ['a', 'b'], paused: [] },
    ): Promise<Claimed | null> {
      const able = [...projects.values()].filter((each) => mayStart(each, open.accounts, open.paused));
      const taken = await store.claim(
        claimRequest({
          now: kit.now,
          accounts: open.accounts.map((id) => ({ id, slots: 99 })),
          closedProjects: open.paused,
        }),
      );
      expect(taken === null, 'nothing was claimed').toBe(able.length === 0);
      if (taken === null) return null;
      const { project, account } = taken.job;
      expect(able.map(({ key }) => key)).toContain(project);
      claims += 1;
      note(able, project);
      add(known(project), account, -1);
      known(project).running += 1;
      return taken;
    },

    async settle(taken: Claimed, end: 'done' | 'released' | 'failed'): Promise<void> {
      const each = known(taken.job.project);
      await store.settle(refOf(taken), () => ({
        job: end === 'released' ? { status: 'queued', attempts: 0 } : { status: end, finishedAt: kit.now },
        run: ENDED,
        ...(end === 'released' ? {} : { project: end === 'done' ? 'succeeded' : 'failed' }),
      }));
      each.running -= 1;
      if (end === 'released') add(each, taken.job.account, 1);
      else each.failedInRow = end === 'done' ? 0 : each.failedInRow + 1;
    },

    async configure(key: string, change: { weight?: number; active?: boolean }): Promise<void> {
      Object.assign(known(key), change);
      await configureStore();
    },

    async restart(): Promise<void> {
      store = await opened.reopen();
    },

    discard: () => opened.discard(),
  };
}

export type Line = Awaited<ReturnType<typeof createLine>>;

function nobodyYet(): Wait {
  return { claims: 0, rivals: new Map() };
}

function describeWait({ claims, rivals }: Wait): string {
  const weights = [...rivals].map(([key, { most, least }]) => `${key} ${least}..${most}`);
  return `${claims} claims, rivals ${weights.join(', ')}`;
}
