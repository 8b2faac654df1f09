import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { App } from '../../src/app.ts';
import type { Task } from '../../src/core/model.ts';
import { MARA, startInProcess } from '../support/in-process.ts';
import { handIn, type Installation, install, UNTIL_GO, waitFor } from '../support/orch.ts';

/** What is kept for a while only, on a clock of its own; runs, git and the database are real. */
let here: Installation;
let app: App | null = null;
let aheadMs: number;
const clock = () => Date.now() + aheadMs;
beforeEach(() => {
  aheadMs = 0;
});
afterEach(async () => {
  await app?.close();
  app = null;
  await here.remove();
});

const DAY = 24 * 60 * 60 * 1000;
const DEV = '      - { stage: development, agent: developer, tools: write }';
const WORK = handIn({ outcome: 'done' }, 'echo "// new" > src/$ORCH_RUN_ID.js; echo precious > .env');

async function start(options: { workspace?: string; retention?: string } = {}): Promise<App> {
  here = install({ pipeline: DEV, projectExtra: `    workspace: ${options.workspace ?? '{}'}` });
  mkdirSync(join(here.home, 'seen'));
  here.scene(0, WORK);
  if (options.retention !== undefined) {
    const yaml = execFileSync('cat', [join(here.root, 'orch.yaml')], { encoding: 'utf8' });
    here.writeConfig(`${yaml}\nretention: ${options.retention}\n`);
  }
  app = await startInProcess(here, { clock });
  return app;
}

async function submit({ engine }: App): Promise<Task> {
  const { task } = await engine.submit(
    {
      project: 'p',
      key: null,
      title: 'Greet',
      body: '',
      stage: null,
      priority: 0,
      labels: [],
      size: null,
      pipeline: null,
    },
    MARA,
  );
  return task;
}
const reaches = ({ engine }: App, key: string, status: string) =>
  waitFor(async () => (await engine.store.task(key))?.status === status);
const cancel = ({ engine }: App, key: string) => engine.cancel(key, false, MARA);
const worktree = (name: string) => join(here.home, 'worktrees', 'p', name);
const isThere = (name: string) => existsSync(worktree(name));
const runFolder = (id: number) => existsSync(join(here.home, 'runs', `run_${id}`));

describe('the worktree of a cancelled task', () => {
  it('is salvaged, torn down and removed a week later, and its slot is free; an open task keeps its own', async () => {
    const own = await start({ workspace: '{ teardown: ["echo $ORCH_SLOT $PWD >> ../../../seen/torn"] }' });
    const [gone, open] = [await submit(own), await submit(own)];
    for (const { key } of [gone, open]) {
      await reaches(own, key, 'needs_you');
      // Later than that nothing changes a task by itself.
      await waitFor(async () => (await own.engine.store.task(key))?.pr?.state === 'open');
    }
    writeFileSync(join(worktree(gone.key), 'unsaved.txt'), 'only here\n');
    await cancel(own, gone.key);
    aheadMs += 6 * DAY;
    await own.engine.upkeep();
    expect([isThere(gone.key), isThere(open.key)]).toEqual([true, true]);
    aheadMs += 2 * DAY;
    await own.engine.upkeep();
    await waitFor(() => !isThere(gone.key));
    expect(isThere(open.key)).toBe(true);
    const kept = await own.engine.salvage.list('p');
    const files = await Promise.all(kept.map(async ({ name }) => (await own.engine.salvage.show(name)).diff));
    expect(files.flatMap((diff) => diff.files.map(({ path }) => path))).toContain('unsaved.txt');
    expect(execFileSync('cat', [join(here.home, 'seen', 'torn')], { encoding: 'utf8' })).toContain(gone.key);
    const next = await submit(own);
    await reaches(own, next.key, 'needs_you');
    const slots = readdirSync(join(here.home, 'worktrees', '.slots'));
    expect(new Set(slots.map((name) => name.split('.')[0]))).toEqual(new Set(['0', '1']));
  });

  it('stays for ever when that is asked for', async () => {
    const own = await start({ retention: '{ worktrees: never, runs: never }' });
    const { key } = await submit(own);
    await reaches(own, key, 'needs_you');
    await cancel(own, key);
    aheadMs += 3000 * DAY;
    await own.engine.upkeep();
    await own.engine.upkeep();
    expect([isThere(key), runFolder(1)]).toEqual([true, true]);
  });
});

it('a teardown that hangs delays the removal of no other worktree', async () => {
  const own = await start({
    workspace: `{ teardown: ["case $PWD in *P-1) touch ../../../seen/hangs; sleep 600;; esac"] }`,
  });
  const tasks = [await submit(own), await submit(own), await submit(own)];
  for (const { key } of tasks) await reaches(own, key, 'needs_you');
  await own.engine.approve('P-1', null, MARA);
  await waitFor(() => existsSync(join(here.home, 'seen', 'hangs')));
  for (const key of ['P-2', 'P-3']) await own.engine.approve(key, null, MARA);
  await waitFor(() => !isThere('P-2') && !isThere('P-3'));
  expect(isThere('P-1')).toBe(true);
});

describe('the folder of an ended run', () => {
  it('goes with its age; the last one of an open task and of a live run stay', async () => {
    const own = await start();
    const done = await submit(own);
    await reaches(own, done.key, 'needs_you');
    await own.engine.approve(done.key, null, MARA);
    await reaches(own, done.key, 'done');
    await waitFor(() => !isThere(done.key));
    const open = await submit(own);
    await reaches(own, open.key, 'needs_you');
    const before = (await own.engine.store.runs({ taskId: open.id, limit: 10 })).items.at(-1);
    await own.engine.reject(open.key, 'once more', MARA);
    await waitFor(async () => (await own.engine.store.runs({ taskId: open.id, limit: 10 })).items.length > 1);
    await reaches(own, open.key, 'needs_you');
    here.scene(0, `${UNTIL_GO}${WORK}`);
    const live = await submit(own);
    await waitFor(async () => (await own.engine.store.running())[0]?.run.pid);
    const last = (await own.engine.store.runs({ taskId: open.id, limit: 10 })).items.at(-1);
    // A merge without a command needs no folder.
    const ofDone = (await own.engine.store.runs({ taskId: done.id, limit: 10 })).items.filter(({ id }) =>
      runFolder(id),
    );
    const ofLive = (await own.engine.store.runs({ taskId: live.id, limit: 10 })).items;
    mkdirSync(join(here.home, 'runs', 'run_9999'));

    aheadMs += 29 * DAY;
    await own.engine.upkeep();
    expect(ofDone.map(({ id }) => runFolder(id))).not.toContain(false);
    aheadMs += 2 * DAY;
    await own.engine.upkeep();
    await waitFor(
      () => !ofDone.some(({ id }) => existsSync(join(here.home, 'runs', `run_${id}`, 'run.log'))),
    );
    expect([runFolder(before?.id ?? 0), runFolder(last?.id ?? 0)]).toEqual([false, true]);
    expect(ofLive.map(({ id }) => runFolder(id))).toEqual([true]);
    expect(runFolder(9999)).toBe(true);
    here.go();
    await reaches(own, live.key, 'needs_you');
    // History stays: the row of a run whose folder went.
    expect(await own.engine.store.run(ofDone[0]?.id ?? 0)).toMatchObject({ status: 'ended' });
  });
});

it('salvage of a task that is over goes with its age, that of an open one stays', async () => {
  const own = await start();
  const tasks = [await submit(own), await submit(own)];
  for (const { key } of tasks) await reaches(own, key, 'needs_you');
  const [over, open] = tasks.map(({ key }) => key);
  writeFileSync(join(worktree(over ?? ''), 'unsaved.txt'), 'only here');
  // Both are salvaged: one when its worktree goes, one after a run that failed.
  here.scene(3, 'echo lost > src/lost.js; exit 3');
  await own.engine.approve(over ?? '', null, MARA);
  await own.engine.reject(open ?? '', 'once more', MARA);
  await waitFor(async () => {
    const keys = (await own.engine.salvage.list('p')).map(({ note }) => note.key);
    return keys.includes(over ?? '') && keys.includes(open ?? '');
  });
  await reaches(own, open ?? '', 'needs_you');
  aheadMs = 89 * DAY;
  await own.engine.upkeep();
  expect((await own.engine.salvage.list('p')).map(({ note }) => note.key)).toContain(over);
  aheadMs = 91 * DAY;
  await own.engine.upkeep();
  const left = (await own.engine.salvage.list('p')).map(({ note }) => note.key);
  expect(left).not.toContain(over);
  expect(left).toContain(open);
});

it('the folder of a killed project check is swept a day later, nothing else there', async () => {
  const own = await start();
  const made = ['check-0123', 'check-4567', 'other'].map((name) => join(here.home, 'tmp', name));
  for (const path of made) mkdirSync(join(path, 'runs'), { recursive: true });
  for (const path of [made[0] ?? '', made[2] ?? '']) {
    const old = (clock() - 2 * DAY) / 1000;
    utimesSync(path, old, old);
  }
  await own.engine.upkeep();
  await own.engine.upkeep();
  expect(made.map((path) => existsSync(path))).toEqual([false, true, true]);
});

it('a repository that has grown is packed, but not while a run of its project lives', async () => {
  const own = await start();
  here.scene(0, `${UNTIL_GO}${WORK}`);
  const { key, branch } = await submit(own);
  await waitFor(async () => (await own.engine.store.running())[0]?.run.pid);
  const git = (args: string[], input = '') =>
    execFileSync('git', ['-C', join(here.home, 'repos', 'p.git'), ...args], { encoding: 'utf8', input });
  const blobs = join(here.root, 'blobs');
  mkdirSync(blobs);
  const paths = Array.from({ length: 2100 }, (_, i) => join(blobs, String(i)));
  for (const path of paths) writeFileSync(path, path);
  git(['hash-object', '-w', '--stdin-paths'], paths.join('\n'));
  await own.engine.upkeep();
  const loose = () => Number(git(['count-objects']).split(' ')[0]);
  expect(loose()).toBeGreaterThan(2000);
  here.go();
  await reaches(own, key, 'needs_you');
  await own.engine.upkeep();
  expect(loose()).toBe(0);
  expect(git(['show', `${branch}:src/run_1.js`])).toBe('// new\n');
  expect(git(['fsck', '--strict'])).not.toContain('missing');
  // The clone borrows from there, and goes on.
  expect(
    execFileSync('git', ['-C', worktree(key), 'log', '-1', '--format=%s'], { encoding: 'utf8' }),
  ).not.toBe('');
});
