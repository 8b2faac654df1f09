import { describe, expect, it } from 'vitest';
import type { Effects, NewJob } from './effects.ts';
import { lineOf, withStatuses } from './forge-words.ts';
import { EMPTY_CONTEXT, type Job, NOTHING_HEARD, type StageWord, type Task } from './model.ts';
import { jobForStage } from './task.ts';
import { activeTask, queuedJob, rules, runningJob, stage } from './test-kit.ts';

const PIPELINE = [
  stage('analysis', { agent: 'analyst' }),
  stage('development', { agent: 'developer' }),
  stage('review', { agent: 'reviewer' }),
  stage('deploy', { kind: 'deploy', agent: null, approval: 'required' }),
];
const RULES = rules(PIPELINE, { tellsForge: true });
const done = (n: number): StageWord => ({ state: 'success', line: 'done', n });
const HEAD = 'aaaa111';
const NEXT = 'bbbb222';

const task = (told: Task['forge']['told'] = {}, fields: Partial<Task> = {}) =>
  activeTask({ head: HEAD, forge: { ...NOTHING_HEARD, told, toldAt: HEAD, words: 9 }, ...fields });
function next(name: string, findings: NewJob['context']['findings'] = []): NewJob {
  const found = PIPELINE.find((each) => each.stage === name) ?? stage(name);
  return jobForStage(activeTask(), found, RULES, { maxAttempts: 3, rework: false, context: { findings } });
}
const said = (effects: Effects) =>
  (effects.outbox ?? []).flatMap(({ message }) =>
    message.kind === 'forge.status'
      ? [`${message.head} ${message.stage} ${message.state}: ${message.description}`]
      : [],
  );
const job = (fields: Partial<Job> = {}) => runningJob({ id: 5, ...fields });

describe('commit statuses', () => {
  it.each<[string, Effects, Task, Job, string[]]>([
    [
      'a stage that is done and the one that begins',
      { job: { status: 'done' }, newJobs: [next('review')] },
      task(),
      job(),
      [`${HEAD} development success: done`, `${HEAD} review pending: queued`],
    ],
    [
      'a stage that waits for a person',
      { job: { status: 'done' }, newJobs: [next('deploy')] },
      task(),
      job({ stage: 'review' }),
      [`${HEAD} review success: done`, `${HEAD} deploy pending: waits for approval`],
    ],
    [
      'a stage that sends back, with what it found',
      {
        job: { status: 'done' },
        newJobs: [
          next('development', [
            { severity: 'high', file: null, line: null, title: 'off by one', detail: '' },
          ]),
        ],
      },
      task({ analysis: done(1) }),
      job({ stage: 'review' }),
      [`${HEAD} review failure: 1 finding: off by one`, `${HEAD} development pending: queued`],
    ],
    [
      'a stage that failed',
      { job: { status: 'failed' }, task: { reason: { code: 'job.failed', detail: 'token=abc' } } },
      task(),
      job(),
      [`${HEAD} development failure: failed: job.failed`],
    ],
    [
      'a stage that a person cancelled',
      { job: { status: 'cancelled' } },
      task(),
      job(),
      [`${HEAD} development error: cancelled`],
    ],
    [
      'a merge that waits for checks',
      {
        job: {
          ...{ status: 'queued', hold: 'checks.pending' },
          context: { ...EMPTY_CONTEXT, awaits: { detail: '2 checks still run on aaaa111', merges: false } },
        },
      },
      task(),
      job({ stage: 'deploy' }),
      [`${HEAD} deploy pending: waits: 2 checks still run on aaaa111`],
    ],
    ['nothing of a change that is none of a stage', { task: { urgent: true } }, task(), queuedJob(), []],
  ])('tell %s', (_name, effects, on, its, expected) => {
    expect(said(withStatuses(effects, { task: on, job: its }, RULES))).toEqual(expected);
  });

  it('say for a new head what was done for the old one, and nothing of what is to come again', () => {
    const before = task({ analysis: done(1), development: done(2), review: done(3) });
    const effects = { job: { status: 'done' }, task: { head: NEXT }, newJobs: [next('review')] } as const;
    expect(said(withStatuses(effects, { task: before, job: job() }, RULES))).toEqual([
      `${NEXT} analysis success: done`,
      `${NEXT} development success: done`,
      `${NEXT} review pending: queued`,
    ]);
  });

  it('say everything again for a head that Orch itself brought up to date', () => {
    const before = task({ development: done(2), review: done(3) });
    const waits = { status: 'queued', hold: 'checks.pending' } as const;
    const told = withStatuses(
      { job: waits, task: { head: NEXT } },
      { task: before, job: job({ stage: 'deploy' }) },
      RULES,
    );
    expect(said(told)).toEqual([
      `${NEXT} development success: done`,
      `${NEXT} review success: done`,
      `${NEXT} deploy pending: waits: checks still run`,
    ]);
  });

  it('are remembered before there is a commit, and said with the first', () => {
    const first = withStatuses(
      { job: { status: 'done' }, newJobs: [next('development')] },
      { task: task({}, { head: null }), job: job({ stage: 'analysis', agent: 'analyst' }) },
      RULES,
    );
    expect(said(first)).toEqual([]);
    const then = activeTask({ forge: first.task?.forge ?? NOTHING_HEARD });
    const second = { job: { status: 'done' }, task: { head: HEAD }, newJobs: [next('review')] } as const;
    expect(said(withStatuses(second, { task: then, job: job({ id: 6 }) }, RULES))[0]).toBe(
      `${HEAD} analysis success: done`,
    );
  });

  it('are said for a head that came while the project was not configured', () => {
    const unheard = task({ analysis: done(1) }, { head: NEXT });
    const effects: Effects = { job: { status: 'cancelled' }, task: { status: 'cancelled' } };
    expect(withStatuses(effects, { task: unheard, job: job() }, null)).toBe(effects);
    expect(said(withStatuses(effects, { task: unheard, job: job() }, RULES))).toEqual([
      `${NEXT} analysis success: done`,
      `${NEXT} development error: cancelled`,
    ]);
  });

  it('have one key per word and head, also when a stage comes to the same word again', () => {
    let on = task();
    const keys: string[] = [];
    const steps: Effects[] = [
      { job: { status: 'cancelled' } },
      { job: { status: 'queued' } },
      { job: { status: 'queued' } },
      { job: { status: 'cancelled' } },
      { job: { status: 'done' }, task: { head: NEXT }, newJobs: [next('review')] },
    ];
    for (const step of steps) {
      const told = withStatuses(step, { task: on, job: job() }, RULES);
      keys.push(...(told.outbox ?? []).map(({ key }) => key));
      on = { ...on, ...told.task };
    }
    // What is said already is not said again: five steps, of which one changes nothing.
    expect(keys).toHaveLength(5);
    expect(new Set(keys).size).toBe(5);
  });

  it('are not written where there is no forge', () => {
    const effects = { job: { status: 'done' }, newJobs: [next('review')] } as const;
    expect(withStatuses(effects, { task: task(), job: job() }, rules(PIPELINE))).toBe(effects);
  });

  it('are one line of at most 140 characters', () => {
    expect(lineOf(`${'x'.repeat(200)}\nmore`)).toHaveLength(140);
    expect(lineOf('one\ntwo')).toBe('one');
  });
});
