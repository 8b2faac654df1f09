import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type FakeGithub, startGithub } from '../../../test/fakes/github.ts';
import { hostContext } from '../../clients/test-kit.ts';
import { delivery, failing } from '../../core/test-kit.ts';
import { withoutMarker } from '../../lib/marker.ts';
import { trackerContract } from '../tracker.contract.ts';
import type { TrackerFeed } from '../tracker.ts';
import { githubTracker } from './github-tracker.ts';

const RULE = { label: 'agent' };

trackerContract('github', async () => {
  const github = await startGithub();
  onTestFinished(() => github.close());
  const issue = github.openIssue({ title: 'One', labels: ['agent'] });
  return {
    tracker: githubTracker.create(hostContext('github', github, { config: RULE })),
    itemId: String(issue.number),
    comments: async () => issue.comments.map(({ body }) => withoutMarker(body)),
    status: async () =>
      issue.state === 'closed' ? 'done' : issue.labels.includes('orch/in-progress') ? 'in_progress' : 'open',
    loseNext: () => {
      github.knobs.loseNext = true;
    },
    discard: async () => undefined,
  };
});

describe('GitHub as a tracker', () => {
  let github: FakeGithub;
  const signal = new AbortController().signal;
  const open = (config: Readonly<Record<string, unknown>> = RULE, more = {}) => {
    const tracker = githubTracker.create(hostContext('github', github, { config, ...more }));
    return { tracker, feed: tracker.feed as TrackerFeed };
  };

  beforeEach(async () => {
    github = await startGithub();
  });
  afterEach(() => github.close());

  it('reads issues in the words of people, pull requests left out', async () => {
    github.openIssue({
      ...{
        title: 'Login',
        body: 'Depends on #2, acme/widgets#3 and #9\nBlocked by OTHER-1\n```\nBlocked by #2\n```',
      },
      ...{ labels: ['agent', 'Priority: High'] },
    });
    github.openIssue({ title: 'First' });
    github.openIssue({ title: 'Done' }).state = 'closed';
    await github.push('orch', 'work', { 'a.txt': 'x' }, 'work');
    const { tracker, feed } = open();
    expect(await feed.matching(signal)).toMatchObject([
      {
        ...{ id: '1', key: 'WID-1', title: 'Login', labels: ['agent', 'Priority: High'], priority: 50 },
        ...{ isOpen: true, mismatch: null, author: { name: 'mara', mayWrite: true } },
        url: `${github.url}/acme/widgets/issues/1`,
        blockedBy: [
          { key: 'WID-2', isOpen: true },
          { key: 'WID-3', isOpen: false },
        ],
      },
    ]);
    expect(await tracker.survey()).toMatchObject({
      ...{ source: 'GitHub acme/widgets', rule: 'an open issue with the label agent', seen: 2, matching: 1 },
      nearest: [{ key: 'WID-2', why: 'label agent is missing' }],
    });
    expect(await tracker.item('2')).toMatchObject({ mismatch: 'label agent is missing' });
  });

  it('matches by label, assignee and milestone together, in any case', async () => {
    github.openIssue({ title: 'a', labels: ['Agent'], assignees: ['orch'], milestone: 'M1' });
    github.openIssue({ title: 'b', labels: ['agent'] });
    const keys = async (config: Readonly<Record<string, unknown>>) =>
      (await open(config).feed.matching(signal)).map(({ key }) => key);
    expect(await keys({ label: 'agent' })).toEqual(['WID-1', 'WID-2']);
    expect(await keys({ label: 'agent', assignee: 'Orch' })).toEqual(['WID-1']);
    expect(await keys({ milestone: 'M1' })).toEqual(['WID-1']);
    expect(githubTracker.check?.({}, github.gitUrl)).toMatchObject([{ key: 'label' }]);
    expect(githubTracker.check?.({ label: 'x' }, '/srv/x.git')).toMatchObject([{ key: 'repo' }]);
  });

  it('follows pages to the end', async () => {
    for (let i = 0; i < 230; i++) github.openIssue({ title: `${i}`, labels: ['agent'] });
    expect(await open().feed.matching(signal)).toHaveLength(230);
  });

  it('shows the state of a task by labels of its own, and leaves others alone', async () => {
    const issue = github.openIssue({ title: 'a', labels: ['agent', 'bug'] });
    const { tracker } = open();
    await tracker.setStatus('1', 'in_progress', 'development', delivery('s1'));
    await tracker.setStatus('1', 'needs_you', 'development', delivery('s2'));
    expect(issue.labels).toEqual(['agent', 'bug', 'orch/needs-you']);
    await tracker.setStatus('1', 'done', 'deploy', delivery('s3'));
    expect([issue.labels, issue.state]).toEqual([['agent', 'bug'], 'closed']);
  });

  it('hears people, by whether they may write to the repository, and never itself', async () => {
    github.openIssue({ title: 'a', labels: ['agent'] });
    const { tracker, feed } = open();
    await tracker.comment('1', 'spent', delivery('k'));
    await tracker.report('1', 'report', delivery('r'));
    github.comment('lin', 1, '/orch retry');
    github.comment('guest', 1, 'me too');
    github.comment('orch', 1, '/orch retry');
    github.comment('reviewer', 1, '/orch approve');
    expect(await feed.comments('1', null, signal)).toMatchObject([
      { body: '/orch retry', by: { name: 'lin', mayWrite: true } },
      { body: 'me too', by: { name: 'guest', mayWrite: false } },
    ]);
    expect(await feed.comments('1', Date.now() + 86_400_000, signal)).toEqual([]);
  });

  it('goes by the word beside a comment where it may not ask for permissions', async () => {
    github.openIssue({ title: 'a', labels: ['agent'] });
    github.knobs.mayNotAsk = true;
    for (const login of ['lin', 'guest']) github.comment(login, 1, 'x');
    expect(await open().feed.comments('1', null, signal)).toMatchObject([
      { by: { mayWrite: true } },
      { by: { mayWrite: false } },
    ]);
  });

  it('writes its report anew when somebody removed it, and finds it after a restart', async () => {
    const issue = github.openIssue({ title: 'a', labels: ['agent'] });
    const { tracker } = open();
    await tracker.report('1', 'one', delivery('r1'));
    await open().tracker.report('1', 'two', delivery('r2'));
    expect(issue.comments.map(({ body }) => withoutMarker(body))).toEqual(['two']);
    issue.comments.length = 0;
    await tracker.report('1', 'three', delivery('r3'));
    expect(issue.comments.map(({ body }) => withoutMarker(body))).toEqual(['three']);
  });

  it('never takes a repository that it may not see for an issue that is gone', async () => {
    github.openIssue({ title: 'a', labels: ['agent'] });
    const { tracker } = open();
    expect(await tracker.item('1')).not.toBeNull();
    github.knobs.blind = 'orch';
    expect(await failing(tracker.item('1'))).toMatchObject({ kind: 'unreachable' });
    expect(await failing(tracker.comment('1', 'x', delivery('k')))).toMatchObject({ kind: 'unreachable' });
  });

  it('says which setting to look at when the token is wrong', async () => {
    const { feed } = open(RULE, { token: 'ghp_wrong' });
    await expect(feed.matching(signal)).rejects.toMatchObject({
      ...{ code: 'tracker.unreachable', hint: expect.stringContaining('ORCH_GITHUB_TOKEN') },
    });
  });

  describe('under a limit', () => {
    const limited = (headers: Record<string, string>, status = 403, message = 'no') => {
      github.knobs.next = { when: /comments/, status, headers, body: { message } };
    };
    const waits = async () => {
      const { tracker } = open();
      const first = await failing(tracker.comment('1', 'x', delivery('k')));
      const asked = github.requests.length;
      const second = await failing(tracker.comment('1', 'x', delivery('k')));
      expect(github.requests.length).toBe(asked);
      expect(second).toMatchObject({ kind: 'unreachable', done: 'no' });
      return first;
    };
    beforeEach(() => {
      github.openIssue({ title: 'a', labels: ['agent'] });
    });

    it('comes back when Retry-After is over, and asks nothing until then', async () => {
      limited({ 'retry-after': '90' });
      expect(await waits()).toMatchObject({ kind: 'unreachable', done: 'no', retryAfterMs: 90_000 });
    });

    it('comes back when its hour is over', async () => {
      limited({
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + 600),
      });
      const { retryAfterMs } = (await waits()) as { retryAfterMs: number };
      expect(retryAfterMs).toBeGreaterThan(590_000);
    });

    it('comes back after a minute when GitHub names no time', async () => {
      limited({}, 403, 'You have exceeded a secondary rate limit.');
      expect(await waits()).toMatchObject({ retryAfterMs: 60_000 });
    });

    it('takes a 403 for a missing permission when it is none', async () => {
      limited({}, 403, 'Resource not accessible by personal access token');
      const { tracker } = open();
      await expect(tracker.comment('1', 'x', delivery('k'))).rejects.toMatchObject({
        hint: expect.stringContaining('permission'),
      });
      await tracker.comment('1', 'x', delivery('k'));
    });

    it('writes no more in a minute than GitHub likes', async () => {
      const { tracker } = open();
      for (let i = 0; i < 60; i++) await tracker.comment('1', 'x', delivery(`k${i}`));
      expect(await failing(tracker.comment('1', 'x', delivery('more')))).toMatchObject({
        kind: 'unreachable',
        done: 'no',
      });
    });
  });
});
