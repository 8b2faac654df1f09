import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { giteaForge } from '../../src/forges/gitea/gitea-forge.ts';
import { Secret } from '../../src/lib/secret.ts';
import { giteaTracker } from '../../src/trackers/gitea/gitea-tracker.ts';
import { type FakeGitea, startGitea } from '../fakes/gitea.ts';
import { startPrism } from '../support/prism.ts';
import { requirement, suiteName } from '../support/requirements.ts';

const shared = requirement('shared');

/** Gitea's published contract between our adapters and our fake: both sides keep it. */
describe.skipIf(!shared.available)(suiteName('the contract of Gitea', shared), () => {
  let gitea: FakeGitea;
  let prism: Awaited<ReturnType<typeof startPrism>>;
  const signal = new AbortController().signal;
  const by = (key: string, again = false) => ({ key, again, signal });

  beforeAll(async () => {
    gitea = await startGitea();
    // Dependencies of issues are no part of the contract; a 404 for them is what other servers say.
    gitea.knobs.dependencies = false;
    prism = await startPrism(join(shared.value, 'contracts/gitea.strict.openapi.json'), gitea.url);
  }, 60_000);
  afterAll(async () => {
    await prism.close();
    await gitea.close();
  });

  function contextAt(config: object) {
    const made = new Map<string, unknown>();
    return {
      ...{ project: 'wid', repo: gitea.gitUrl, config: { kind: 'gitea', ...config }, clock: Date.now },
      access: {
        gitea: {
          ...{ url: prism.url, token: new Secret(gitea.token('orch')) },
          reviewerToken: new Secret(gitea.token('reviewer')),
        },
        github: { url: null, token: null, reviewerToken: null },
        plane: { url: null, workspace: null, apiToken: null },
      },
      once: <T>(name: string, make: () => T): T => {
        if (!made.has(name)) made.set(name, make());
        return made.get(name) as T;
      },
    };
  }

  it('is kept by the tracker, whatever it is asked', async () => {
    const tracker = giteaTracker.create(contextAt({ label: 'agent', milestone: 'v1' }));
    const first = gitea.openIssue({
      title: 'First',
      labels: ['agent', 'priority/high'],
      milestone: 'v1',
      assignees: ['lin'],
    });
    gitea.openIssue({ title: 'Second' });
    gitea.comment('lin', first.number, 'Please.');
    const id = String(first.number);
    expect(await tracker.feed?.matching(signal)).toMatchObject([{ id, priority: 50 }]);
    expect(await tracker.feed?.comments(id, 0, signal)).toHaveLength(1);
    await tracker.comment(id, 'text', by('c'));
    await tracker.comment(id, 'text', by('c', true));
    await tracker.report(id, 'one', by('r'));
    await tracker.report(id, 'two', by('r2'));
    for (const status of ['in_progress', 'needs_you', 'cancelled', 'done'] as const)
      await tracker.setStatus(id, status, 'development', by(status));
    expect(await tracker.item('99')).toBeNull();
    expect(first).toMatchObject({ state: 'closed', comments: { length: 3 } });
    expect(broken()).toEqual([]);
  });

  it('is kept by the forge, from opening to merging', async () => {
    const forge = giteaForge.create(contextAt({}));
    const head = await gitea.push('orch', 'orch/wid-1', { 'a.js': 'a\n' }, 'work');
    gitea.protect({ rule: 'main', requiredApprovals: 1, checks: ['ci/*'], blockOnRejected: true });
    const at = { branch: 'orch/wid-1', base: 'main', head };
    const pr = await forge.open({ ...at, title: 'WID-1: First', body: 'text' }, by('pr'));
    expect(await forge.open({ ...at, title: 'WID-1: First', body: 'text' }, by('pr'))).toEqual(pr);
    await forge.comment(pr, 'text', by('c'));
    const status = { head, context: 'orch/review', description: 'fine', url: null } as const;
    await forge.status({ ...status, state: 'pending' }, by('s1'));
    await forge.status({ ...status, state: 'success', url: 'https://orch.example.org/1' }, by('s2', true));
    const finding = { severity: 'low', file: 'a.js', line: 1, title: 'Name', detail: 'x' };
    await forge.review(pr, { head, event: 'request_changes', body: 'No.', findings: [finding] }, by('r1'));
    await forge.review(pr, { head, event: 'approve', body: 'Yes.', findings: [] }, by('r2', true));
    gitea.review('lin', pr.number, 'REQUEST_CHANGES', 'Hm.', [{ path: 'a.js', line: 1, body: 'tabs' }]);
    gitea.runWorkflow(head, 'ci', [{ name: 'test', conclusion: 'failure', log: 'FAIL' }]);
    const ready = await forge.ready(pr, 'matrix', by('ready'));
    const standing = await forge.look({ ...at, pr: ready });
    expect(standing).toMatchObject({ kind: 'open', pull: { reviews: [{ comments: [{}] }] } });
    expect(await forge.merge({ ...at, pr: ready, message: 'WID-1' })).toMatchObject({ kind: 'refused' });
    gitea.review('lin', pr.number, 'APPROVED', '');
    gitea.setStatus(head, 'ci/build', 'success');
    expect(await forge.feed?.comments(pr, null, signal)).toEqual([]);
    gitea.knobs.checking = 1;
    expect(await forge.merge({ ...at, pr: ready, message: 'WID-1' })).toMatchObject({ kind: 'retry' });
    const merged = await forge.merge({ ...at, pr: ready, message: 'WID-1: First\n\nWhy.' });
    expect(merged).toMatchObject({ kind: 'merged' });
    expect(await forge.look({ ...at, pr: null })).toEqual(merged);
    expect(broken()).toEqual([]);
  });

  it('would not let a wrong answer pass, nor a wrong request', async () => {
    gitea.knobs.bend = (request, answer) =>
      request.endsWith('/issues/1') ? { ...(answer as object), title: 12 } : null;
    await expect(giteaTracker.create(contextAt({ label: 'agent' })).item('1')).rejects.toMatchObject({
      code: 'tracker.unreachable',
    });
    gitea.knobs.bend = null;
    const count = broken().length;
    expect(count).toBeGreaterThan(0);
    const headers = { authorization: `token ${gitea.token('orch')}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ text: 'x' });
    const wrong = await fetch(`${prism.url}/api/v1/repos/acme/widgets/issues/1/comments`, {
      method: 'POST',
      headers,
      body,
    });
    expect(wrong.status).toBeGreaterThan(399);
    expect(broken().length).toBeGreaterThan(count);
  });

  /** What Prism objected to, without the one path that the contract leaves out. */
  function broken(): string[] {
    return prism.broken().filter((line) => !line.includes('/dependencies'));
  }
});
