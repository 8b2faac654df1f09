import { chmod, lstat, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
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
    const kept = await Promise.all(commits.map((commit) => isKept(kit, salvaged?.ref, commit)));
    expect(kept).toEqual(commits.map(() => true));
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

/** Removes or resets the clone, and gives back what a restore of the salvage holds. */
async function through(how: 'reset' | 'removal', kit: Kit, head: string, copied: string[] = []) {
  const request = { key: KEY, branch: BRANCH, run: '1', head, copied };
  const { salvaged } =
    how === 'removal'
      ? await kit.workspace.remove(kit.repo, request)
      : await kit.workspace.resetTo(kit.repo, request);
  const into = join(kit.root, 'restored');
  if (salvaged !== null) await kit.workspace.restoreSalvage(kit.repo, salvaged.ref, { directory: into });
  return { salvaged, read: (name: string) => readFile(join(into, name), 'utf8').catch(() => null) };
}

describe.each(['reset', 'removal'] as const)('before a %s', (how) => {
  test("work hidden by the agent's own ignore rules is kept", async () => {
    const { kit, path, head } = await prepared();
    await kit.write(path, { '.gitignore': '*\n', 'new.txt': 'new', 'sub/.gitignore': '*', 'sub/x.txt': 'x' });
    await kit.write(path, { 'src/.gitignore': '*', 'src/new.js': 'new', 'src/dist/x.js': 'built' });
    const { read } = await through(how, kit, head);
    expect(await read('new.txt')).toBe('new');
    expect(await read('sub/x.txt')).toBe('x');
    expect(await read('src/new.js')).toBe('new');
    expect(await read('src/.gitignore')).toBe('*');
    // Left behind, the rules would hide what the next agent makes.
    if (how === 'reset') expect(await readdir(join(path, 'src'))).toEqual(['app.js']);
  });

  test('also when they are committed', async () => {
    const { kit, path, head } = await prepared();
    await commitFile(kit, path, '.gitignore', '*.txt\n');
    await kit.write(path, { 'new.txt': 'new' });
    expect(await (await through(how, kit, head)).read('new.txt')).toBe('new');
  });

  test('an ignored file in the place of a tracked one is kept', async () => {
    const { kit, path, head } = await prepared({
      '.gitignore': 'ignored*\n',
      'ignored.txt': 'tracked',
      ignored2: 'x',
    });
    await kit.git(path, 'rm', '-q', '--cached', 'ignored.txt', 'ignored2');
    await kit.git(path, 'commit', '-qm', 'untrack');
    await rm(join(path, 'ignored2'));
    await kit.write(path, { 'ignored.txt': 'mine', 'ignored2/deep': 'mine' });
    const { read } = await through(how, kit, head);
    expect(await read('ignored.txt')).toBe('mine');
    expect(await read('ignored2/deep')).toBe('mine');
  });

  test('a file over the limit is named, even when there is nothing else', async () => {
    const { kit, path, head } = await prepared();
    await writeFile(join(path, 'huge.bin'), '');
    await truncate(join(path, 'huge.bin'), 101 * 1024 * 1024);
    const { salvaged } = await through(how, kit, head);
    expect(salvaged?.leftOut).toEqual([{ path: 'huge.bin', reason: 'too_large' }]);
  });

  test("files inside a recorded submodule are kept, unless they are the project's own", async () => {
    const { kit, path, head } = await prepared();
    const nested = join(path, 'nested');
    await kit.write(nested, { 'in.txt': 'in\n' });
    await kit.git(nested, 'init', '-q');
    await kit.git(nested, 'add', '.');
    await kit.git(nested, 'commit', '-qm', 'in');
    await kit.git(path, 'add', 'nested');
    await kit.git(path, 'commit', '-qm', 'submodule');
    await kit.write(nested, { 'more.txt': 'more' });
    const { read } = await through(how, kit, head);
    expect(await read('nested/in.txt')).toBe('in\n');
    expect(await read('nested/more.txt')).toBe('more');
  });

  test('a submodule as the project records it is not work', async () => {
    const { kit, path, head } = await prepared();
    const nested = join(path, 'nested');
    await kit.write(nested, { 'in.txt': 'in\n' });
    await kit.git(nested, 'init', '-q');
    await kit.git(nested, 'add', '.');
    await kit.git(nested, 'commit', '-qm', 'in');
    await kit.git(path, 'add', 'nested');
    await kit.git(path, 'commit', '-qm', 'submodule');
    const request = { key: KEY, branch: BRANCH, run: '1', since: head, message: 'm' };
    expect(await kit.workspace.take(kit.repo, request)).toMatchObject({ kind: 'taken' });
    const now = await kit.head(path);
    expect(await kit.workspace.salvage(kit.repo, { key: KEY, run: '1' })).toBeNull();
    await kit.write(nested, { 'in.txt': 'changed' });
    expect(await (await through(how, kit, now)).read('nested/in.txt')).toBe('changed');
  });

  test('a repository inside the task folder is kept and named', async () => {
    const { kit, path, head } = await prepared();
    await kit.write(path, { '.orch-work/scratch/x.txt': 'x' });
    await kit.git(join(path, '.orch-work/scratch'), 'init', '-q');
    const { salvaged, read } = await through(how, kit, head);
    expect(await read('.orch-work/scratch/x.txt')).toBe('x');
    expect(salvaged?.leftOut).toEqual([{ path: '.orch-work/scratch/.git', reason: 'nested_repository' }]);
  });

  test('pipes in the way of files stop nothing', async () => {
    const { kit, path, head } = await prepared();
    await rm(join(path, 'README.md'));
    await rm(join(path, '.gitignore'));
    await mkdir(join(path, 'dir'));
    for (const name of ['README.md', '.gitignore', 'dir/.gitattributes', 'dir/.gitignore', 'dir/pipe'])
      await kit.git(kit.root, '-c', `alias.pipe=!mkfifo ${join(path, name)}`, 'pipe');
    await kit.write(path, { 'dir/x.txt': 'x' });
    const { read } = await through(how, kit, head);
    expect(await read('dir/x.txt')).toBe('x');
    expect(await read('README.md')).toBeNull();
    if (how === 'reset') {
      expect(await readFile(join(path, 'README.md'), 'utf8')).toBe('first\n');
      await expect(lstat(join(path, 'dir'))).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });

  test('folders and files that their owner may not read are read', async () => {
    const { kit, path, head } = await prepared();
    await kit.write(path, { 'shut/x.txt': 'x', 'src/app.js': 'changed', 'shut.txt': 'y' });
    for (const name of ['shut.txt', 'src/app.js', 'shut', 'src']) await chmod(join(path, name), 0);
    const { salvaged, read } = await through(how, kit, head);
    expect(salvaged?.leftOut).toEqual([]);
    expect(await read('shut/x.txt')).toBe('x');
    expect(await read('shut.txt')).toBe('y');
    expect(await read('src/app.js')).toBe('changed');
  });

  test('a copied file is not kept, though the project tracks it', async () => {
    const { kit, path, head } = await prepared({ '.env.test': 'sample', 'a.txt': 'a' });
    await kit.write(path, { '.env.test': 'secret', 'new.txt': 'new' });
    const { salvaged, read } = await through(how, kit, head, ['.env.test']);
    expect(await read('.env.test')).toBe('sample');
    expect(salvaged?.leftOut).toEqual([{ path: '.env.test', reason: 'copied' }]);
  });
});

test('what the project ignores is named when a removal takes it away, and alone is no work', async () => {
  const { kit, path } = await prepared();
  await kit.write(path, { 'ignored/a/b': 'x', 'src/run.log': 'x', 'node_modules/x.js': 'x' });
  expect(await kit.workspace.salvage(kit.repo, { key: KEY, run: '0' })).toBeNull();
  await kit.write(path, { 'new.txt': 'new' });
  const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
  expect(salvaged?.leftOut).toEqual(
    expect.arrayContaining([
      { path: 'ignored/', reason: 'ignored' },
      { path: 'src/run.log', reason: 'ignored' },
    ]),
  );
});

test('a status and a take wait for no pipe', async () => {
  const { kit, path, head } = await prepared();
  await rm(join(path, 'README.md'));
  for (const name of ['README.md', 'src/.gitignore'])
    await kit.git(kit.root, '-c', `alias.pipe=!mkfifo ${join(path, name)}`, 'pipe');
  const request = { key: KEY, branch: BRANCH, run: '1', since: head, message: 'm' };
  expect(await kit.workspace.status(kit.repo, request)).toMatchObject({ changedPaths: ['README.md'] });
  expect(await kit.workspace.take(kit.repo, request)).toMatchObject({ kind: 'taken' });
});

describe('what was staged', () => {
  test('and changed or deleted on disk since is kept, and restored by name', async () => {
    const { kit, path } = await prepared();
    await kit.write(path, {
      'README.md': 'staged\n',
      'new.txt': 'staged new',
      'odd\nname': 'odd',
      same: 'same',
    });
    await kit.git(path, 'add', '-A');
    await kit.write(path, { 'README.md': 'on disk\n' });
    for (const name of ['new.txt', 'odd\nname']) await rm(join(path, name));
    const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
    const into = join(kit.root, 'restored');
    await kit.workspace.restoreSalvage(kit.repo, salvaged?.ref ?? '', { directory: into, ref: 'index' });
    expect((await readdir(into)).sort()).toEqual(['README.md', 'new.txt', 'odd\nname']);
    expect(await readFile(join(into, 'README.md'), 'utf8')).toBe('staged\n');
    expect(salvaged?.problems).toEqual([]);
  });

  test('in an index that is damaged costs only that', async () => {
    const { kit, path } = await prepared();
    await kit.write(path, { 'new.txt': 'new' });
    await writeFile(join(path, '.git/index'), 'DIRC and no more');
    const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
    expect(salvaged?.problems).toEqual([expect.stringContaining('what was staged could not be read')]);
    expect(await kit.git(join(kit.reposDir, 'demo.git'), 'show', `${salvaged?.ref}:new.txt`)).toBe('new');
  });
});

test('a kept commit is restored by its name, into a folder or onto a branch', async () => {
  const { kit, path } = await prepared();
  await kit.write(path, { 'README.md': 'stashed', 'new.txt': 'untracked' });
  await kit.git(path, 'stash', '-qu');
  await kit.git(path, 'checkout', '-qb', 'side');
  const side = await commitFile(kit, path, 'a.txt', 'side');
  await kit.git(path, 'checkout', '-q', BRANCH);
  const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
  const restore = async (ref: string, into: string) => {
    await kit.workspace.restoreSalvage(kit.repo, salvaged?.ref ?? '', {
      directory: join(kit.root, into),
      ref,
    });
    return (name: string) => readFile(join(kit.root, into, name), 'utf8');
  };
  expect(await (await restore('refs/stash', 'one'))('README.md')).toBe('stashed');
  expect(await (await restore('refs/stash^3', 'two'))('new.txt')).toBe('untracked');
  expect(await (await restore('refs/heads/side', 'three'))('a.txt')).toBe('side');
  const onto = { branch: 'rescued', ref: 'refs/heads/side' };
  expect(await kit.workspace.restoreSalvage(kit.repo, salvaged?.ref ?? '', onto)).toEqual({ commit: side });
  await expect(restore('refs/heads/nope', 'four')).rejects.toMatchObject({
    code: 'workspace.unknown_salvage',
  });
  await expect(restore('toString', 'five')).rejects.toMatchObject({ code: 'workspace.unknown_salvage' });
});

test('work that was kept after a run and is then reset is not kept twice', async () => {
  const { kit, path, head } = await prepared();
  await commitFile(kit, path, 'a.txt', 'one');
  await kit.write(path, { 'new.txt': 'new' });
  const first = await kit.workspace.salvage(kit.repo, { key: KEY, run: '1' });
  const request = { key: KEY, branch: BRANCH, run: '1', head };
  expect((await kit.workspace.resetTo(kit.repo, request)).salvaged?.ref).toBe(first?.ref);
  expect(await kit.workspace.listSalvage('demo')).toHaveLength(1);
});
