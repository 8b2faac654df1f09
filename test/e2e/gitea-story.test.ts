import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import type { TaskDetailWire } from '../../src/http/contract.ts';
import { type FakeGitea, startGitea } from '../fakes/gitea.ts';
import type { FakeIssue } from '../fakes/gitea-objects.ts';
import { type FakeTelegram, startTelegram } from '../fakes/telegram.ts';
import { addChatUser, approveInChat, chatEnvironment } from '../support/chat-approval.ts';
import { MARA, startInProcess } from '../support/in-process.ts';
import { handIn, type Installation, install, waitFor } from '../support/orch.ts';
import { seeded } from '../support/seeded.ts';

/** A labelled issue becomes a merged pull request, on a forge whose answers and deliveries get lost, late and double. */

const SEED = Number(process.env['ORCH_TEST_SEED'] ?? 7);
const SECRET = 'shared-with-gitea';
const PATIENCE_MS = 60_000;
const LIN = { id: 5, name: 'Lin' };
const SCENES = [
  handIn({ outcome: 'done' }, "printf 'one\\n' > src/one.js"),
  handIn({
    outcome: 'approve',
    summary: 'looks right',
    findings: [
      { severity: 'low', file: 'src/one.js', line: 1, title: 'Terse', detail: 'It could say more.' },
    ],
  }),
  handIn({ outcome: 'done' }, "printf 'one, built\\n' > src/one.js"),
  handIn({ outcome: 'approve', summary: 'builds' }),
  handIn({ outcome: 'done' }, "printf 'one, with tabs\\n' > src/one.js"),
  handIn({ outcome: 'approve', summary: 'as asked' }),
];

describe('an issue of Gitea', () => {
  let gitea: FakeGitea;
  let telegram: FakeTelegram;
  let here: Installation;
  let app: App;

  beforeAll(async () => {
    gitea = await startGitea();
    telegram = await startTelegram();
    here = install();
    SCENES.forEach((scene, i) => {
      here.scene(i + 1, scene);
    });
    here.writeConfig(`gitea_url: ${gitea.url}
accounts:
  claude-a: { agent: claude-code, home: ${here.agentHome}, bin: ${join(here.root, 'claude')}, slots: 2, env: { FAKE_PLAN: "${join(here.root, 'plan')}" } }
projects:
  wid:
    repo: ${gitea.gitUrl}
    tracker: { kind: gitea, label: agent }
    forge: { kind: gitea }
    accounts: [claude-a]
    pipeline:
      - { stage: development, agent: developer, tools: write }
      - { stage: review, agent: reviewer, tools: read, on_reject: development }
      - { stage: deploy, kind: deploy, approval: required }
`);
    app = await startInProcess(
      here,
      {},
      {
        ORCH_GITEA_TOKEN: gitea.token('orch'),
        ORCH_GITEA_REVIEWER_TOKEN: gitea.token('reviewer'),
        ORCH_GITEA_WEBHOOK_SECRET: SECRET,
        ORCH_BACKOFF_BASE_SECONDS: '1',
        ...chatEnvironment(telegram),
      },
    );
    addChatUser(here, 'lin', 'operator', LIN);
    gitea.addHook(`${app.url}/webhooks/gitea`, SECRET, [
      ...[
        'push',
        'delete',
        'status',
        'workflow_run',
        'issues',
        'issue_label',
        'issue_assign',
        'issue_comment',
      ],
      ...['pull_request', 'pull_request_sync', 'pull_request_comment', 'pull_request_review'],
    ]);
    const random = seeded(SEED);
    gitea.knobs.trouble = { random, before: 0.04, after: 0.06 };
    gitea.setUnreliableHooks({ random, duplicate: 0.3, delayMs: 400 });
  }, 60_000);
  afterAll(async () => {
    gitea.knobs.trouble = null;
    await app.close();
    await gitea.close();
    await telegram.close();
    await here.remove();
  });

  const task = async (): Promise<TaskDetailWire | null> => {
    const response = await fetch(`${app.url}/api/v1/tasks/WID-1`, {
      headers: { authorization: `Bearer ${app.token}` },
    });
    return response.ok ? ((await response.json()) as { task: TaskDetailWire }).task : null;
  };
  const until = (wanted: (task: TaskDetailWire) => boolean) =>
    waitFor(
      async () => {
        const now = await task();
        return now !== null && wanted(now) ? now : null;
      },
      PATIENCE_MS,
      async () => {
        const now = await task();
        return (
          now && {
            ...now,
            runs: now.runs.map((run) => [run.agent, run.verdict, run.reason]),
            sent: gitea.sent.length,
          }
        );
      },
    );
  const waits = (except: readonly (string | null)[] = []) =>
    until(
      ({ reason, head, pr }) => reason?.code === 'approval.pending' && !except.includes(head) && pr !== null,
    );
  const pull = (): FakeIssue => {
    const [only, ...more] = gitea.pulls();
    expect(more).toEqual([]);
    if (only === undefined) throw new Error('there is no pull request');
    return only;
  };

  it('goes through CI and review to its merge, with every word said once', async () => {
    const issue = gitea.openIssue({ title: 'Say one', body: 'Please.', labels: ['agent', 'bug'] });
    gitea.openIssue({ title: 'Not for agents' });
    await waitFor(async () => (await app.engine.acceptance.list('wid')).length > 0);
    await app.engine.acceptance.accept('wid', null, MARA);

    const first = await waits();
    expect(first).toMatchObject({ key: 'WID-1', title: 'Say one' });
    await waitFor(() => pull().pull?.reviews.length === 1 && !pull().title.startsWith('WIP:'));
    expect(pull().pull?.reviews[0]).toMatchObject({
      ...{ user: { login: 'reviewer' }, state: 'APPROVED', commit: first.head },
      comments: [{ path: 'src/one.js', line: 1 }],
    });

    gitea.runWorkflow(first.head ?? '', 'ci', [
      { name: 'test', conclusion: 'failure', log: 'Error: no build' },
    ]);
    const second = await waits([first.head]);
    expect(here.call(3).prompt).toContain('Error: no build');

    gitea.runWorkflow(second.head ?? '', 'ci', [{ name: 'test', conclusion: 'success', log: 'fine' }]);
    gitea.review('lin', pull().number, 'REQUEST_CHANGES', 'Use tabs', [
      { path: 'src/one.js', line: 1, body: 'here' },
    ]);
    const third = await waits([first.head, second.head]);
    expect(here.call(5).prompt).toContain('Use tabs');

    gitea.runWorkflow(third.head ?? '', 'ci', [{ name: 'test', conclusion: 'success', log: 'fine' }]);
    await approveInChat(telegram, LIN, third.head ?? '');
    await until(({ status }) => status === 'done');
    await waitFor(() => issue.state === 'closed');
    expect(await gitea.repository.git('show', 'main:src/one.js')).toBe('one, with tabs');
    expect([...(await gitea.repository.branches()).keys()]).toEqual(['main']);
    expect(
      here.row<{ by: string }>("SELECT by FROM audit WHERE action = 'approve' AND surface = 'telegram'"),
    ).toEqual({ by: 'lin' });
    expect(issue.labels.map(({ name }) => name)).toEqual(['agent', 'bug']);
    expect(here.calls()).toBe(SCENES.length);
    // What people are told by chat waits for its turn.
    const waiting = () =>
      here.rows(
        "SELECT key, status, tries, error FROM outbox WHERE status <> 'delivered' AND destination NOT LIKE 'notify%'",
      );
    await waitFor(() => waiting().length === 0, PATIENCE_MS / 2, waiting);
    await gitea.settled();

    expect(gitea.knobs.troubles).toBeGreaterThan(5);
    expect(gitea.sent.length).toBeGreaterThan(gitea.state.statuses.length);
    // Each comment and review has the marker of what it is; nothing was said twice, and nobody else was looked at.
    const said = [...issue.comments, ...pull().comments, ...(pull().pull?.reviews ?? [])].filter(({ user }) =>
      ['orch', 'reviewer'].includes(user.login),
    );
    const markers = said.map(({ body }) => /<!-- orch:(.*) -->$/.exec(body)?.[1]);
    expect(markers).not.toContain(undefined);
    expect(new Set(markers).size).toBe(markers.length);
    expect(markers.filter((marker) => marker === 'report')).toHaveLength(1);
    expect(pull().pull?.reviews.filter(({ user }) => user.login === 'reviewer')).toHaveLength(3);
    const statuses = gitea.state.statuses
      .filter(({ creator }) => creator.login === 'orch')
      .map(({ sha, context, state, description }) => `${sha} ${context} ${state} ${description}`);
    expect(new Set(statuses).size).toBe(statuses.length);
    for (const { head } of [first, second, third])
      expect(statuses.some((status) => status.startsWith(`${head} orch/review success`))).toBe(true);
    expect(gitea.issue(2)).toMatchObject({ state: 'open', labels: [], comments: [] });
    expect(gitea.sent.filter(({ status }) => status !== 202)).toEqual([]);
  }, 150_000);
});
