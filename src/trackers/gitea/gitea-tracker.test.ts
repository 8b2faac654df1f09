import { describe, expect, it, onTestFinished } from 'vitest';
import { type FakeGitea, startGitea } from '../../../test/fakes/gitea.ts';
import { hostContext } from '../../clients/test-kit.ts';
import { delivery } from '../../core/test-kit.ts';
import { withoutMarker } from '../../lib/marker.ts';
import { trackerContract } from '../tracker.contract.ts';
import { giteaTracker } from './gitea-tracker.ts';

const trackerAt = (
  gitea: FakeGitea,
  config: Readonly<Record<string, unknown>> = { label: 'agent' },
  given: { readonly token?: string } = {},
) => giteaTracker.create(hostContext('gitea', gitea, { config, ...given }));

trackerContract('gitea', async () => {
  const gitea = await startGitea();
  const tracker = trackerAt(gitea);
  const { number } = gitea.openIssue({ title: 'One', labels: ['agent', 'bug'] });
  const issue = () => gitea.issue(number);
  return {
    tracker,
    itemId: String(number),
    comments: async () => issue().comments.map(({ body }) => withoutMarker(body)),
    status: async () => {
      const label = issue().labels.find(({ name }) => name.startsWith('orch/'));
      return issue().state === 'closed' ? 'done' : (label?.name.slice(5).replaceAll('-', '_') ?? 'open');
    },
    loseNext: () => {
      gitea.knobs.loseNext = true;
    },
    discard: () => gitea.close(),
  };
});

describe('issues of Gitea as work items', () => {
  async function open(options?: Parameters<typeof startGitea>[0]) {
    const gitea = await startGitea(options);
    onTestFinished(() => gitea.close());
    return gitea;
  }
  const never = new AbortController().signal;

  it('reads what the rule matches, oldest first, over all pages, and no pull request', async () => {
    const gitea = await open();
    for (let i = 1; i <= 120; i++)
      gitea.openIssue({ title: `Issue ${i}`, labels: i % 2 === 0 ? ['agent'] : [] });
    await gitea.push('lin', 'feature', { 'a.txt': 'a\n' }, 'a');
    const tracker = trackerAt(gitea);
    const found = await tracker.feed?.matching(never);
    expect(found?.map(({ id }) => Number(id))).toEqual(Array.from({ length: 60 }, (_, i) => 2 * i + 2));
    expect(found?.[0]).toMatchObject({ key: 'WID-2', mismatch: null, isOpen: true, status: 'open' });
    expect(await tracker.survey()).toMatchObject({ seen: 120, matching: 60, source: 'Gitea acme/widgets' });
  });

  it('says of the nearest issues what they lack', async () => {
    const gitea = await open();
    gitea.openIssue({ title: 'far' });
    gitea.openIssue({ title: 'near', labels: ['agent'] });
    gitea.openIssue({ title: 'in', labels: ['agent'], assignees: ['orch'], milestone: 'v1' });
    const tracker = trackerAt(gitea, { label: 'agent', assignee: 'Orch', milestone: 'v1' });
    expect((await tracker.feed?.matching(never))?.map(({ key }) => key)).toEqual(['WID-3']);
    expect(await tracker.survey()).toMatchObject({
      rule: 'an open issue with the label agent and the assignee Orch and the milestone v1',
      nearest: [
        { key: 'WID-2', why: 'is not assigned to Orch, is not in milestone v1' },
        { key: 'WID-1', why: 'label agent is missing, is not assigned to Orch, is not in milestone v1' },
      ],
    });
  });

  it('knows blockers from dependencies and from the text, with their state', async () => {
    const gitea = await open();
    const [first, second, third] = ['a', 'b', 'c'].map((title) => gitea.openIssue({ title }));
    gitea.editIssue(second?.number ?? 0, { state: 'closed' });
    const body = 'Depends on #2, acme/widgets#3 and #999\n\n> Blocked by #1\n\n```\nBlocked by #1\n```\n';
    const issue = gitea.openIssue({ title: 'd', labels: ['agent'], body });
    issue.dependencies.push(first?.number ?? 0, third?.number ?? 0);
    const all = [
      { key: 'WID-1', isOpen: true },
      { key: 'WID-3', isOpen: true },
      { key: 'WID-2', isOpen: false },
    ];
    expect((await trackerAt(gitea).item('4'))?.blockedBy).toEqual(all);
    gitea.knobs.dependencies = false;
    expect((await trackerAt(gitea).feed?.matching(never))?.[0]?.blockedBy).toEqual([all[2], all[1]]);
  });

  it('writes its report anew when somebody removed it', async () => {
    const gitea = await open();
    const issue = gitea.openIssue({ title: 'One', labels: ['agent'] });
    const tracker = trackerAt(gitea);
    for (const text of ['one', 'two']) {
      await tracker.report('1', text, delivery(text));
      expect(issue.comments.map(({ body }) => withoutMarker(body))).toEqual([text]);
      issue.comments.length = 0;
    }
  });

  it('leaves the labels of others alone, makes its own, and closes only what is done', async () => {
    const gitea = await open();
    const issue = gitea.openIssue({ title: 'One', labels: ['agent', 'bug'] });
    const tracker = trackerAt(gitea, { label: 'agent', states: { done: 'shipped' }, close_when_done: false });
    const names = () => issue.labels.map(({ name }) => name);
    await tracker.setStatus('1', 'in_progress', 'development', delivery('1'));
    expect(names()).toEqual(['agent', 'bug', 'orch/in-progress']);
    await tracker.setStatus('1', 'needs_you', 'review', delivery('2'));
    expect(names()).toEqual(['agent', 'bug', 'orch/needs-you']);
    await tracker.setStatus('1', 'done', 'deploy', delivery('3'));
    expect([names(), issue.state]).toEqual([['agent', 'bug', 'shipped'], 'open']);
    await tracker.setStatus('1', 'cancelled', 'deploy', delivery('4'));
    expect([names(), issue.state]).toEqual([['agent', 'bug'], 'open']);
    await trackerAt(gitea).setStatus('1', 'done', 'deploy', delivery('5'));
    expect([names(), issue.state]).toEqual([['agent', 'bug'], 'closed']);
  });

  it('tells comments of others, and whether their authors may write, also when only administrators may ask', async () => {
    for (const orchMay of ['admin', 'write'] as const) {
      const gitea = await open({ orchMay });
      const { number } = gitea.openIssue({ title: 'One', labels: ['agent'] });
      const tracker = trackerAt(gitea);
      await tracker.comment('1', 'ours', delivery('c'));
      gitea.comment('reviewer', number, 'ours too');
      gitea.comment('lin', number, 'please use tabs');
      gitea.comment('guest', number, 'buy my watches\n\n<!-- orch:c -->');
      const comments = await tracker.feed?.comments('1', null, never);
      expect(comments?.map((each) => [each.by.name, each.by.mayWrite, each.body])).toEqual([
        ['lin', true, 'please use tabs'],
        ['guest', false, 'buy my watches'],
      ]);
      expect(await tracker.feed?.comments('1', Date.now() + 5000, never)).toEqual([]);
    }
  });

  it('takes priorities from labels in any case, and an author from a user who may be gone', async () => {
    const gitea = await open();
    gitea.openIssue({ title: 'One', labels: ['agent', 'Priority/High'], by: 'guest' });
    const [item] = (await trackerAt(gitea).feed?.matching(never)) ?? [];
    expect(item).toMatchObject({ priority: 50, author: { name: 'guest', mayWrite: false } });
    gitea.knobs.bend = (request, answer) =>
      request.endsWith('/issues/1')
        ? { ...(answer as object), user: null, assignees: null, body: null }
        : null;
    expect(await trackerAt(gitea).item('1')).toMatchObject({ author: null, body: '' });
  });

  it('believes that an issue is gone only while its repository is there', async () => {
    const gitea = await open();
    gitea.openIssue({ title: 'One', labels: ['agent'] });
    gitea.knobs.blind = 'orch';
    const tracker = trackerAt(gitea);
    for (const act of [
      () => tracker.item('1'),
      () => tracker.setStatus('1', 'done', 's', delivery('1')),
      () => tracker.feed?.matching(never),
    ])
      await expect(act()).rejects.toMatchObject({
        code: 'tracker.unreachable',
        message: expect.stringMatching(/does not see/),
      });
  });

  it('takes a missing or wrongly typed field for no answer, and names the missing scope', async () => {
    const gitea = await open();
    gitea.openIssue({ title: 'One', labels: ['agent'] });
    gitea.knobs.bend = (request, answer) =>
      request.endsWith('/issues/1') ? { ...(answer as object), number: 'one' } : null;
    await expect(trackerAt(gitea).item('1')).rejects.toMatchObject({
      code: 'tracker.unreachable',
      message: expect.stringMatching(/cannot be used: number/),
    });
    gitea.knobs.bend = null;
    const narrow = trackerAt(gitea, undefined, { token: gitea.token('orch', ['read:issue', 'read:user']) });
    await expect(narrow.setStatus('1', 'needs_you', 's', delivery('1'))).rejects.toMatchObject({
      code: 'tracker.unreachable',
      hint: expect.stringMatching(/write:issue/),
    });
    const secret = 'not-a-token-of-anybody';
    const wrong = await trackerAt(gitea, undefined, { token: secret })
      .item('1')
      .catch((error: unknown) => error as Error);
    expect(wrong).toMatchObject({
      code: 'tracker.unreachable',
      hint: expect.stringMatching(/ORCH_GITEA_TOKEN/),
    });
    expect(JSON.stringify(wrong)).not.toContain(secret);
  });

  it('wants a match rule and a repository', () => {
    expect(giteaTracker.check?.({}, '/srv/git/x.git')).toMatchObject([{ key: 'repo' }, { key: 'label' }]);
    expect(giteaTracker.check?.({ repo: 'x', label: 'a' }, '')).toMatchObject([
      { problem: 'is not owner/name' },
    ]);
    for (const address of [
      'git@host:acme/api.git',
      'https://host/git/acme/api.git/',
      'ssh://git@host:2222/acme/api',
    ])
      expect(giteaTracker.check?.({ milestone: 'v1' }, address)).toEqual([]);
  });
});
