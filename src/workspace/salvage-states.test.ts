import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRANCH, KEY, type Kit, openKit } from './test-kit.ts';

async function prepared(files?: Readonly<Record<string, string>>) {
  const kit = await openKit(files);
  const { path, head } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
  return { kit, path, head, bare: join(kit.reposDir, 'demo.git') };
}

/** Whether the bare repository leads from the salvage to this commit and all of its content. */
async function isKept(kit: Kit, ref: string | undefined, commit: string): Promise<boolean> {
  const bare = join(kit.reposDir, 'demo.git');
  const listed = await kit.tryGit(bare, 'rev-list', '--objects', ref ?? 'refs/none');
  return listed.code === 0 && listed.output.includes(commit);
}

async function commitFile(kit: Kit, path: string, name: string, text: string): Promise<string> {
  await kit.write(path, { [name]: text });
  await kit.git(path, 'add', '-A');
  await kit.git(path, 'commit', '-qm', `${name} ${text}`);
  return kit.head(path);
}

describe('commits that only the clone knows are kept', () => {
  const MAKE: Readonly<Record<string, (kit: Kit, path: string) => Promise<string[]>>> = {
    'every stash, not only the newest': async (kit, path) => {
      const found: string[] = [];
      for (const text of ['first', 'second', 'third']) {
        await kit.write(path, { 'README.md': text, [`new-${text}`]: text });
        await kit.git(path, 'stash', '-qu');
      }
      for (const n of [0, 1, 2])
        found.push(await kit.head(path, `stash@{${n}}`), await kit.head(path, `stash@{${n}}^3`));
      return found;
    },
    'one that was amended': async (kit, path) => {
      const first = await commitFile(kit, path, 'a.txt', 'first');
      await kit.write(path, { 'a.txt': 'second' });
      await kit.git(path, 'commit', '-qa', '--amend', '-m', 'second');
      return [first, await kit.head(path)];
    },
    'some that were dropped by a hard reset': async (kit, path) => {
      const first = await commitFile(kit, path, 'a.txt', 'first');
      const second = await commitFile(kit, path, 'a.txt', 'second');
      await kit.git(path, 'reset', '-q', '--hard', 'HEAD~2');
      return [first, second];
    },
    'one made on a detached HEAD and left': async (kit, path) => {
      await kit.git(path, 'checkout', '-q', '--detach');
      const lost = await commitFile(kit, path, 'a.txt', 'detached');
      await kit.git(path, 'checkout', '-q', BRANCH);
      return [lost];
    },
    'a branch that was deleted': async (kit, path) => {
      await kit.git(path, 'checkout', '-qb', 'side');
      const lost = await commitFile(kit, path, 'a.txt', 'side');
      await kit.git(path, 'checkout', '-q', BRANCH);
      await kit.git(path, 'branch', '-qD', 'side');
      return [lost];
    },
    'tags, light and annotated': async (kit, path) => {
      await kit.git(path, 'checkout', '-q', '--detach');
      const light = await commitFile(kit, path, 'a.txt', 'light');
      await kit.git(path, 'tag', 'light');
      const heavy = await commitFile(kit, path, 'a.txt', 'heavy');
      await kit.git(path, 'tag', '-am', 'heavy', 'heavy');
      await kit.git(path, 'checkout', '-q', BRANCH);
      await rm(join(path, '.git/logs'), { recursive: true });
      return [light, heavy];
    },
    'the other side of an unfinished merge': async (kit, path) => {
      await kit.git(path, 'checkout', '-q', '--detach');
      const theirs = await commitFile(kit, path, 'README.md', 'theirs');
      await kit.git(path, 'checkout', '-q', BRANCH);
      await commitFile(kit, path, 'README.md', 'ours');
      await kit.tryGit(path, 'merge', theirs);
      await rm(join(path, '.git/logs'), { recursive: true });
      return [theirs, await kit.head(path)];
    },
    'what a rebase put aside': async (kit, path) => {
      await kit.git(path, 'checkout', '-qb', 'other');
      const onto = await commitFile(kit, path, 'README.md', 'theirs');
      await kit.git(path, 'checkout', '-q', BRANCH);
      const mine = await commitFile(kit, path, 'README.md', 'ours');
      await kit.write(path, { 'src/app.js': 'not committed\n' });
      await kit.tryGit(path, 'rebase', '--autostash', 'other');
      await rm(join(path, '.git/logs'), { recursive: true });
      const aside = (await readFile(join(path, '.git/rebase-merge/autostash'), 'utf8')).trim();
      return [onto, mine, aside];
    },
    'HEAD of a linked worktree': async (kit, path) => {
      await kit.git(path, 'worktree', 'add', '-q', '--detach', join(kit.root, 'linked'));
      return [await commitFile(kit, join(kit.root, 'linked'), 'a.txt', 'linked')];
    },
    'a branch, though HEAD is unreadable': async (kit, path) => {
      const mine = await commitFile(kit, path, 'a.txt', 'mine');
      await rm(join(path, '.git/logs'), { recursive: true });
      await writeFile(join(path, '.git/HEAD'), '');
      return [mine];
    },
    'a branch, though its ref is cut off': async (kit, path) => {
      const mine = await commitFile(kit, path, 'a.txt', 'mine');
      await writeFile(join(path, `.git/refs/heads/${BRANCH}`), '');
      return [mine];
    },
  };

  test.each(Object.keys(MAKE))('%s', async (name) => {
    const { kit, path } = await prepared();
    const commits = (await MAKE[name]?.(kit, path)) ?? [];
    const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
    for (const commit of commits) expect(await isKept(kit, salvaged?.ref, commit), commit).toBe(true);
    await kit.git(join(kit.reposDir, 'demo.git'), 'fsck', '--connectivity-only');
  });

  test('and known ones make no salvage', async () => {
    const { kit, path, head } = await prepared();
    await commitFile(kit, path, 'a.txt', 'one');
    await commitFile(kit, path, 'a.txt', 'two');
    const request = { key: KEY, branch: BRANCH, run: '1', since: head, message: 'm' };
    expect(await kit.workspace.take(kit.repo, request)).toMatchObject({ kind: 'taken' });
    expect(await kit.workspace.remove(kit.repo, { key: KEY, run: '1' })).toEqual({ salvaged: null });
  });
});
