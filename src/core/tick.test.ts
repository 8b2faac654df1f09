import { describe, expect, it } from 'vitest';
import { approve } from './approvals.ts';
import { type CommandContext } from './command.ts';
import { retry, tick } from './commands.ts';
import type { Job, Task } from './model.ts';
import type { Stage } from './pipeline.ts';
import { advance } from './task.ts';
import { activeTask, queuedJob, rules, runningJob, stage } from './test-kit.ts';
import { type TraceMatrix, withTicks } from './trace.ts';

const HEAD = '9c41f0e1234567';
const MATRIX: TraceMatrix = {
  head: HEAD,
  criteria: [
    {
      id: 'AC-1',
      text: 'looks good',
      requirements: [],
      tests: [
        { id: 'TC-1', kind: 'automated', what: 'a.test.js: greets', state: 'passed', detail: '' },
        { id: 'TC-2', kind: 'manual', what: 'open the page', state: 'to_tick', detail: '' },
        { id: 'TC-3', kind: 'manual', what: 'print it', state: 'to_tick', detail: '' },
      ],
    },
  ],
};
const pipeline = (approval: Stage['approval']) =>
  rules([stage('testing', { agent: 'tester' }), stage('deploy', { kind: 'deploy', agent: null, approval })]);
const context = (approval: Stage['approval']): CommandContext => ({
  project: pipeline(approval),
  maxAttempts: 3,
  by: 'mara',
  now: 500,
});
const task = (ticked: readonly string[] = [], fields: Partial<Task> = {}) =>
  activeTask({
    stage: 'deploy',
    status: 'needs_you',
    head: HEAD,
    trace: withTicks(MATRIX, ticked),
    ticked,
    ...fields,
  });
const held: Job = queuedJob({ stage: 'deploy', agent: null, account: null, hold: 'approval.pending' });
const waiting = (ticked: readonly string[] = []) => ({ task: task(ticked), job: held });
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('a deploy with manual tests', () => {
  it('is not approved while one is not ticked, and the refusal names the command', () => {
    expect(() => approve(waiting(['TC-2']), null, context('required'))).toThrow(
      expect.objectContaining({
        code: 'approval.unticked',
        message: expect.stringContaining('TC-3'),
        hint: expect.stringContaining('orch tick API-1 TC-3'),
      }),
    );
    expect(approve(waiting(['TC-2', 'TC-3']), null, context('required')).job).toMatchObject({ hold: null });
  });

  it.each([
    ['none', 'deploy of API-1 waits for TC-2, TC-3 to be ticked: orch tick API-1 TC-2 TC-3'],
    [
      'required',
      'deploy of API-1 waits for approval, and before it for TC-2, TC-3 to be ticked: orch tick API-1 TC-2 TC-3',
    ],
  ] as const)('waits for a person with approval: %s, and says for what', (approval, detail) => {
    const job = runningJob({ stage: 'testing', agent: 'tester' });
    const step = advance(task(), job, pipeline(approval), { head: HEAD, maxAttempts: 3, now: 1 });
    expect(step.task).toEqual({
      stage: 'deploy',
      status: 'needs_you',
      reason: { code: 'approval.pending', detail },
    });
    expect(step.newJobs).toMatchObject([{ hold: 'approval.pending' }]);
    expect(step.outbox).toContainEqual(
      expect.objectContaining({
        message: expect.objectContaining({ detail: expect.stringContaining('orch tick API-1 TC-2 TC-3') }),
      }),
    );
  });

  it('starts by itself with approval: none when all are ticked', () => {
    const job = runningJob({ stage: 'testing', agent: 'tester' });
    const step = advance(task(['TC-2', 'TC-3']), job, pipeline('none'), {
      head: HEAD,
      maxAttempts: 3,
      now: 1,
    });
    expect([step.task.status, step.newJobs[0]?.hold]).toEqual(['active', null]);
  });

  it('waits again when it is retried before they are ticked', () => {
    const options = { note: null, fromStage: null, account: null };
    const failed = { ...held, status: 'failed' as const, hold: null };
    expect(retry({ task: task(), job: failed }, options, context('none'))).toMatchObject({
      job: { hold: 'approval.pending' },
      task: { status: 'needs_you', reason: { detail: expect.stringContaining('orch tick') } },
    });
    expect(
      retry({ task: task(), job: failed }, { ...options, fromStage: 'deploy' }, context('none')),
    ).toMatchObject({
      newJobs: [{ hold: 'approval.pending' }],
      task: { status: 'needs_you', reason: { detail: expect.stringContaining('orch tick') } },
    });
  });
});

describe('a tick', () => {
  it('is kept with the matrix, and the task still waits for the rest', () => {
    const effects = tick(waiting(), ['TC-2', 'TC-2'], context('none'));
    expect(effects.job).toBeUndefined();
    expect(effects.task).toEqual({
      ticked: ['TC-2'],
      trace: withTicks(MATRIX, ['TC-2']),
      reason: {
        code: 'approval.pending',
        detail: 'deploy of API-1 waits for TC-3 to be ticked: orch tick API-1 TC-3',
      },
    });
  });

  it('that is the last lets a deploy without approval start, and clears its message', () => {
    expect(tick(waiting(['TC-2']), ['TC-3'], context('none'))).toMatchObject({
      job: { hold: null },
      task: { status: 'active', reason: null, ticked: ['TC-2', 'TC-3'] },
      outbox: [{ message: { kind: 'notify.resolved', incident: 'approval:API-1:deploy' } }],
    });
  });

  it('is no approval', () => {
    const effects = tick(waiting(['TC-2']), ['TC-3'], context('required'));
    expect(effects.job).toBeUndefined();
    expect(effects.task).toMatchObject({ reason: { detail: 'deploy of API-1 waits for approval' } });
  });

  it('again changes nothing', () => {
    expect(tick(waiting(['TC-2']), ['TC-2'], context('none'))).toEqual({});
  });

  it('tells an open pull request, each time anew', () => {
    const open = { number: 1, url: null, state: 'open' as const };
    const rows = tick({ task: task([], { pr: open }), job: held }, ['TC-2'], context('required')).outbox;
    expect(rows).toMatchObject([{ message: { kind: 'forge.pull_request', action: 'ready' } }]);
    const later = tick({ task: task([], { pr: open }), job: held }, ['TC-2'], {
      ...context('required'),
      now: 501,
    });
    expect(later.outbox?.[0]?.key).not.toBe(rows?.[0]?.key);
  });

  it.each([
    ['of a test that is not there', ['TC-2', 'TC-9'], /no test TC-9/, 'its manual tests are TC-2, TC-3'],
    [
      'of a test that Orch proves',
      ['TC-1'],
      /TC-1 of API-1 is not manual/,
      'its manual tests are TC-2, TC-3',
    ],
  ])('%s is an error that names the manual ones', (_name, ids, message, hint) => {
    expect(() => tick(waiting(), ids, context('none'))).toThrow(
      expect.objectContaining({ code: 'usage.unknown_test', message: expect.stringMatching(message), hint }),
    );
  });

  it('before there are tests is an error too', () => {
    const none = { task: task([], { trace: null }), job: held };
    expect(() => tick(none, ['TC-1'], context('none'))).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('no manual tests yet') }),
    );
  });

  it('needs a task', () => {
    expect(() => tick({ task: null, job: held }, ['TC-1'], context('none'))).toThrow(code('usage.no_task'));
  });
});
