import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FIRST_FILES, KEY, openKit } from './test-kit.ts';

const FILES = {
  ...FIRST_FILES,
  'package-lock.json': '1\n',
  'packages/web/yarn.lock': '1\n',
  'packages/web/app.js': '1\n',
};

async function prepared() {
  const kit = await openKit(FILES);
  const { path } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: 'orch/demo-1' });
  return { kit, path, state: () => kit.workspace.lockfiles(path) };
}

describe('the state of the lockfiles', () => {
  test.each([
    ['the one at the root changes', { 'package-lock.json': '2\n' }],
    ['one in a folder changes', { 'packages/web/yarn.lock': '2\n' }],
    ['a new one comes, not yet committed', { 'packages/api/Cargo.lock': '1\n' }],
    ['one at the root comes, even an ignored one', { 'bun.lock': '1\n', '.gitignore': 'bun.lock\n' }],
  ])('is another one when %s', async (_when, files) => {
    const { kit, path, state } = await prepared();
    const before = await state();
    await kit.write(path, files);
    expect(await state()).not.toBe(before);
  });

  test('is another one when a lockfile goes, and the same again when it is back', async () => {
    const { kit, path, state } = await prepared();
    const before = await state();
    await rm(join(path, 'packages/web/yarn.lock'));
    expect(await state()).not.toBe(before);
    await kit.write(path, { 'packages/web/yarn.lock': '1\n' });
    expect(await state()).toBe(before);
  });

  test('stays when other files change, when a change is committed, and whatever ignored folders hold', async () => {
    const { kit, path, state } = await prepared();
    const before = await state();
    await kit.write(path, { 'packages/web/app.js': '2\n', 'ignored/yarn.lock': '2\n' });
    expect(await state()).toBe(before);
    await kit.write(path, { 'packages/web/yarn.lock': '2\n' });
    const changed = await state();
    await kit.git(path, 'commit', '-qam', 'more');
    expect(await state()).toBe(changed);
  });

  test('does not follow a symlink out of the clone', async () => {
    const { kit, path, state } = await prepared();
    await kit.write(kit.root, { 'outside/yarn.lock': 'one\n' });
    await rm(join(path, 'packages/web'), { recursive: true });
    await symlink(join(kit.root, 'outside'), join(path, 'packages/web'));
    await rm(join(path, 'package-lock.json'));
    await symlink(join(kit.root, 'outside/yarn.lock'), join(path, 'package-lock.json'));
    const before = await state();
    await kit.write(kit.root, { 'outside/yarn.lock': 'two\n' });
    expect(await state()).toBe(before);
  });

  test('is asked of clones only', async () => {
    const { kit } = await prepared();
    await expect(kit.workspace.lockfiles(`${kit.root}/demo/${KEY}`)).rejects.toMatchObject({
      code: 'workspace.clone_missing',
    });
    await expect(kit.workspace.variables(`${kit.worktreesDir}/demo/NONE-1`)).rejects.toMatchObject({
      code: 'workspace.clone_missing',
    });
  });
});

describe('the variables of a clone', () => {
  test('are its own as long as it exists, and free when it is removed', async () => {
    const { kit, path } = await prepared();
    const other = await kit.workspace.prepare(kit.repo, { key: 'DEMO-2', branch: 'orch/demo-2' });
    const [one, two] = await Promise.all([
      kit.workspace.variables(path),
      kit.workspace.variables(other.path),
    ]);
    expect(new Set([one['ORCH_SLOT'], two['ORCH_SLOT']])).toEqual(new Set(['0', '1']));
    expect(await kit.workspace.variables(path)).toEqual(one);
    expect(await kit.workspace.clones('demo')).toEqual([KEY, 'DEMO-2']);
    await kit.workspace.remove(kit.repo, { key: KEY, run: 'run_1' });
    expect(await kit.workspace.clones('demo')).toEqual(['DEMO-2']);
    const third = await kit.workspace.prepare(kit.repo, { key: 'DEMO-3', branch: null });
    expect((await kit.workspace.variables(third.path))['ORCH_SLOT']).toBe(one['ORCH_SLOT']);
  });

  test('of many asked at once are one slot', async () => {
    const { kit, path } = await prepared();
    const all = await Promise.all(Array.from({ length: 5 }, () => kit.workspace.variables(path)));
    expect(new Set(all.map((each) => each['ORCH_SLOT'])).size).toBe(1);
  });
});
