import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NamedMutex } from '../lib/mutex.ts';
import { BRANCH, KEY, openKit } from './test-kit.ts';

describe('what a killed process leaves behind', () => {
  test('a lock of a dead git stops nobody', async () => {
    const kit = await openKit();
    const { path, head: since } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    const lock = join(kit.reposDir, `demo.git/refs/heads/${BRANCH}.lock`);
    await writeFile(lock, '');
    await utimes(lock, new Date(0), new Date(0));
    await writeFile(join(path, '.git/index.lock'), '');
    await kit.write(path, { 'a.txt': 'a' });
    expect(
      await kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'm' }),
    ).toMatchObject({ kind: 'taken' });
    expect(await kit.git(path, 'add', '-A')).toBe('');
  });

  test('half-made things are swept when they are old, and nothing else', async () => {
    const kit = await openKit();
    await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    const places = [
      'repos/.orch/tmp/demo-1.git',
      'repos/.draft-1.git',
      'worktrees/demo/.draft-1',
      'repos/demo.git/objects/pack/tmp_pack_1',
      'repos/demo.git/objects/tmp_objdir-1',
    ];
    for (const place of places) await mkdir(join(kit.root, place), { recursive: true });
    const before = await readdir(join(kit.reposDir, 'demo.git'), { recursive: true });
    expect(await kit.workspace.sweep(new Date(Date.now() - 60_000))).toBe(0);
    expect(await kit.workspace.sweep(new Date(Date.now() + 60_000))).toBe(places.length);
    expect(await readdir(join(kit.reposDir, 'demo.git'), { recursive: true })).toHaveLength(
      before.length - 2,
    );
    expect(await readdir(join(kit.worktreesDir, 'demo'))).toEqual([KEY]);
  });
});

test('a mutex gives each name to one holder at a time, in order, also after a failure', async () => {
  const mutex = new NamedMutex();
  const log: string[] = [];
  const job = (name: string, label: string, fails = false) =>
    mutex.run(name, async () => {
      log.push(`${label} in`);
      await Promise.resolve();
      log.push(`${label} out`);
      if (fails) throw new Error(label);
    });
  const all = await Promise.allSettled([job('a', '1', true), job('a', '2'), job('b', '3'), job('a', '4')]);
  expect(all.map((one) => one.status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect(log.filter((entry) => !entry.startsWith('3'))).toEqual([
    '1 in',
    '1 out',
    '2 in',
    '2 out',
    '4 in',
    '4 out',
  ]);
});
