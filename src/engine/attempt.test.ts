import { describe, expect, it } from 'vitest';
import { AppError } from '../core/errors.ts';
import type { Job, Run } from '../core/model.ts';
import { runningJob } from '../core/test-kit.ts';
import type { StageContext } from '../stages/stage.ts';
import { type AttemptParts, createAttempts } from './attempt.ts';

/** An attempt of a job without a task; `row` is what the store says of it when it is asked. */
async function signalOf(row: () => Promise<Job | null>): Promise<boolean> {
  const job = runningJob({ taskId: null, stage: null, account: null, agent: 'developer' });
  const run = { id: 1, jobId: job.id, fence: job.fence, account: null, pid: null } as Run;
  let aborted: boolean | null = null;
  const agent = {
    start: async ({ signal }: StageContext) => {
      aborted = signal.aborted;
      throw new AppError('seen enough', { code: 'test.over' });
    },
  };
  const parts = {
    store: { job: row, settle: async () => 'ok' },
    workspace: { pathOf: () => '/clone' },
    machine: { commandHome: async () => '/home' },
    pipelines: { checksOf: () => [], noteFor: () => null },
    preflight: { version: () => null, drop() {} },
    runtime: () => ({
      projects: new Map([['api', { env: {}, envFile: null, copy: [], budget: {}, trace: 'off' }]]),
      accounts: new Map(),
      stageKinds: new Map([['agent', agent]]),
    }),
    clock: () => 0,
    random: () => 0,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    baseEnv: {},
    vacated: async () => {},
  } as unknown as AttemptParts;
  const attempts = createAttempts(parts);
  attempts.start({ job, run, task: null });
  await attempts.idle();
  if (aborted === null) throw new Error('the stage was not started');
  return aborted;
}

describe('an attempt', () => {
  const claimed = runningJob({ taskId: null });

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
});
