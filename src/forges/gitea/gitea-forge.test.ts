import { describe, expect, it, onTestFinished } from 'vitest';
import { type FakeGitea, startGitea } from '../../../test/fakes/gitea.ts';
import { hostContext } from '../../clients/test-kit.ts';
import { delivery } from '../../core/test-kit.ts';
import { withoutMarker } from '../../lib/marker.ts';
import { forgeContract } from '../forge.contract.ts';
import { repositoryForgeContract } from '../repository-forge.contract.ts';
import { finding, onPull, openPull, request } from '../test-kit.ts';
import { giteaForge } from './gitea-forge.ts';
import { isContext } from './rules.ts';

const work = (gitea: FakeGitea) => gitea.push('orch', 'work', { 'src/new.js': 'one\ntwo\n' }, 'work');

forgeContract('gitea', async () => {
  const gitea = await startGitea();
  onTestFinished(() => gitea.close());
  const head = await work(gitea);
  return {
    forge: giteaForge.create(hostContext('gitea', gitea)),
    head,
    pullRequests: async () =>
      gitea.pulls().map(({ number, title, state, pull, comments }) => ({
        number,
        state:
          pull?.merged != null
            ? 'merged'
            : state === 'closed'
              ? 'closed'
              : title.startsWith('WIP:')
                ? 'draft'
                : 'open',
        comments: comments.map(({ body }) => withoutMarker(body)),
      })),
    base: async () => (await gitea.repository.git('rev-list', 'main')).split('\n'),
    mergeByHand: async () => {
      await gitea.repository.merge('merge', 'main', head, 'by hand');
    },
    loseNext: () => {
      // That a draft is made ready on the way to its merge is a write of its own.
      gitea.knobs.loseNext = (asked, body) => !(asked.startsWith('PATCH') && !('body' in body));
    },
  };
});

repositoryForgeContract('Gitea', async (reviewer) => {
  const gitea = await startGitea();
  onTestFinished(() => gitea.close());
  const second = { second: gitea.token('reviewer'), author: gitea.token('orch'), none: null }[reviewer];
  const forge = giteaForge.create(hostContext('gitea', gitea, { reviewer: second }));
  const opened = await onPull(forge, await work(gitea));
  const issue = gitea.issue(opened.pr.number);
  return {
    ...opened,
    statuses: () => gitea.state.statuses.map(({ state }) => state),
    comments: () => issue.comments.map(({ body }) => withoutMarker(body)),
    reviews: () =>
      (issue.pull?.reviews ?? []).map(({ user, commit, body, comments }) => ({
        ...{ by: user.login, commit, body: withoutMarker(body), comments },
      })),
    closeByHand: () => gitea.editIssue(issue.number, { state: 'closed' }),
    loseNext: () => {
      gitea.knobs.loseNext = true;
    },
  };
});

describe('Gitea as a forge', () => {
  async function open(
    given: Parameters<typeof hostContext>[2] = {},
    server?: Parameters<typeof startGitea>[0],
  ) {
    const gitea = await startGitea(server);
    onTestFinished(() => gitea.close());
    const forge = giteaForge.create(hostContext('gitea', gitea, given));
    return { gitea, ...(await onPull(forge, await work(gitea))) };
  }

  describe('its pull requests', () => {
    it('finds the open one of a branch whose first one was closed, and opens another when none is', async () => {
      const { gitea, forge, pr, head } = await open();
      gitea.editIssue(pr.number, { state: 'closed' });
      const second = await openPull(forge, head, 'again');
      expect(second).toMatchObject({ number: pr.number + 1, state: 'draft' });
      expect(await forge.open({ ...request, head }, delivery('third'))).toEqual(second);
    });

    it('returns a merged one, and opens another only for work that it never had', async () => {
      const { gitea, forge, pr, head, ready, merge } = await open({ config: { keep_branch: true } });
      await ready();
      await merge();
      expect(await forge.open({ ...request, head }, delivery('again'))).toMatchObject({
        number: pr.number,
        state: 'merged',
      });
      const later = await gitea.push('orch', 'work', { 'later.js': 'x\n' }, 'later');
      expect(await forge.open({ ...request, head: later }, delivery('more'))).toMatchObject({
        state: 'draft',
      });
    });

    it('takes every WIP from the title, and leaves the rest of it to people', async () => {
      const { gitea, forge, pr } = await open();
      gitea.issue(pr.number).title = 'WIP: [WIP] Renamed by lin';
      expect(await forge.ready(pr, 'matrix', delivery('ready'))).toMatchObject({ state: 'open' });
      expect(gitea.issue(pr.number)).toMatchObject({ title: 'Renamed by lin', body: 'matrix' });
    });
  });

  describe('a review of ours', () => {
    it('keeps its findings in the text where Gitea fails over their lines', async () => {
      const { gitea, forge, pr, head } = await open();
      gitea.knobs.bend = (asked) =>
        asked.endsWith('/files')
          ? gitea.requests.filter((each) => each.endsWith('/files')).length > 1
            ? []
            : [{ filename: 'gone.js' }]
          : null;
      const review = { head, event: 'approve', body: 'Good.', findings: [finding('gone.js', 1)] } as const;
      await forge.review(pr, review, delivery('r'));
      expect(gitea.issue(pr.number).pull?.reviews).toMatchObject([
        { state: 'APPROVED', comments: [], body: expect.stringMatching(/gone\.js:1/) },
      ]);
    });
  });

  describe('how a pull request stands', () => {
    it('has the review that counts of each person, with what stands at the lines', async () => {
      const { gitea, pr, facts, head } = await open();
      gitea.review('lin', pr.number, 'REQUEST_CHANGES', 'No.', [
        { path: 'src/new.js', line: 1, body: 'tabs' },
      ]);
      gitea.review('lin', pr.number, 'COMMENT', 'by the way');
      gitea.review('mara', pr.number, 'REQUEST_CHANGES', 'Hm.');
      gitea.review('mara', pr.number, 'APPROVED', 'Yes.');
      gitea.review('guest', pr.number, 'APPROVED', 'Me too.').dismissed = true;
      gitea.review('nobody', pr.number, 'COMMENT', '');
      gitea.review('reviewer', pr.number, 'APPROVED', 'Ours.');
      expect((await facts()).reviews).toMatchObject([
        {
          by: { name: 'lin', mayWrite: true },
          state: 'changes_requested',
          body: 'No.',
          commit: head,
          comments: [{ file: 'src/new.js', line: 1, body: 'tabs' }],
        },
        { by: { name: 'mara' }, state: 'approved' },
      ]);
    });

    it('has the newest word of each context but ours, what is required, and the end of the log of failed jobs', async () => {
      const { gitea, head, facts } = await open();
      gitea.protect({ rule: 'main', checks: ['ci/*', 'build / test*', 'never/seen'] });
      gitea.setStatus(head, 'ci/lint', 'pending');
      gitea.setStatus(head, 'ci/lint', 'warning');
      gitea.setStatus(head, 'orch/review', 'success', '', 'orch');
      gitea.setStatus(head, 'extra', 'error', 'broken');
      const log = `${Array.from({ length: 300 }, (_, i) => `2026-11-22T10:00:00.0000000Z line ${i}`).join('\n')}\n\u001b[31mFAIL\u001b[0m\n`;
      gitea.runWorkflow(head, 'build', [
        { name: 'test', conclusion: 'failure', log },
        { name: 'lint', conclusion: 'success', log: 'fine' },
      ]);
      const checks = (await facts()).checks;
      expect(checks).toMatchObject([
        { name: 'ci/lint', state: 'success', required: true },
        { name: 'extra', state: 'failure', required: false, detail: 'broken' },
        { name: 'build / test (push)', state: 'failure', required: true },
        { name: 'build / lint (push)', state: 'success', required: false },
        { name: 'never/seen', state: 'pending', required: true },
      ]);
      expect(checks[2]?.detail.split('\n').slice(-2)).toEqual(['line 299', 'FAIL']);
    });

    it('says nothing of what is required where it may not read the rules, and of a head that is not there', async () => {
      const { forge, at, gitea } = await open({}, { orchMay: 'write' });
      gitea.knobs.bend = (asked) => (asked.endsWith('/branches/main') ? { name: 'main' } : null);
      await expect(forge.look(at)).rejects.toMatchObject({ code: 'forge.unreachable' });
      gitea.knobs.bend = null;
      expect(await forge.look({ ...at, head: 'f'.repeat(40) })).toMatchObject({
        pull: { checks: [], base: 'main' },
      });
    });

    it('believes in a conflict only when the check of two commits is long over, and never of a draft', async () => {
      let now = 0;
      const { gitea, facts, ready } = await open({ clock: () => now });
      expect((await facts()).conflict).toBeNull();
      await ready();
      expect((await facts()).conflict).toBe(false);
      await gitea.push('lin', 'main', { 'src/new.js': 'other\n' }, 'conflicting');
      expect((await facts()).conflict).toBeNull();
      now = 29_999;
      expect((await facts()).conflict).toBeNull();
      now = 30_000;
      expect((await facts()).conflict).toBe(true);
    });

    it('has no head when the branch is gone, and knows what ended', async () => {
      const { gitea, forge, at, pr, facts } = await open();
      const before = await gitea.repository.branches();
      await gitea.repository.git('update-ref', '-d', 'refs/heads/work');
      expect(before.has('work')).toBe(true);
      const issue = gitea.issue(pr.number);
      if (issue.pull !== null) issue.pull.isBranchGone = true;
      expect(await facts()).toMatchObject({ head: null });
      issue.state = 'closed';
      expect(await forge.look(at)).toEqual({ kind: 'closed' });
      expect(await forge.look({ ...at, pr: null })).toEqual({ kind: 'closed' });
      expect(await forge.look({ ...at, pr: null, head: 'f'.repeat(40) })).toEqual({
        kind: 'open',
        pull: null,
      });
      expect(await forge.look({ ...at, pr: null, branch: 'other' })).toEqual({ kind: 'open', pull: null });
    });

    it('tells comments of people alone', async () => {
      const { gitea, forge, pr } = await open();
      await forge.comment(pr, 'ours', delivery('c'));
      gitea.comment('lin', pr.number, '/orch retry');
      expect(await forge.feed?.comments(pr, null, delivery('').signal)).toMatchObject([
        { by: { name: 'lin' }, body: '/orch retry' },
      ]);
      expect([forge.feed?.isAbout('ACME/Widgets'), forge.feed?.isAbout('acme/other')]).toEqual([true, false]);
    });
  });

  describe('its merges', () => {
    it.each(['merge', 'squash', 'rebase', 'rebase-merge', 'fast-forward-only'])(
      'by %s answer with the commit, then and later, and take the branch away',
      async (style) => {
        const { gitea, forge, at, ready, merge } = await open({ config: { merge_style: style } });
        if (style !== 'fast-forward-only') await gitea.push('lin', 'main', { 'other.txt': 'x\n' }, 'other');
        await ready();
        const merged = await merge();
        const commit = await gitea.repository.git('rev-parse', 'main');
        expect(merged).toEqual({ kind: 'merged', commit });
        expect([await merge(), await forge.look(at)]).toEqual([merged, merged]);
        expect([...(await gitea.repository.branches()).keys()]).toEqual(['main']);
        if (style === 'merge' || style === 'squash')
          expect(await gitea.repository.git('log', '-1', '--format=%B', 'main')).toBe('WID-1: First\n\nWhy.');
      },
    );

    it('keep the branch when they are told to', async () => {
      const { gitea, ready, merge } = await open({ config: { keep_branch: true } });
      await ready();
      await merge();
      expect((await gitea.repository.branches()).has('work')).toBe(true);
    });

    it('are tried again while Gitea is still checking, and a conflict is told once it must be one', async () => {
      let now = 0;
      const { gitea, ready, merge } = await open({ clock: () => now });
      await ready();
      gitea.knobs.checking = 2;
      expect(await merge()).toMatchObject({ kind: 'retry', detail: expect.stringMatching(/still checking/) });
      expect(await merge()).toMatchObject({ kind: 'retry', detail: expect.stringMatching(/just checked/) });
      await gitea.push('lin', 'main', { 'src/new.js': 'other\n' }, 'conflicting');
      expect(await merge()).toMatchObject({ kind: 'retry' });
      now = 30_000;
      expect(await merge()).toEqual({ kind: 'conflict', files: [] });
    });

    it('are refused for a draft, for what the rules miss, and when it was closed', async () => {
      const { gitea, ready, merge, pr, head } = await open();
      const known = await ready();
      gitea.issue(pr.number).title = 'WIP: not yet, says lin';
      expect(await merge({ pr: known })).toMatchObject({
        kind: 'refused',
        detail: expect.stringMatching(/is a draft/),
      });
      gitea.issue(pr.number).title = 'now';
      gitea.protect({
        rule: 'main',
        requiredApprovals: 2,
        checks: ['ci/*', 'deploy'],
        blockOnRejected: true,
      });
      gitea.setStatus(head, 'ci/test', 'failure');
      gitea.review('lin', pr.number, 'REQUEST_CHANGES', 'No.');
      gitea.review('reviewer', pr.number, 'APPROVED', 'Ours.');
      const words = ((await merge()) as { detail?: string }).detail;
      expect(words).toBe(
        `the rules of main want more for #${pr.number}: 2 approvals, of which it has 1; an answer to the changes requested by lin; ci/test to be green, which is failure; a word on how deploy went`,
      );
      gitea.editIssue(pr.number, { state: 'closed' });
      expect(await merge()).toMatchObject({ kind: 'refused', detail: expect.stringMatching(/was closed/) });
    });

    it('want an outdated branch brought up to date first, also where only the words tell it', async () => {
      for (const orchMay of ['admin', 'write'] as const) {
        const { gitea, ready, merge } = await open({}, { orchMay });
        await ready();
        gitea.protect({ rule: 'main', blockOnOutdated: true });
        await gitea.push('lin', 'main', { 'other.txt': 'x\n' }, 'other');
        expect(await merge()).toMatchObject({ kind: 'outdated' });
      }
    });

    it('are of exactly the head: another one is looked at anew', async () => {
      const { gitea, ready, merge } = await open();
      await ready();
      await gitea.push('lin', 'work', { 'more.js': 'x\n' }, 'more');
      expect(await merge()).toMatchObject({ kind: 'retry', detail: expect.stringMatching(/the head of/) });
      const moved = await merge({ onto: 'f'.repeat(40) });
      expect(moved).toMatchObject({ kind: 'retry', detail: expect.stringMatching(/main moved/) });
      expect(await merge({ pr: null, branch: 'none' })).toMatchObject({ kind: 'refused' });
    });

    it('are not done by an account that may not', async () => {
      const { gitea, ready, merge } = await open();
      await ready();
      gitea.state.permissions.set('orch', 'read');
      await expect(merge()).rejects.toMatchObject({ code: 'forge.unreachable', facts: { done: 'no' } });
    });
  });

  it('gives git its token at the forge`s own origin only', async () => {
    const gitea = await startGitea();
    onTestFinished(() => gitea.close());
    const context = hostContext('gitea', gitea);
    const { host } = new URL(gitea.url);
    expect(giteaForge.gitCredentials(context)).toMatchObject({ host, username: 'orch' });
    for (const repo of [
      `https://${host}/acme/widgets`,
      'http://other/acme/widgets',
      'git@host:acme/widgets.git',
      '/srv/x',
    ])
      expect(giteaForge.gitCredentials({ ...context, repo })).toBeNull();
  });

  it.each([
    ['ci/*', 'ci/a/b', true],
    ['*test*', 'build / test (push)', true],
    ['ci/{a,b}', 'ci/b', true],
    ['ci/{a,b}', 'ci/c', false],
    ['ci/[ab]?', 'ci/ax', true],
    ['ci/[!a]', 'ci/a', false],
    ['a.b (x)', 'a.b (x)', true],
    ['a.b', 'axb', false],
    ['a{b', 'a{b', true],
  ])('matches the context pattern %s on %s: %s', (pattern, context, matches) => {
    expect(isContext(pattern, context)).toBe(matches);
  });
});
