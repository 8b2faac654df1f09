import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FIRST_FILES, KEY, openKit } from '../workspace/test-kit.ts';
import { leaveWorktree, type Surroundings, setUp } from './project-commands.ts';

/** Commands note what they do in `done` beside the worktree. */
async function prepared(commands: { setup?: readonly string[]; teardown?: readonly string[] }) {
  const kit = await openKit({ ...FIRST_FILES, 'package-lock.json': '1\n' });
  const clone = await kit.workspace.prepare(kit.repo, { key: KEY, branch: 'orch/demo-1' });
  const ending = new AbortController();
  const at: Surroundings = {
    workspace: kit.workspace,
    project: { setup: commands.setup ?? [], teardown: commands.teardown ?? [], env: {} },
    baseEnv: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: kit.root },
    run: { id: 1, directory: join(kit.root, 'runs') },
    signal: ending.signal,
  };
  const done = async () =>
    (await readFile(join(clone.path, '..', 'done'), 'utf8').catch(() => '')).trim().split('\n');
  const worktree = { key: KEY, path: clone.path, copied: [] };
  return { kit, at, clone, worktree, ending, done };
}

describe('setup', () => {
  test('is not repeated for the lockfile it rewrote itself, but for the next change of it', async () => {
    const { kit, at, clone, done } = await prepared({
      setup: ['echo set >> ../done; echo 2 > package-lock.json'],
    });
    expect(await setUp(at, clone)).toBeNull();
    expect(await setUp(at, { ...clone, created: false })).toBeNull();
    expect(await done()).toEqual(['set']);
    await kit.write(clone.path, { 'package-lock.json': '3\n' });
    expect(await setUp(at, { ...clone, created: false })).toBeNull();
    expect(await done()).toEqual(['set', 'set']);
  });

  test('that failed runs again, and tells what failed with its output', async () => {
    const { at, clone, done } = await prepared({
      setup: ['echo set >> ../done', 'echo no network; exit 7', 'echo never >> ../done'],
    });
    const failed = await setUp(at, clone);
    expect(failed).toMatchObject({ command: 'echo no network; exit 7', output: 'no network\n', left: false });
    expect(failed?.text).toContain('exit 7');
    expect(await setUp(at, { ...clone, created: false })).toMatchObject({ left: false });
    expect(await done()).toEqual(['set', 'set']);
  });

  test("that failed after a run is known as that run's, until a lockfile changes again", async () => {
    const { kit, at, clone } = await prepared({ setup: ['grep -q 1 package-lock.json'] });
    const later = { ...clone, created: false };
    expect(await setUp(at, clone)).toBeNull();
    await kit.write(clone.path, { 'package-lock.json': '2\n' });
    expect(await setUp(at, later, { afterRun: true })).toMatchObject({ left: false });
    expect(await setUp(at, later)).toMatchObject({ left: true });
    await kit.write(clone.path, { 'package-lock.json': '3\n' });
    expect(await setUp(at, later)).toMatchObject({ left: false });
    await kit.write(clone.path, { 'package-lock.json': '1\n' });
    expect(await setUp(at, later)).toBeNull();
  });
});

describe('leaving a worktree', () => {
  test('runs every teardown command although one fails, then takes away the worktree and its note', async () => {
    const { at, clone, worktree, kit, done } = await prepared({
      setup: ['true'],
      teardown: ['exit 3', 'echo "$ORCH_SLOT $ORCH_RUN_ID" >> ../done'],
    });
    await setUp(at, clone);
    await kit.write(clone.path, { 'new.txt': 'new\n' });
    const left = await leaveWorktree(at, kit.repo, worktree);
    expect(left.failed).toEqual([expect.stringContaining('teardown failed: exit 3')]);
    expect(left.salvaged).toEqual(['refs/orch/salvage/run_1']);
    expect(await done()).toEqual(['0 run_1']);
    expect([clone.path, `${clone.path}.setup`].map((path) => existsSync(path))).toEqual([false, false]);
    expect(await leaveWorktree(at, kit.repo, worktree)).toMatchObject({ salvaged: [] });
  });

  test('stops when it is aborted, and keeps the worktree with its work salvaged', async () => {
    const { at, clone, worktree, kit, ending } = await prepared({ teardown: ['sleep 600'] });
    await kit.write(clone.path, { 'new.txt': 'new\n' });
    const leaving = leaveWorktree(at, kit.repo, worktree);
    await expect
      .poll(() => existsSync(join(kit.root, 'runs', 'teardown-1', 'supervisor.json')), { timeout: 10_000 })
      .toBe(true);
    ending.abort();
    await expect(leaving).rejects.toThrow();
    expect(existsSync(clone.path)).toBe(true);
    expect(await kit.workspace.listSalvage('demo')).toHaveLength(1);
  });
});
