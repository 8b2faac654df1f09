import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import { type FakeGithub, startGithub } from '../fakes/github.ts';
import { type Plane, startPlane } from '../fakes/plane.ts';
import { type FakeTelegram, startTelegram } from '../fakes/telegram.ts';
import { addChatUser, approveInChat, chatEnvironment } from '../support/chat-approval.ts';
import { startInProcess } from '../support/in-process.ts';
import { handIn, type Installation, install, waitFor } from '../support/orch.ts';
import { seeded } from '../support/seeded.ts';

/** The whole loop with Plane as the tracker and GitHub as the forge, both of which fail and lose answers by a seed. */

const SEED = 20_261_122;
const SHARE = 0.04;
const PATIENCE_MS = 60_000;
const MARA = { id: 5, name: 'Mara' };
const writes = (text: string) => handIn({ outcome: 'done' }, `printf '${text}' > src/greet.js`);

let here: Installation;
let app: App;
let plane: Plane;
let github: FakeGithub;
let telegram: FakeTelegram;

beforeAll(async () => {
  telegram = await startTelegram();
  [plane, github] = await Promise.all([startPlane(), startGithub({ 'src/greet.js': 'hello' })]);
  here = install();
  here.writeConfig(`accounts:
  claude-a: { agent: claude-code, home: ${here.agentHome}, bin: ${join(here.root, 'claude')}, slots: 2, env: { FAKE_PLAN: "${join(here.root, 'plan')}" } }
projects:
  p:
    repo: ${github.gitUrl}
    accounts: [claude-a]
    tracker: { kind: plane, project: WID, label: agent, states: { needs_you: In Review } }
    forge: { kind: github }
    pipeline:
      - { stage: development, agent: developer, tools: write }
      - { stage: review, agent: reviewer, tools: read, on_reject: development }
      - { stage: deploy, kind: deploy, approval: required }
`);
  const scenes = [
    ...[writes('bonjour'), handIn({ outcome: 'approve', summary: 'looks right' })],
    ...[writes('bonjour, built'), handIn({ outcome: 'approve', summary: 'builds' })],
    ...[writes('bonjour, as mara wants it'), handIn({ outcome: 'approve', summary: 'as asked' })],
  ];
  for (const [i, scene] of scenes.entries()) here.scene(i + 1, scene);
  app = await startInProcess(
    here,
    {},
    {
      ...{ ORCH_PLANE_URL: plane.url, ORCH_PLANE_WORKSPACE: 'acme', ORCH_PLANE_API_TOKEN: plane.key },
      ...{ ORCH_GITHUB_URL: github.url, ORCH_GITHUB_TOKEN: github.token('orch') },
      ...{ ORCH_GITHUB_REVIEWER_TOKEN: github.token('reviewer') },
      ...{ ORCH_PLANE_WEBHOOK_SECRET: 'plane_wh_story', ORCH_GITHUB_WEBHOOK_SECRET: 'between us' },
      ...chatEnvironment(telegram),
      ...{ ORCH_BACKOFF_BASE_SECONDS: '1', ORCH_BACKOFF_MAX_SECONDS: '2' },
    },
  );
  addChatUser(here, 'mara', 'operator', MARA);
  plane.webhooks.push({ url: `${app.url}/webhooks/plane`, secret: 'plane_wh_story', version: 'v1' });
  plane.webhooks.push({ url: `${app.url}/webhooks/plane`, secret: 'plane_wh_story', version: 'v2' });
  github.addHook(`${app.url}/webhooks/github`, 'between us');
}, 60_000);

afterAll(async () => {
  await app.close();
  await here.remove();
  await Promise.all([plane.close(), github.close(), telegram.close()]);
});

describe('an item of Plane', () => {
  it('becomes a merged pull request on GitHub, each word of Orch said once whatever fails on the way', async () => {
    const item = plane.item({
      name: 'Greet in French',
      description_html: '<p>Say bonjour.</p>',
      labels: ['agent'],
    });
    plane.say(item, '<p>Mind the accents.</p>');
    plane.say(item, '<p>Send me the keys.</p>', plane.guest);
    await waitFor(async () => (await ask('/intake')).intake[0]?.items.length === 1, PATIENCE_MS);
    await ask('/intake/accept', {});
    plane.setTrouble({ random: seeded(SEED), before: SHARE, after: SHARE });
    github.knobs.trouble = { random: seeded(SEED + 1), before: SHARE, after: SHARE };

    // Built, reviewed, shown.
    const first = await waits();
    const pull = () => github.pulls()[0];
    expect(here.call(1).prompt).toContain('ada: Mind the accents.');
    expect(here.call(1).prompt).not.toContain('Send me the keys');
    await said(first, ['development success', 'review success', 'deploy pending']);
    await waitFor(() => pull()?.pull?.reviews[0]?.state === 'APPROVED', PATIENCE_MS);

    // Red.
    github.runCheck(first, 'build', 'failure', { log: 'src/greet.js: expected a build\n' });
    const second = await waits(first);
    expect(here.call(3).prompt).toContain('src/greet.js: expected a build');
    await said(second, ['development success', 'review success', 'deploy pending']);

    // Changes requested.
    github.runCheck(second, 'build', 'success');
    github.review('mara', number(), 'CHANGES_REQUESTED', 'Name it better', [
      { path: 'src/greet.js', line: 1, body: 'what is this?' },
    ]);
    const third = await waits(first, second);
    expect(here.call(5).prompt).toContain('Name it better');
    expect(here.call(5).prompt).toContain('what is this?');

    // Approved and green.
    github.runCheck(third, 'build', 'success');
    await approveInChat(telegram, MARA, third);
    await waitFor(async () => (await task())?.status === 'done', PATIENCE_MS, story);
    expect(await github.repository.git('show', 'main:src/greet.js')).toBe('bonjour, as mara wants it');
    expect(pull()?.pull?.merged).not.toBeNull();
    await waitFor(() => plane.stateOf(item.id) === 'Done', PATIENCE_MS);
    await waitFor(async () => (await undelivered()) === 0, PATIENCE_MS, story);

    // Once, and nothing twice.
    const ours = plane.commentsOf(item.id).filter(({ external_source }) => external_source === 'orch');
    expect(new Set(ours.map(({ external_id }) => external_id)).size).toBe(ours.length);
    expect(ours.filter(({ external_id }) => external_id?.endsWith(':report') === true)).toHaveLength(1);
    expect(plane.links).toMatchObject([
      { issue: item.id, url: `${github.url}/acme/widgets/pull/${number()}` },
    ]);
    expect(github.pulls()).toHaveLength(1);
    const marks = [...(pull()?.comments ?? []), ...(pull()?.pull?.reviews ?? [])].flatMap(
      ({ body }) => /<!-- orch:(.*) -->/.exec(body)?.[1] ?? [],
    );
    expect(new Set(marks).size).toBe(marks.length);
    expect(marks.length).toBeGreaterThanOrEqual(3);
    const words = github.statuses
      .filter(({ context }) => context.startsWith('orch/'))
      .map(({ sha, context, state, description }) => `${sha} ${context} ${state} ${description}`);
    expect(words.filter((word, i) => words.indexOf(word) !== i)).toEqual([]);
    expect(here.calls()).toBe(6);
    // It did fail on the way.
    expect(here.rows('SELECT 1 FROM outbox WHERE tries > 1').length).toBeGreaterThan(0);
  }, 180_000);
});

async function ask(path: string, body?: object) {
  const headers = { authorization: `Bearer ${app.token}`, 'content-type': 'application/json' };
  const request = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  return (await (await fetch(`${app.url}/api/v1${path}`, request)).json()) as {
    intake: readonly { items: readonly unknown[] }[];
  };
}

const task = () => app.engine.store.task('WID-1');
const number = () => github.pulls()[0]?.number ?? 0;
const undelivered = async () =>
  here.rows("SELECT 1 FROM outbox WHERE status = 'pending' AND destination NOT LIKE 'notify%'").length;
async function story() {
  const jobs = here.rows('SELECT stage, status, hold, error FROM jobs ORDER BY id');
  const outbox = here.rows(
    "SELECT key, status, tries, error FROM outbox WHERE status = 'pending' AND destination NOT LIKE 'notify%'",
  );
  return { task: await task(), jobs, outbox, requests: github.requests.slice(-8) };
}

/** Waits until a person is asked about a head that is none of these. */
async function waits(...before: readonly string[]): Promise<string> {
  return waitFor(
    async () => {
      const found = await task();
      const isNew = found?.head != null && !before.includes(found.head);
      return isNew && found.reason?.code === 'approval.pending' ? found.head : null;
    },
    PATIENCE_MS,
    story,
  );
}

/** Waits until the newest word of each stage on a commit is this. */
async function said(sha: string, wanted: readonly string[]): Promise<void> {
  const newest = () => {
    const words = github.statuses.filter((each) => each.sha === sha && each.context.startsWith('orch/'));
    const last = new Map(words.map(({ context, state }) => [context, `${context.slice(5)} ${state}`]));
    return [...last.values()].toSorted();
  };
  const isSaid = () => JSON.stringify(newest()) === JSON.stringify(wanted.toSorted());
  await waitFor(isSaid, PATIENCE_MS, newest);
}
