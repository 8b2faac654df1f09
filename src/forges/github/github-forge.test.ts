import { describe, expect, it, onTestFinished } from 'vitest';
import { type FakeGithub, startGithub } from '../../../test/fakes/github.ts';
import { hostContext } from '../../clients/test-kit.ts';
import { delivery } from '../../core/test-kit.ts';
import { withoutMarker } from '../../lib/marker.ts';
import { forgeContract } from '../forge.contract.ts';
import { repositoryForgeContract } from '../repository-forge.contract.ts';
import { finding, onPull, openPull } from '../test-kit.ts';
import { githubForge } from './github-forge.ts';
import { linesOf } from './reviews.ts';

const work = (github: FakeGithub) => github.push('orch', 'work', { 'src/new.js': 'one\ntwo\n' }, 'work');
const stateOf = ({ state, pull }: FakeGithub['issues'][number]) =>
  pull?.merged != null ? 'merged' : state === 'closed' ? 'closed' : pull?.draft === true ? 'draft' : 'open';

forgeContract('github', async () => {
  const github = await startGithub();
  onTestFinished(() => github.close());
  const head = await work(github);
  return {
    forge: githubForge.create(hostContext('github', github)),
    head,
    pullRequests: async () =>
      github.pulls().map((issue) => ({
        ...{ number: issue.number, state: stateOf(issue) },
        comments: issue.comments.map(({ body }) => withoutMarker(body)),
      })),
    base: async () => (await github.repository.git('rev-list', 'main')).split('\n'),
    mergeByHand: () => github.mergeByHand('work'),
    loseNext: () => {
      // That a draft is made ready on the way to its merge is a write of its own.
      github.knobs.loseNext = (asked) => !asked.endsWith('/graphql');
    },
  };
});

repositoryForgeContract('GitHub', async (reviewer) => {
  const github = await startGithub();
  onTestFinished(() => github.close());
  const second = { second: github.token('reviewer'), author: github.token('orch'), none: null }[reviewer];
  const forge = githubForge.create(hostContext('github', github, { reviewer: second }));
  const opened = await onPull(forge, await work(github));
  const { issue, pull } = github.pullOf(opened.pr.number);
  return {
    ...opened,
    statuses: () => github.statuses.map(({ state }) => state),
    comments: () => issue.comments.map(({ body }) => withoutMarker(body)),
    reviews: () =>
      pull.reviews.map(({ user, commit, body, comments }) => ({
        ...{ by: user.login, commit, body: withoutMarker(body), comments },
      })),
    closeByHand: () => {
      issue.state = 'closed';
    },
    loseNext: () => {
      github.knobs.loseNext = true;
    },
  };
});

describe('GitHub as a forge', () => {
  async function open(given: Parameters<typeof hostContext>[2] = {}, before?: (github: FakeGithub) => void) {
    const github = await startGithub();
    onTestFinished(() => github.close());
    before?.(github);
    const forge = githubForge.create(hostContext('github', github, given));
    return { github, ...(await onPull(forge, await work(github))) };
  }

  describe('its pull requests', () => {
    it('opens another when the first was closed, and none for what is merged already', async () => {
      const { github, head, forge, pr, ready, merge } = await open({ config: { keep_branch: true } });
      github.issueOf(pr.number).state = 'closed';
      const second = await openPull(forge, head, 'again');
      expect(second).toMatchObject({ number: pr.number + 1, state: 'draft' });
      await forge.ready(second, 'x', delivery('ready'));
      await merge({ pr: second });
      expect(await openPull(forge, head, 'more')).toMatchObject({ number: second.number, state: 'merged' });
      await github.push('orch', 'work', { 'later.js': 'x\n' }, 'later');
      expect(await openPull(forge, head, 'later')).toMatchObject({ state: 'draft' });
      await ready();
    });

    it('opens one that is no draft where the repository has none', async () => {
      const { pr, ready } = await open({}, (github) => {
        github.knobs.drafts = false;
      });
      expect(pr.state).toBe('open');
      expect(await ready()).toMatchObject({ state: 'open' });
    });

    it('signs git in on its own host alone', () => {
      const context = hostContext('github', {
        url: 'https://ghe.example',
        gitUrl: 'https://ghe.example/acme/widgets.git',
        token: () => 'ghp_x',
      });
      expect(githubForge.gitCredentials(context)).toMatchObject({
        host: 'ghe.example',
        username: 'x-access-token',
      });
      for (const repo of [
        'https://evil.example/acme/widgets.git',
        'http://ghe.example/acme/widgets.git',
        'git@ghe.example:acme/widgets.git',
        '/srv/x.git',
      ])
        expect(githubForge.gitCredentials({ ...context, repo })).toBeNull();
      const cloud = {
        ...context,
        repo: 'https://github.com/acme/widgets.git',
        access: { ...context.access, github: { ...context.access.github, url: null } },
      };
      expect(githubForge.gitCredentials(cloud)).toMatchObject({ host: 'github.com' });
    });
  });

  describe('a review of ours', () => {
    it('keeps a finding at a line that the change does not have in the text', async () => {
      const { github, forge, pr, head } = await open();
      const findings = [finding('src/new.js', 2), finding('src/new.js', 99)];
      await forge.review(pr, { head, event: 'approve', body: 'Good.', findings }, delivery('r'));
      const [written] = github.pullOf(pr.number).pull.reviews;
      expect(written).toMatchObject({ comments: [{ path: 'src/new.js', line: 2 }] });
      expect(written?.body).toContain('- `src/new.js:99` **Wrong** (high)');
    });

    it('keeps its findings in the text where GitHub takes none of their lines', async () => {
      const { github, forge, pr, head } = await open();
      github.knobs.next = {
        when: /^POST .*\/reviews$/,
        status: 422,
        body: { message: 'Line could not be resolved' },
      };
      await forge.review(
        pr,
        { head, event: 'approve', body: 'Good.', findings: [finding('src/new.js', 1)] },
        delivery('r'),
      );
      const { reviews } = github.pullOf(pr.number).pull;
      expect(reviews).toMatchObject([{ state: 'APPROVED', comments: [] }]);
      expect(reviews[0]?.body).toContain('`src/new.js:1`');
    });

    it('knows the lines of a patch that a comment may stand at', () => {
      expect([
        ...linesOf('@@ -1,3 +1,4 @@\n a\n-b\n+c\n+d\n e\n@@ -10 +20,2 @@ fn\n+x\n y\n\\ No newline'),
      ]).toEqual([1, 2, 3, 4, 20, 21]);
    });
  });

  describe('how a pull request stands', () => {
    it('tells the review of each person that counts', async () => {
      const { github, pr, facts, head } = await open();
      github.review('mara', pr.number, 'APPROVED', 'fine');
      github.review('mara', pr.number, 'CHANGES_REQUESTED', 'no: see there', [
        { path: 'src/new.js', line: 1, body: 'here' },
      ]);
      github.review('mara', pr.number, 'COMMENTED', 'by the way');
      github.review('guest', pr.number, 'APPROVED', 'me too');
      github.review('lin', pr.number, 'DISMISSED', 'was wrong');
      github.review('reviewer', pr.number, 'APPROVED', 'our own');
      expect((await facts()).reviews).toMatchObject([
        {
          ...{
            by: { name: 'mara', mayWrite: true },
            state: 'changes_requested',
            body: 'no: see there',
            commit: head,
          },
          comments: [{ file: 'src/new.js', line: 1, body: 'here' }],
        },
        { by: { name: 'guest', mayWrite: false }, state: 'approved' },
      ]);
    });

    it('tells statuses and check runs of others, with what failed and what is asked for', async () => {
      const { github, forge, facts, head } = await open();
      github.protection.checks = ['ci/lint', 'test', 'orch/review', 'never-said'];
      await forge.status(
        { head, context: 'orch/review', state: 'success', description: 'x', url: null },
        delivery('s'),
      );
      github.setStatus(head, 'ci/lint', 'pending');
      github.setStatus(head, 'ci/lint', 'failure', '2 problems');
      github.runCheck(head, 'test', 'failure', {
        log: '2026-11-22T09:00:00.0Z first\n2026-11-22T09:00:01.0Z \u001b[31mexpected 1\u001b[0m\n',
      });
      github.runCheck(head, 'docs', 'neutral');
      github.runCheck(head, 'other', 'timed_out', { summary: 'took too long' });
      github.runCheck(head, 'slow', null);
      expect((await facts()).checks).toEqual([
        {
          name: 'ci/lint',
          state: 'failure',
          required: true,
          url: 'https://ci.example.org/1',
          detail: '2 problems',
        },
        expect.objectContaining({
          name: 'test',
          state: 'failure',
          required: true,
          detail: 'first\nexpected 1',
        }),
        expect.objectContaining({ name: 'docs', state: 'success', required: false, detail: '' }),
        expect.objectContaining({
          name: 'other',
          state: 'failure',
          required: false,
          detail: 'took too long',
        }),
        expect.objectContaining({ name: 'slow', state: 'pending', required: false }),
        { name: 'never-said', state: 'pending', required: true, url: null, detail: '' },
      ]);
      github.protection.isReadable = false;
      expect((await facts()).checks[0]?.required).toBeNull();
    });

    it('leaves open what counts where the base asks for nothing', async () => {
      const { github, facts, head } = await open();
      github.runCheck(head, 'test', 'failure');
      expect((await facts()).checks).toMatchObject([{ name: 'test', state: 'failure', required: null }]);
    });

    it('tells the newest run of a name, and where its branch is now', async () => {
      const { github, facts, head } = await open();
      github.runCheck(head, 'test', 'failure');
      github.runCheck(head, 'test', 'success');
      expect((await facts()).checks).toMatchObject([{ name: 'test', state: 'success' }]);
      const moved = await github.push('lin', 'work', { 'b.txt': 'x' }, 'more');
      expect(await facts()).toMatchObject({ head: moved, base: 'main', checks: [{ name: 'test' }] });
      await github.repository.git('update-ref', '-d', 'refs/heads/work');
      expect((await facts()).head).toBeNull();
    });

    it('tells a conflict once GitHub knows of it', async () => {
      const { github, facts } = await open();
      github.knobs.checking = 1;
      expect((await facts()).conflict).toBeNull();
      expect((await facts()).conflict).toBe(false);
      await github.push('mara', 'main', { 'src/new.js': 'other\n' }, 'theirs');
      expect((await facts()).conflict).toBe(true);
    });

    it('tells what was merged or closed by others', async () => {
      const { github, forge, at, pr, ready } = await open();
      await ready();
      await github.merge('mara', pr.number);
      const commit = (await github.repository.sha('refs/heads/main')) ?? '';
      expect(await forge.look(at)).toEqual({ kind: 'merged', commit });
      expect(await forge.look({ ...at, pr: null })).toEqual({ kind: 'merged', commit });
      expect(await forge.look({ ...at, pr: null, branch: 'none', head: 'f'.repeat(40) })).toEqual({
        kind: 'open',
        pull: null,
      });
      const other = await open();
      other.github.issueOf(other.pr.number).state = 'closed';
      expect(await other.forge.look(other.at)).toEqual({ kind: 'closed' });
    });
  });

  describe('a merge', () => {
    it('has the words it was given, and takes the branch along', async () => {
      const { github, ready, merge } = await open();
      await ready();
      expect(await merge()).toMatchObject({ kind: 'merged' });
      expect(await github.repository.git('log', '-1', '--format=%B', 'main')).toBe('WID-1: First\n\nWhy.');
      expect(await github.repository.sha('refs/heads/work')).toBeNull();
    });

    it.each([
      ['squash', 1],
      ['rebase', 1],
      ['merge', 2],
    ])('by %s adds %i commits', async (merge_style, more) => {
      const { github, ready, merge } = await open({ config: { merge_style } });
      const before = Number(await github.repository.git('rev-list', '--count', 'main'));
      await ready();
      expect(await merge()).toMatchObject({ kind: 'merged' });
      expect(Number(await github.repository.git('rev-list', '--count', 'main'))).toBe(before + more);
    });

    it('makes a draft ready first', async () => {
      const { merge } = await open();
      expect(await merge()).toMatchObject({ kind: 'merged' });
    });

    it('leaves the branch when it is to be kept, or when somebody put more on it', async () => {
      const kept = await open({ config: { keep_branch: true } });
      await kept.ready();
      await kept.merge();
      expect(await kept.github.repository.sha('refs/heads/work')).toBe(kept.head);
      const late = await open();
      await late.ready();
      await late.github.merge('mara', late.pr.number);
      await late.github.repository.commit('work', { 'late.txt': 'x' }, 'late');
      expect(await late.merge()).toMatchObject({ kind: 'merged' });
      expect(await late.github.repository.sha('refs/heads/work')).not.toBeNull();
    });

    it('removes the branch also when the answer to the merge got lost', async () => {
      const { github, ready, merge } = await open();
      await ready();
      github.knobs.loseNext = true;
      await expect(merge()).rejects.toMatchObject({ code: 'forge.unreachable' });
      expect(await merge()).toMatchObject({ kind: 'merged' });
      expect(await github.repository.sha('refs/heads/work')).toBeNull();
    });

    it('of another head than the one asked for is not done', async () => {
      const { github, ready, merge } = await open();
      await ready();
      await github.push('lin', 'work', { 'b.txt': 'x' }, 'more');
      expect(await merge()).toMatchObject({ kind: 'retry' });
    });

    it('is told from the reasons why GitHub does not do it', async () => {
      const { github, pr, ready, merge } = await open();
      await ready();
      github.protection.approvals = 1;
      expect(await merge()).toMatchObject({
        kind: 'refused',
        detail: expect.stringContaining('approving review'),
      });
      github.review('mara', pr.number, 'APPROVED', '');
      github.protection.checks = ['test'];
      expect(await merge()).toMatchObject({ kind: 'refused', detail: expect.stringContaining('test') });
      github.protection.checks = [];
      github.protection.strict = true;
      await github.push('mara', 'main', { 'other.txt': 'x' }, 'theirs');
      expect(await merge()).toMatchObject({ kind: 'outdated' });
      github.protection.strict = false;
      github.knobs.next = {
        when: /^PUT .*\/merge$/,
        status: 405,
        body: { message: 'Pull Request is not mergeable' },
      };
      github.knobs.checking = 3;
      expect(await merge()).toMatchObject({ kind: 'retry' });
      github.knobs.checking = 0;
      github.knobs.next = {
        when: /^PUT .*\/merge$/,
        status: 405,
        body: { message: 'Base branch was modified. Review and try the merge again.' },
      };
      expect(await merge()).toMatchObject({ kind: 'retry' });
      await github.push('mara', 'main', { 'src/new.js': 'other\n' }, 'theirs');
      expect(await merge()).toMatchObject({ kind: 'conflict' });
      github.issueOf(pr.number).state = 'closed';
      expect(await merge()).toMatchObject({ kind: 'refused', detail: expect.stringContaining('closed') });
    });

    it('is left to GitHub where that is wished and allowed', async () => {
      const { github, pr, ready, merge } = await open({ config: { auto_merge: true } });
      await ready();
      github.protection.approvals = 1;
      expect(await merge()).toMatchObject({ kind: 'scheduled' });
      expect(github.pullOf(pr.number).pull.auto).toBe(true);
      github.knobs.autoMerge = false;
      expect(await merge()).toMatchObject({
        kind: 'refused',
        detail: expect.stringContaining('approving review'),
      });
    });
  });
});
