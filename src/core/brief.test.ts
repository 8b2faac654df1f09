import { describe, expect, it } from 'vitest';
import { type BriefInput, briefHeadline, briefOf, briefSections } from './brief.ts';
import { EMPTY_CONTEXT, type Job, NOTHING_HEARD, type Task } from './model.ts';

const NOW = Date.UTC(2026, 0, 5, 9);
const HOUR = 3_600_000;
const time = (at: number) => new Date(at).toISOString().slice(11, 16);

function task(key: string, fields: Partial<Task>): Task {
  return {
    ...{
      id: 1,
      key,
      project: 'api',
      workItemId: '1',
      repo: 'r',
      branch: `orch/${key}`,
      title: `About ${key}`,
    },
    ...{
      body: '',
      url: null,
      thread: '',
      stage: 'deploy',
      status: 'needs_you',
      reason: null,
      head: 'f'.repeat(40),
      pr: null,
    },
    forge: NOTHING_HEARD,
    ...{ rounds: {}, costMicroUsd: 0, unknownCosts: 0, budgetFromMicroUsd: 0, priority: 0, urgent: false },
    ...{
      pipeline: 'full',
      labels: [],
      size: null,
      trace: null,
      ticked: [],
      session: null,
      checked: null,
    },
    ...{ loops: {}, createdAt: 0, updatedAt: NOW - HOUR },
    ...fields,
  };
}
const waits = (key: string, code: string, detail = '') => task(key, { reason: { code, detail } });

const job = {
  id: 9,
  project: 'api',
  agent: 'developer',
  error: '\nboom\nmore',
  finishedAt: NOW,
  context: EMPTY_CONTEXT,
} as Job;

function brief(fields: Partial<BriefInput>) {
  return briefOf({
    ...{ since: NOW - 2 * HOUR, now: NOW, tasks: [], lonelyFailures: [], changed: new Map(), state: null },
    ...{ windows: [], next: [], running: 0, queued: 0 },
    ...fields,
  });
}

describe('the brief', () => {
  it('tells what waits with the smallest change first, and what nobody could measure last', () => {
    const stat = (lines: number) => ({ files: 1, added: lines, deleted: 0 });
    const { approvals } = brief({
      tasks: ['BIG', 'UNKNOWN', 'SMALL'].map((key) => waits(key, 'approval.pending')),
      changed: new Map([
        ['BIG', stat(900)],
        ['SMALL', stat(2)],
      ]),
    });
    expect(approvals.map(({ key }) => key)).toEqual(['SMALL', 'BIG', 'UNKNOWN']);
  });

  it('tells apart merged since, questions, and failures with their first line', () => {
    const found = brief({
      tasks: [
        task('NEW', { status: 'done' }),
        task('OLD', { status: 'done', updatedAt: NOW - 3 * HOUR }),
        waits('ASKS', 'question.pending', 'MIT or GPL?'),
        waits('FAILED', 'job.failed', '\ntests are red\nat line 7'),
      ],
      lonelyFailures: [job],
    });
    expect(found.merged.map(({ key }) => key)).toEqual(['NEW']);
    expect(found.questions.map(({ key }) => key)).toEqual(['ASKS']);
    expect(found.failures.map(({ key, error }) => [key, error])).toEqual([
      ['FAILED', 'tests are red'],
      ['job_9', 'boom'],
    ]);
    expect(briefHeadline(found, time)).toBe('Since 07:00: 1 merged, 3 need you, 0 running, 0 queued.');
    expect(briefSections(found, time)).toEqual([
      { title: 'Merged', lines: ['NEW About NEW'] },
      { title: 'Questions', lines: ['ASKS: MIT or GPL?'] },
      { title: 'Failures', lines: ['FAILED: tests are red', 'job_9: boom'] },
    ]);
  });

  it('says so when nothing happened', () => {
    expect(briefSections(brief({}), time)).toEqual([]);
    expect(briefHeadline(brief({}), time)).toContain('nothing needs you');
  });
});
