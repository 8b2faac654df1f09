import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import type { ForgeCheck } from '../../src/forges/forge.ts';
import type { TaskDetailWire } from '../../src/http/contract.ts';
import { startInProcess } from '../support/in-process.ts';
import { handIn, type Installation, waitFor } from '../support/orch.ts';
import { scriptedForges } from '../support/scripted-forge.ts';
import { type Stories, type Story, tell } from '../support/stories.ts';

/** The way through a forge: checks of others, people's reviews, a base that moves. Runs and git are real. */

const DEV = '{ stage: development, agent: developer, tools: write }';
const DEPLOY = '{ stage: deploy, kind: deploy, approval: required }';
const REVIEW = '{ stage: review, agent: reviewer, tools: read, on_reject: development }';
const writes = (file: string, text: string) => handIn({ outcome: 'done' }, `printf '${text}' > ${file}`);
const LINES = Array.from({ length: 12 }, (_, i) => `line ${i + 1}`);
const lines = (edits: Readonly<Record<number, string>>) =>
  LINES.map((line, i) => edits[i + 1] ?? line).join('\n');

const CHECKED = 'is looked at by others';
const BEHIND = 'is behind its base';
const CONTRADICTS = 'contradicts its base';
const STORIES: readonly Story[] = [
  {
    name: CHECKED,
    pipeline: [DEV, REVIEW, DEPLOY],
    scenes: [
      writes('src/one.js', 'one'),
      handIn({ outcome: 'approve', summary: 'looks right' }),
      writes('src/one.js', 'one, built'),
      handIn({ outcome: 'approve', summary: 'builds' }),
      writes('src/one.js', 'one, as mara wants it'),
      handIn({ outcome: 'approve', summary: 'as asked' }),
    ],
  },
  { name: BEHIND, pipeline: [DEV, DEPLOY], scenes: [writes('src/two.js', 'two')] },
  {
    name: CONTRADICTS,
    pipeline: [DEV, DEPLOY],
    scenes: [
      handIn({ outcome: 'done' }, `sed -i 's/^line 2$/ours/' src/lines.txt`),
      // Left as it is: the marks are no evidence, and the attempt is made again.
      handIn({ outcome: 'done' }),
      handIn({ outcome: 'done' }, `sed -i '/^[<=>]\\{7\\}/d' src/lines.txt`),
    ],
  },
];

describe('a task with a pull request', () => {
  const forges = scriptedForges(() => here.repository);
  let told: Stories;
  let here: Installation;
  let app: App;

  beforeAll(async () => {
    told = await tell(STORIES, {
      files: { 'src/lines.txt': `${lines({})}\n` },
      async start(installed) {
        here = installed;
        app = await startInProcess(installed, { forge: forges.wrap });
        writeFileSync(join(installed.home, 'server.json'), JSON.stringify({ url: app.url }));
        writeFileSync(join(installed.home, 'cli-token'), app.token);
      },
    });
    await Promise.all(STORIES.map(({ name }) => told.begin(name)));
  }, 60_000);
  afterAll(async () => {
    await app.close();
    await here.remove();
  });

  const waits = (name: string, isNew: (task: TaskDetailWire) => boolean = () => true) =>
    told.until(name, (task) => task.reason?.code === 'approval.pending' && isNew(task));
  const scriptOf = ({ project }: TaskDetailWire) => forges.of(project);
  const nudge = ({ project, branch }: TaskDetailWire) =>
    app.engine.nudge('local', [{ kind: 'branch', at: project, branch }]);
  const approve = ({ key }: TaskDetailWire) => app.engine.approve(key, null, { by: 'mara', surface: 'cli' });
  const done = (name: string) => told.until(name, ({ status }) => status === 'done');
  const onMain = (file: string) =>
    execFileSync('git', ['-C', here.repository, 'show', `main:${file}`], { encoding: 'utf8', stdio: 'pipe' });
  const check = (state: ForgeCheck['state'], detail = ''): ForgeCheck => ({
    ...{ name: 'build', state, required: true, url: 'https://ci.example.org/1', detail },
  });
  const said = (task: TaskDetailWire, head: string | null) =>
    scriptOf(task)
      .statuses.filter((status) => status.head === head)
      .map(({ context, state }) => `${context} ${state}`);
  function byPerson(file: string, text: string): void {
    const folder = mkdtempSync(join(here.root, 'person-'));
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=Mara', '-c', 'user.email=m@localhost', ...args], { cwd: folder });
    git('clone', '-q', '-b', 'main', here.repository, '.');
    writeFileSync(join(folder, file), text);
    git('add', '-A');
    git('commit', '-q', '-m', `Change ${file}`);
    git('push', '-q', 'origin', 'main');
  }

  it('goes back for what others find, each thing once, and is merged by a review when all is green', async () => {
    const first = await waits(CHECKED);
    const script = scriptOf(first);
    await waitFor(() => said(first, first.head).length === 4 && script.told.length === 1);
    expect(said(first, first.head)).toEqual([
      'orch/development success',
      'orch/review pending',
      'orch/review success',
      'orch/deploy pending',
    ]);
    expect(script.told).toMatchObject([{ head: first.head, event: 'approve' }]);
    expect(script.told[0]?.body).toContain('looks right');

    script.checks = [check('failure', 'src/one.js: Error: expected a build')];
    nudge(first);
    nudge(first);
    const second = await waits(CHECKED, ({ head }) => head !== first.head);
    const prompt = told.prompts(CHECKED)[2];
    expect(prompt).toContain('CI: build failed: src/one.js: Error: expected a build');
    expect(prompt).toContain('https://ci.example.org/1');
    await waitFor(() => said(second, second.head).length === 4);
    expect(said(second, first.head)).toContain('orch/deploy failure');
    expect(said(second, second.head)[0]).toBe('orch/development success');

    script.checks = [check('pending')];
    const mara = { id: '1', name: 'mara', mayWrite: true };
    const asks = { id: '31', by: mara, commit: second.head ?? '', at: 0, body: 'Name it better' } as const;
    const comments = [{ file: 'src/one.js', line: 1, body: 'what is one?' }];
    script.reviews = [{ ...asks, state: 'changes_requested', comments }];
    nudge(second);
    const third = await waits(CHECKED, ({ head }) => head !== first.head && head !== second.head);
    expect(told.prompts(CHECKED)[4]).toMatch(
      /- Name it better: By mara\.\n- what is one\? \(src\/one\.js:1\)/,
    );

    script.reviews = [{ ...asks, id: '32', commit: third.head ?? '', state: 'approved', comments: [] }];
    nudge(third);
    const held = await told.until(CHECKED, ({ jobs }) => jobs.at(-1)?.hold?.code === 'checks.pending');
    expect(held).toMatchObject({ status: 'active', reason: null });
    expect(held.jobs.at(-1)).toMatchObject({
      ...{ attempts: 0, status: 'queued' },
      hold: {
        state: 'waiting',
        detail: expect.stringContaining(`1 check still runs on ${third.head?.slice(0, 7)}`),
      },
    });
    expect(() => onMain('src/one.js')).toThrow();

    script.checks = [check('success')];
    nudge(third);
    const ended = await done(CHECKED);
    expect(onMain('src/one.js')).toBe('one, as mara wants it');
    expect(ended.jobs.map(({ stage }) => stage).filter((stage) => stage === 'development')).toHaveLength(3);
    expect(here.rows("SELECT by, surface FROM audit WHERE action IN ('approve', 'review')")).toEqual([
      { by: 'mara', surface: 'forge' },
      { by: 'mara', surface: 'forge' },
    ]);
  }, 240_000);

  it('that is behind gets its base merged in, and the yes to it holds for the same change', async () => {
    const first = await waits(BEHIND);
    const script = scriptOf(first);
    byPerson('README.md', '# Changed meanwhile\n');
    script.merges = [{ kind: 'outdated', detail: 'the branch is behind main' }];
    await approve(first);
    const held = await told.until(BEHIND, ({ head }) => head !== first.head);
    expect(held.status).toBe('active');
    nudge(held);
    await done(BEHIND);
    expect(onMain('src/two.js')).toBe('two');
    expect(said(held, held.head)).toContain('orch/development success');
    const branch = execFileSync(
      'git',
      ['-C', here.repository, 'log', '-1', '--format=%an|%s|%P', held.head ?? ''],
      {
        encoding: 'utf8',
      },
    );
    expect(branch).toMatch(new RegExp(`^Orch\\|Merge main into ${held.branch}\\|${first.head} `));
    expect(here.rows("SELECT by FROM audit WHERE action = 'approve' AND target = ?", first.key)).toHaveLength(
      1,
    );
  }, 240_000);

  it('that contradicts its base has an agent resolve it, and a person looks again', async () => {
    const first = await waits(CONTRADICTS);
    byPerson('src/lines.txt', `${lines({ 2: 'theirs' })}\n`);
    await approve(first);
    const second = await waits(CONTRADICTS, ({ head }) => head !== first.head);
    expect(second.rounds).toEqual({ deploy: 1 });
    expect(told.prompts(CONTRADICTS)[1]).toMatch(/HEAD\^2 is origin\/main[\s\S]*src\/lines\.txt/);
    expect(second.runs.map(({ reason }) => reason).join('\n')).toContain(
      "no evidence: git's conflict marks are left in src/lines.txt",
    );
    const parents = execFileSync(
      'git',
      ['-C', here.repository, 'log', '-1', '--format=%P', second.head ?? ''],
      {
        encoding: 'utf8',
      },
    );
    expect(parents.split(' ')[0]).toBe(first.head);
    await approve(second);
    await done(CONTRADICTS);
    expect(onMain('src/lines.txt')).toBe(`${lines({ 2: 'ours\ntheirs' })}\n`);
  }, 240_000);
});
