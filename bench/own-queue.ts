import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { NewJob } from '../src/core/effects.ts';
import { EMPTY_CONTEXT } from '../src/core/model.ts';
import { NO_USAGE } from '../src/core/usage.ts';
import { openSqliteStore } from '../src/store/sqlite/sqlite-store.ts';
import type { Claimed, ClaimRequest, Store } from '../src/store/store.ts';
import { claimRequest, newJob } from '../src/store/store-rows.contract.ts';

export interface QueueShape {
  readonly projects: number;
  readonly accounts: number;
  readonly projectCap: number;
}

const NO_CAP = 1_000_000;
export const USUAL: QueueShape = { projects: 20, accounts: 4, projectCap: NO_CAP };

/** Our queue on a fresh SQLite file, called as the engine calls it, one call at a time. */
export async function openOwnQueue(folder: string, shape: QueueShape) {
  const path = join(mkdtempSync(join(folder, 'own-')), 'orch.db');
  const configured = await open();
  let store = configured;
  let longestMs = 0;

  async function open(): Promise<Store> {
    const opened = openSqliteStore(path, Date.now);
    const projects = Array.from({ length: shape.projects }, (_, i) => ({
      key: `p${i}`,
      weight: 1,
      maxConcurrency: shape.projectCap,
    }));
    await opened.configure(projects, accountIds(shape));
    return opened;
  }

  const job = (i: number): Omit<NewJob, 'branch'> =>
    newJob({
      project: `p${i % shape.projects}`,
      account: `a${Math.floor(i / shape.projects) % shape.accounts}`,
    });
  const request = (): ClaimRequest =>
    claimRequest({
      accounts: accountIds(shape).map((id) => ({ id, slots: NO_CAP })),
      slots: NO_CAP,
      now: Date.now(),
    });

  /** Remembers the longest call: while it lasts, the server answers nobody. */
  async function call<T>(work: () => Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await work();
    } finally {
      longestMs = Math.max(longestMs, performance.now() - from);
    }
  }

  return {
    get store() {
      return store;
    },
    path,
    longestMs: () => longestMs,
    enqueue: (i: number) => call(() => store.enqueue(job(i), (id) => `orch/job-${id}`)),
    claim: (fields: Partial<ClaimRequest> = {}) => call(() => store.claim({ ...request(), ...fields })),
    finish: (claimed: Claimed) =>
      call(() =>
        store.settle({ runId: claimed.run.id, jobId: claimed.job.id, fence: claimed.job.fence }, () => DONE),
      ),
    look: () =>
      call(() => Promise.all([store.counts(), store.nextDue(Date.now()), store.accounts(), store.pauses()])),
    /** Puts `count` jobs in at once, past the store: only what is measured afterwards matters. */
    async fill(count: number, account = (i: number) => job(i).account): Promise<void> {
      await store.close();
      const db = new Database(path);
      const insert = db.prepare(
        `INSERT INTO jobs(project, repo, branch, agent, account, max_attempts, context, created_at) VALUES(@project, @repo, @branch, @agent, @account, @maxAttempts, @context, 0)`,
      );
      const context = JSON.stringify(EMPTY_CONTEXT);
      db.transaction(() => {
        for (let i = 0; i < count; i++) {
          const { project, repo, agent, maxAttempts } = job(i);
          insert.run({
            project,
            repo,
            agent,
            account: account(i),
            maxAttempts,
            context,
            branch: `orch/job-${i}`,
          });
        }
      })();
      db.pragma('wal_checkpoint(TRUNCATE)');
      db.close();
      store = await open();
    },
    async discard(): Promise<void> {
      await store.close();
      rmSync(join(path, '..'), { recursive: true });
    },
  };
}

export type OwnQueue = Awaited<ReturnType<typeof openOwnQueue>>;

const DONE = {
  job: { status: 'done', verdict: 'success' },
  run: {
    exitCode: 0,
    signal: null,
    resultOk: true,
    verdict: 'success',
    reason: '',
    rule: 'bench',
    sessionId: null,
    cliVersion: null,
    usage: NO_USAGE,
  },
  project: 'succeeded',
} as const;

function accountIds(shape: QueueShape): string[] {
  return Array.from({ length: shape.accounts }, (_, i) => `a${i}`);
}
