import { describe, expect, it } from 'vitest';
import { EMPTY_CONTEXT } from './model.ts';
import { plain, taskReport } from './task-report.ts';
import { activeTask, endedRun, queuedJob } from './test-kit.ts';

const stages = ['analysis', 'development', 'deploy'];

describe('the living report', () => {
  it('shows each stage with its state and cost, the branch and the pull request', () => {
    const task = activeTask({
      ...{ stage: 'development', costMicroUsd: 1_840_000, unknownCosts: 1 },
      pr: { number: 12, url: 'https://git.example/acme/api/pulls/12', state: 'draft' },
    });
    const jobs = [
      queuedJob({ id: 1, stage: 'analysis', status: 'done' }),
      queuedJob({ id: 2, stage: 'development', status: 'running' }),
    ];
    const runs = [endedRun({ id: 8, jobId: 1, costUsd: 1.84 }), endedRun({ id: 9, jobId: 2, costUsd: null })];
    expect(taskReport({ task, stages, jobs, runs }).split('\n')).toEqual([
      '**Orch works on API-1: development**',
      '',
      '| stage | state | cost |',
      '| --- | --- | --- |',
      '| analysis | done | $1.84 |',
      '| development | running (run_9) | unknown |',
      '| deploy | – | – |',
      '',
      'Branch `orch/api-1`, pull request [#12](https://git.example/acme/api/pulls/12) (draft). Cost so far: $1.84, and 1 runs of unknown cost.',
    ]);
  });

  it.each([
    ['question.pending', 'The next comment here answers it'],
    ['approval.pending', '/orch approve'],
    ['rounds.stuck', 'in spite of it'],
    ['job.failed', '/orch retry'],
  ])('says how to go on after %s', (code, how) => {
    const task = activeTask({ status: 'needs_you', reason: { code, detail: 'Which one?' } });
    const text = taskReport({ task, stages, jobs: [queuedJob({ stage: 'development' })], runs: [] });
    expect(text).toContain('> Which one?');
    expect(text).toContain(how);
    expect(text).toContain('| development | needs a person | – |');
  });

  it('names what it depends on', () => {
    const context = { ...EMPTY_CONTEXT, dependsOn: ['API-226'] };
    const job = queuedJob({ stage: 'analysis', hold: 'dependency.open', context });
    expect(taskReport({ task: activeTask({ stage: 'analysis' }), stages, jobs: [job], runs: [] })).toContain(
      'It depends on API-226, and starts when that is done.',
    );
  });

  it('takes the words of others for text', () => {
    expect(plain('see <b>@all</b>\n\n# [x](y) `z`')).toBe(
      'see \\<b\\>@\u200ball\\</b\\> \\# \\[x\\]\\(y\\) \\`z\\`',
    );
  });
});
