import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VERDICTS, type Verdict } from './failure.ts';
import { type AttemptEnd, jobAfter, resumesSession } from './job.ts';
import type { Job } from './model.ts';
import { runningJob } from './test-kit.ts';

const NOW = 1_000_000;
const BUDGETS = { maxTransientAttempts: 3, maxLostAttempts: 2, backoff: { baseMs: 10_000, maxMs: 60_000 } };

function ends(verdict: Verdict, fields: Partial<AttemptEnd> = {}): AttemptEnd {
  return { verdict, reason: 'why', retryAfterMs: null, released: false, final: false, ...fields };
}

describe('what the end of an attempt does to its job', () => {
  it.each<[string, Verdict, Partial<Job>, Partial<AttemptEnd>, object]>([
    [
      'success ends it and clears the error',
      'success',
      { error: 'before' },
      {},
      { status: 'done', attempts: 1, error: null, availableAt: null },
    ],
    [
      'no change keeps the attempt and queues it at once',
      'no_change',
      {},
      {},
      { status: 'queued', attempts: 1, availableAt: null, error: 'why' },
    ],
    [
      'a permanent failure keeps the attempt and queues it at once',
      'permanent',
      { transientAttempts: 2 },
      {},
      { status: 'queued', attempts: 1, transientAttempts: 2, availableAt: null, error: 'why' },
    ],
    ['a timeout keeps the attempt', 'timeout', {}, {}, { status: 'queued', attempts: 1 }],
    ['a stall keeps the attempt', 'stalled', {}, {}, { status: 'queued', attempts: 1 }],
    [
      'the last attempt fails it, with the reason',
      'permanent',
      { attempts: 3 },
      {},
      { status: 'failed', attempts: 3, error: 'why', availableAt: null },
    ],
    [
      'the last attempt fails it for want of a change',
      'no_change',
      { attempts: 3 },
      {},
      { status: 'failed' },
    ],
    ['the last attempt fails it by time', 'timeout', { attempts: 3 }, {}, { status: 'failed' }],
    ['the last attempt fails it by silence', 'stalled', { attempts: 3 }, {}, { status: 'failed' }],
    [
      'one attempt before the last does not',
      'permanent',
      { attempts: 2 },
      {},
      { status: 'queued', attempts: 2 },
    ],
    ['of one attempt only, the first is the last', 'permanent', { maxAttempts: 1 }, {}, { status: 'failed' }],
    [
      'a transient failure gives the attempt back and delays it by the backoff',
      'transient',
      {},
      {},
      { status: 'queued', attempts: 0, transientAttempts: 1, availableAt: NOW + 5_000, error: 'why' },
    ],
    [
      'a second one waits longer',
      'transient',
      { transientAttempts: 1 },
      {},
      { status: 'queued', attempts: 0, transientAttempts: 2, availableAt: NOW + 10_000 },
    ],
    [
      'a stated delay is honoured beyond the maximum',
      'transient',
      {},
      { retryAfterMs: 3_600_000 },
      { status: 'queued', availableAt: NOW + 3_600_000 },
    ],
    [
      'a stated delay of nothing makes it due now',
      'transient',
      {},
      { retryAfterMs: 0 },
      { status: 'queued', availableAt: NOW },
    ],
    [
      'the last transient failure fails it, the attempts unspent',
      'transient',
      { transientAttempts: 2, attempts: 3 },
      { retryAfterMs: 5 },
      { status: 'failed', attempts: 2, transientAttempts: 3, availableAt: null },
    ],
    [
      'a sign-in failure costs nothing at all',
      'auth',
      { attempts: 3, transientAttempts: 2, lostAttempts: 1 },
      {},
      { status: 'queued', attempts: 2, transientAttempts: 2, lostAttempts: 1, availableAt: null },
    ],
    [
      'a usage limit costs nothing at all',
      'usage_limit',
      { attempts: 3, transientAttempts: 2, lostAttempts: 1 },
      { retryAfterMs: 9 },
      { status: 'queued', attempts: 2, transientAttempts: 2, lostAttempts: 1, availableAt: null },
    ],
    [
      'a lost run gives the attempt back and counts as lost',
      'lost',
      {},
      {},
      { status: 'queued', attempts: 0, lostAttempts: 1, transientAttempts: 0, availableAt: null },
    ],
    [
      'the last lost run fails it',
      'lost',
      { lostAttempts: 1 },
      {},
      { status: 'failed', attempts: 0, lostAttempts: 2 },
    ],
    [
      'a cancel gives the attempt back and ends it',
      'cancelled',
      { attempts: 2 },
      {},
      { status: 'cancelled', attempts: 1 },
    ],
    [
      'a release gives the attempt back and queues it',
      'cancelled',
      { attempts: 2 },
      { released: true },
      { status: 'queued', attempts: 1, availableAt: null },
    ],
  ])('%s', (_name, verdict, job, end, expected) => {
    expect(jobAfter(runningJob(job), ends(verdict, end), BUDGETS, NOW, 0)).toMatchObject(expected);
  });

  it('never spends two budgets at once, never goes below zero, and delays only what is queued', () => {
    const job = fc.record({
      attempts: fc.integer({ min: 1, max: 4 }),
      maxAttempts: fc.integer({ min: 1, max: 4 }),
      transientAttempts: fc.nat({ max: 3 }),
      lostAttempts: fc.nat({ max: 2 }),
    });
    fc.assert(
      fc.property(
        job,
        fc.constantFrom(...VERDICTS),
        fc.boolean(),
        fc.option(fc.nat()),
        (fields, verdict, released, retryAfterMs) => {
          const before = runningJob(fields);
          const after = jobAfter(before, ends(verdict, { released, retryAfterMs }), BUDGETS, NOW, 0.5);
          const spent = [
            after.attempts - (before.attempts - 1),
            after.transientAttempts - before.transientAttempts,
            after.lostAttempts - before.lostAttempts,
          ];
          expect(spent.every((n) => n === 0 || n === 1)).toBe(true);
          expect(spent.reduce((a, b) => a + b)).toBeLessThanOrEqual(1);
          expect(after.attempts).toBeGreaterThanOrEqual(0);
          if (after.status !== 'queued') expect(after.availableAt).toBeNull();
          if (after.status === 'failed') expect(after.error).toBe('why');
        },
      ),
    );
  });
});

describe('the session of the next attempt', () => {
  it('is resumed after what was not the work itself, and started afresh after the work failed', () => {
    expect(VERDICTS.filter(resumesSession)).toEqual([
      'timeout',
      'stalled',
      'transient',
      'auth',
      'usage_limit',
      'lost',
      'cancelled',
    ]);
  });
});
