import { describe, expect, it } from 'vitest';
import type { Effects } from '../core/effects.ts';
import { AppError } from '../core/errors.ts';
import { notRun } from '../core/failure.ts';
import type { Job, Run } from '../core/model.ts';
import { runningJob } from '../core/test-kit.ts';
import type { StageContext, StageResult } from '../stages/stage.ts';
import { type AttemptParts, createAttempts } from './attempt.ts';

/** What an attempt needs of the engine, for a job without a task and one kind of stage. */
function partsWith(
  store: Partial<AttemptParts['store']>,
  start: (context: StageContext) => Promise<StageResult>,
): AttemptParts {
  return {
    store,
    workspace: { pathOf: () => '/clone' },
    machine: { commandHome: async () => '/home' },
    pipelines: { checksOf: () => [], noteFor: () => null },
    preflight: { version: () => null, drop() {} },
    runtime: () => ({
      notifiers: [],
      projects: new Map([['api', { env: {}, envFile: null, copy: [], budget: {}, trace: 'off' }]]),
      accounts: new Map(),
      stageKinds: new Map([['agent', { start }]]),
      budgets: { maxTransientAttempts: 3, maxLostAttempts: 3, backoff: { baseMs: 1, maxMs: 1 } },
    }),
    clock: () => 0,
    random: () => 0,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    baseEnv: {},
    vacated: async () => {},
  } as unknown as AttemptParts;
}

const claimed = runningJob({ taskId: null, stage: null, account: null, agent: 'developer' });
const run = { id: 1, jobId: claimed.id, fence: claimed.fence, account: null, pid: null } as Run;

/** An attempt of a job without a task; `row` is what the store says of it when it is asked. */
async function signalOf(row: () => Promise<Job | null>): Promise<boolean> {
  let aborted: boolean | null = null;
  const store = { job: row, settle: async () => 'ok' as const };
  const attempts = createAttempts(
    partsWith(store, async ({ signal }) => {
      aborted = signal.aborted;
      throw new AppError('seen enough', { code: 'test.over' });
    }),
  );
  attempts.start({ job: claimed, run, task: null });
  await attempts.idle();
  if (aborted === null) throw new Error('the stage was not started');
  return aborted;
}

describe('an attempt', () => {
  it('ends a run whose cancel came between its claim and its start', async () => {
    expect(await signalOf(async () => ({ ...claimed, cancelRequested: true }))).toBe(true);
  });

  it('goes on when nobody cancelled it, and when a cancel meant an earlier claim', async () => {
    expect(await signalOf(async () => claimed)).toBe(false);
    expect(await signalOf(async () => ({ ...claimed, cancelRequested: true, fence: 7 }))).toBe(false);
  });

  it('goes on when the store does not answer: the settle will tell', async () => {
    expect(await signalOf(() => Promise.reject(new Error('busy')))).toBe(false);
  });

  it('is settled as failed when what it came to cannot be settled by a fault of ours', async () => {
    const settled: Effects[] = [];
    let tries = 0;
    const store: Partial<AttemptParts['store']> = {
      job: async () => claimed,
      async settle(_ref, decide) {
        tries += 1;
        if (tries === 1) throw new TypeError('a rule is broken');
        settled.push(decide({ job: claimed, run, task: null, account: null, cliVersions: [] }));
        return 'ok';
      },
    };
    const attempts = createAttempts(partsWith(store, async () => ended));
    attempts.start({ job: claimed, run, task: null });
    await attempts.idle();
    expect(settled).toMatchObject([{ run: { verdict: 'permanent', reason: 'a rule is broken' } }]);
  });

  const busy = () => new AppError('the database is in use', { code: 'store.busy' });

  it('waits for a busy store to take the note of its start', async () => {
    const settled: Effects[] = [];
    let notes = 0;
    const store: Partial<AttemptParts['store']> = {
      ...settlingInto(settled),
      async started() {
        notes += 1;
        if (notes < 3) throw busy();
        return true;
      },
    };
    const attempts = createAttempts(
      partsWith(store, async ({ note }) => {
        expect(await note({ pid: 1 })).toBe(true);
        return ended;
      }),
    );
    attempts.start({ job: claimed, run, task: null });
    await attempts.idle();
    expect(notes).toBe(3);
    expect(settled).toMatchObject([{ run: { verdict: 'success' } }]);
  });

  it.each(['store.busy', 'store.disk_full', 'store.failed'])(
    'spends no attempt of its job on a store that says %s',
    async (code) => {
      const settled: Effects[] = [];
      const attempts = createAttempts(
        partsWith(settlingInto(settled), () =>
          Promise.reject(new AppError('the store did not take it', { code })),
        ),
      );
      attempts.start({ job: claimed, run, task: null });
      await attempts.idle();
      expect(settled).toMatchObject([
        { run: { verdict: 'transient' }, job: { status: 'queued', attempts: claimed.attempts - 1 } },
      ]);
    },
  );
});

const ended: StageResult = {
  judgement: { ...notRun('success', 'done', 'test'), realAnswer: true },
  end: { exitCode: 0, signal: null, stoppedBy: null, vanished: false },
  ...{ outcome: null, head: null, pr: null, finalCode: null, ran: true },
};

function settlingInto(settled: Effects[]): Partial<AttemptParts['store']> {
  return {
    job: async () => claimed,
    async settle(_ref, decide) {
      settled.push(decide({ job: claimed, run, task: null, account: null, cliVersions: [] }));
      return 'ok';
    },
  };
}
