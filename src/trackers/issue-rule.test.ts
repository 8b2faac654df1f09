import { expect, it } from 'vitest';
import { misses, nearest, priorityOf, type RuledIssue, ruleText } from './issue-rule.ts';

const issue = (fields: Partial<RuledIssue> = {}): RuledIssue => ({
  ...{
    number: 1,
    isOpen: true,
    labels: [{ name: 'agent' }],
    assignees: ['orch'],
    milestone: 'v1',
    updatedAt: 0,
  },
  ...fields,
});

it.each([
  [{ label: 'agent', assignee: 'Orch', milestone: 'v1' }, issue(), true, []],
  [{ label: 'Agent' }, issue(), true, ['label Agent is missing']],
  [{ label: 'Agent' }, issue(), false, []],
  [{ milestone: 'V1' }, issue(), false, ['is not in milestone V1']],
  [{ assignee: 'lin' }, issue({ isOpen: false }), false, ['is closed', 'is not assigned to lin']],
])('%o misses of %o, where labels have case: %s, are %j', (rule, of, labelsHaveCase, missing) => {
  expect(misses(rule, of, labelsHaveCase)).toEqual(missing);
});

it('says a rule in words, and what comes nearest to it first', () => {
  expect(ruleText({ label: 'agent', milestone: 'v1' })).toBe(
    'an open issue with the label agent and the milestone v1',
  );
  const judged = [
    { issue: issue({ number: 1 }), missing: ['a', 'b'] },
    { issue: issue({ number: 2, updatedAt: 1 }), missing: ['a'] },
    { issue: issue({ number: 3, updatedAt: 2 }), missing: ['b'] },
    { issue: issue({ number: 4 }), missing: [] },
    { issue: issue({ number: 5 }), missing: ['a', 'b', 'c'] },
  ];
  expect(nearest(judged, (number) => `WID-${number}`)).toEqual([
    { key: 'WID-3', why: 'b' },
    { key: 'WID-2', why: 'a' },
    { key: 'WID-1', why: 'a, b' },
  ]);
});

it('takes the highest priority of labels in any case, and none for nothing', () => {
  const labels = ['Low', 'urgent', 'bug'].map((name) => ({ name }));
  expect(priorityOf(issue({ labels }), { low: -50, Urgent: 100 })).toBe(100);
  expect(priorityOf(issue(), { low: -50 })).toBe(0);
});
