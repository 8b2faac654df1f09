import { describe, expect, it } from 'vitest';
import { approve } from './approvals.ts';
import { advance, missingRules } from './task.ts';
import { activeTask, queuedJob, rules, runningJob, stage } from './test-kit.ts';

const PIPELINE = [
  stage('development', { agent: 'developer' }),
  stage('accept', { kind: 'human', agent: null }),
  stage('security', { agent: 'reviewer', when: { labels: [], paths: ['src/auth/**'] } }),
  stage('legal', { agent: 'reviewer', when: { labels: ['licence'], paths: [] } }),
  stage('deploy', { kind: 'deploy', agent: null, approval: 'required' }),
];
const HEAD = 'a'.repeat(40);
const project = rules(PIPELINE);

describe('the next stage of a task', () => {
  it.each<[string, string[], string | null, string[] | null | undefined, string | undefined]>([
    ['is the one that a changed file asks for', [], HEAD, ['src/auth/a.ts'], 'security'],
    ['passes over those that neither file nor label asks for', [], HEAD, ['src/a.ts'], 'deploy'],
    ['is the one that a label asks for', ['Licence'], HEAD, ['src/a.ts'], 'legal'],
    ['is not passed over when nobody measured', [], HEAD, null, 'security'],
    ['is not passed over when nobody said', [], HEAD, undefined, 'security'],
    ['passes over what asks for changes when there is no commit', ['licence'], null, null, 'legal'],
    ['is none when only the merge is left, and nothing to merge', [], null, null, undefined],
  ])('%s', (_name, labels, head, changed, expected) => {
    const after = { head, maxAttempts: 3, now: 1, ...(changed === undefined ? {} : { changed }) };
    const step = advance(activeTask({ labels }), runningJob({ stage: 'accept' }), project, after);
    expect(step.newJobs[0]?.stage ?? undefined).toBe(expected);
    expect(step.task.status).toBe(
      expected === undefined ? 'done' : expected === 'deploy' ? 'needs_you' : 'active',
    );
  });

  it('after an approval counts the changes of the approved head, and of no other', () => {
    const state = {
      task: activeTask({ stage: 'accept', status: 'needs_you', head: HEAD }),
      job: queuedJob({ stage: 'accept', agent: null, hold: 'approval.pending' }),
    };
    const context = { project, maxAttempts: 3, by: 'mara', now: 1 };
    const next = (changed: { head: string; paths: string[] } | null) =>
      approve(state, null, { ...context, changed }).newJobs?.[0]?.stage;
    expect(next({ head: HEAD, paths: ['README.md'] })).toBe('deploy');
    expect(next({ head: 'b'.repeat(40), paths: ['README.md'] })).toBe('security');
    expect(next(null)).toBe('security');
  });
});

it('a task without rules names what it has lost', () => {
  expect(missingRules(activeTask())).toBe('project api');
  expect(missingRules(activeTask({ pipeline: 'short' }))).toBe('project api, or its pipeline short,');
});
