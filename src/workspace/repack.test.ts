import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Kit, openKit } from './test-kit.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const NOW = Date.now();
const ALWAYS = { loose: 0, packs: 0 };

interface Ground extends Kit {
  readonly bare: string;
  readonly objects: (...args: string[]) => Promise<string>;
}

async function openGround(): Promise<Ground> {
  const kit = await openKit();
  await kit.workspace.fetch(kit.repo);
  const bare = join(kit.reposDir, 'demo.git');
  return { ...kit, bare, objects: (...args) => kit.git(bare, ...args) };
}

/** A commit in the bare repository that only its ref names. */
async function commitAs(kit: Ground, ref: string): Promise<string> {
  await kit.write(kit.root, { blob: `${ref}\n` });
  const blob = await kit.git(kit.bare, 'hash-object', '-w', join(kit.root, 'blob'));
  const commit = await kit.git(kit.bare, 'commit-tree', '-m', `${ref} ${blob}`, 'origin/main^{tree}');
  await kit.git(kit.bare, 'update-ref', ref, commit);
  return commit;
}

const has = (kit: Ground, commit: string) =>
  kit.tryGit(kit.bare, 'cat-file', '-e', commit).then(({ code }) => code === 0);

describe('repacking a bare repository', () => {
  test('leaves alone what is small, and packs what has grown', async () => {
    const kit = await openGround();
    expect(await kit.workspace.repack('demo', NOW)).toBe(false);
    for (let i = 0; i < 5; i++) await commitAs(kit, `refs/heads/task-${i}`);
    expect(await kit.workspace.repack('demo', NOW, { loose: 1000, packs: 20 })).toBe(false);
    expect(await kit.workspace.repack('demo', NOW, { loose: 5, packs: 20 })).toBe(true);
    expect(await kit.objects('count-objects')).toMatch(/^0 objects/);
    expect(await readdir(join(kit.bare, 'refs', 'heads'))).toEqual([]);
    expect((await kit.objects('for-each-ref', 'refs/heads/task-*')).split('\n')).toHaveLength(5);
    expect((await kit.tryGit(kit.bare, 'fsck', '--strict')).code).toBe(0);
  });

  test('keeps task branches, work, salvage and kept bases however old they are', async () => {
    const kit = await openGround();
    const refs = ['refs/heads/orch/p-1', 'refs/orch/work/P-1', 'refs/orch/salvage/run_1', 'refs/orch/base/x'];
    const commits = await Promise.all(refs.map((ref) => commitAs(kit, ref)));
    for (const days of [0, 100, 200]) await kit.workspace.repack('demo', NOW + days * DAY_MS, ALWAYS);
    for (const [i, ref] of refs.entries()) expect(await kit.objects('rev-parse', ref)).toBe(commits[i]);
    expect((await kit.tryGit(kit.bare, 'fsck', '--strict')).code).toBe(0);
  });

  test('drops what nothing names four weeks after it was first found so, not after it was written', async () => {
    const kit = await openGround();
    const commit = await commitAs(kit, 'refs/orch/salvage/run_1');
    await kit.workspace.repack('demo', NOW, ALWAYS);
    await kit.objects('update-ref', '-d', 'refs/orch/salvage/run_1');
    const letGo = NOW + 200 * DAY_MS;
    await kit.workspace.repack('demo', letGo, ALWAYS);
    expect(await has(kit, commit)).toBe(true);
    await kit.workspace.repack('demo', letGo + 27 * DAY_MS, ALWAYS);
    expect(await has(kit, commit)).toBe(true);
    await kit.workspace.repack('demo', letGo + 29 * DAY_MS, ALWAYS);
    expect(await has(kit, commit)).toBe(false);
  });

  test('drops nothing while a clone is older than that: it may borrow it', async () => {
    const kit = await openGround();
    const { path } = await kit.workspace.prepare(kit.repo, { key: 'P-1', branch: 'orch/p-1' });
    const commit = await commitAs(kit, 'refs/orch/salvage/run_1');
    await kit.objects('update-ref', '-d', 'refs/orch/salvage/run_1');
    await kit.workspace.repack('demo', NOW, ALWAYS);
    await kit.workspace.repack('demo', NOW + 60 * DAY_MS, ALWAYS);
    expect(await has(kit, commit)).toBe(true);
    expect((await kit.tryGit(path, 'fsck')).code).toBe(0);
    expect(await kit.git(path, 'cat-file', '-t', commit)).toBe('commit');
  });

  test('tells how much is kept for salvages alone', async () => {
    const kit = await openGround();
    expect(await kit.workspace.salvageBytes('demo', 5000)).toBe(0);
    await commitAs(kit, 'refs/orch/salvage/run_1');
    expect(await kit.workspace.salvageBytes('demo', 5000)).toBeGreaterThan(50);
  });
});

test('forgetting salvages spares those that are to be kept', async () => {
  const kit = await openGround();
  for (const name of ['run_1', 'run_2']) await commitAs(kit, `refs/orch/salvage/${name}`);
  const later = new Date(NOW + DAY_MS);
  expect(await kit.workspace.pruneSalvage('demo', later, ({ name }) => name === 'run_2')).toEqual(['run_1']);
  expect((await kit.workspace.listSalvage('demo')).map(({ name }) => name)).toEqual(['run_2']);
});
