import { describe, expect, it } from 'vitest';
import { activeTask, queuedJob, runningJob } from './test-kit.ts';
import { setPriority, setUrgent } from './urgent.ts';

describe('urgent', () => {
  it('marks the job and the task that passes it on, and takes both marks away again', () => {
    const [task, job] = [activeTask(), queuedJob()];
    expect(setUrgent({ task, job }, true)).toEqual({ job: { urgent: true }, task: { urgent: true } });
    const marked = { task: { ...task, urgent: true }, job: { ...job, urgent: true } };
    expect(setUrgent(marked, false)).toEqual({ job: { urgent: false }, task: { urgent: false } });
    expect(setUrgent(marked, true)).toEqual({});
  });

  it('marks a running job too: its next attempt and the stages behind it are urgent', () => {
    expect(setUrgent({ task: null, job: runningJob() }, true)).toEqual({ job: { urgent: true } });
  });

  it.each(['done', 'cancelled'] as const)('refuses a task that is %s', (status) => {
    expect(() => setUrgent({ task: activeTask({ status }), job: queuedJob() }, true)).toThrow(
      /is (done|cancelled)/,
    );
  });

  it('refuses a job that is done, and one that its task has left behind', () => {
    expect(() => setUrgent({ task: null, job: queuedJob({ status: 'done' }) }, true)).toThrow('is done');
    expect(() => setUrgent({ task: activeTask(), job: queuedJob(), superseded: true }, true)).toThrow(
      'has gone on',
    );
  });
});

describe('a priority', () => {
  it('is of the job and of the task that passes it on', () => {
    const [task, job] = [activeTask(), queuedJob()];
    expect(setPriority({ task, job }, 5)).toEqual({ job: { priority: 5 }, task: { priority: 5 } });
    expect(setPriority({ task: null, job: { ...job, priority: 5 } }, 5)).toEqual({});
    expect(() => setPriority({ task: activeTask({ status: 'done' }), job }, 5)).toThrow('is done');
  });
});
