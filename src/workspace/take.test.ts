import { chmod, mkdir, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRANCH, KEY, type Kit, openKit } from './test-kit.ts';

async function prepared(files?: Readonly<Record<string, string>>) {
  const kit = await openKit(files);
  const { path, head: since } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
  const request = { key: KEY, branch: BRANCH, run: '7', since, message: 'Work of DEMO-1' };
  return { kit, path, since, request, bare: join(kit.reposDir, 'demo.git') };
}

async function namesIn(kit: Kit, bare: string, commit: string): Promise<string[]> {
  return (await kit.git(bare, 'ls-tree', '-r', '-z', '--name-only', commit))
    .split('\0')
    .filter((name) => name !== '');
}

describe('taking the work of a run', () => {
  test('never commits a copied file, though the repository tracks one of that name', async () => {
    const { kit, path, request, bare } = await prepared({ '.env.test': 'sample', 'b.env': 'sample' });
    await kit.write(path, { '.env.test': 'SECRET=1', 'new.txt': 'new' });
    await unlink(join(path, 'b.env'));
    const copied = ['.env.test', 'b.env'];
    expect(await kit.workspace.status(kit.repo, { key: KEY, since: request.since, copied })).toMatchObject({
      changedPaths: ['new.txt'],
    });
    expect(await kit.workspace.take(kit.repo, { ...request, copied })).toMatchObject({ kind: 'taken' });
    expect(await kit.git(bare, 'show', `${BRANCH}:.env.test`)).toBe('sample');
    expect(await kit.git(bare, 'show', `${BRANCH}:b.env`)).toBe('sample');
  });

  test('takes commits and what was left uncommitted, and leaves the clone clean', async () => {
    const { kit, path, since, request, bare } = await prepared();
    await kit.write(path, { 'src/app.js': 'one\n2\nthree\n' });
    await kit.git(path, 'commit', '-qam', 'Change two');
    await kit.write(path, { 'new file.txt': 'new\n', '.orch-work/analysis.md': 'not for the branch' });
    await unlink(join(path, 'README.md'));
    const result = await kit.workspace.take(kit.repo, request);
    expect(result).toMatchObject({
      kind: 'taken',
      commits: [
        { subject: 'Work of DEMO-1', author: { name: 'Orch', email: 'orch@example.org' } },
        { subject: 'Change two' },
      ],
      files: [
        { path: 'README.md', status: 'deleted', added: 0, deleted: 1 },
        { path: 'new file.txt', status: 'added', added: 1, deleted: 0 },
        { path: 'src/app.js', status: 'modified', added: 1, deleted: 1 },
      ],
      leftOut: [],
    });
    if (result.kind !== 'taken') return;
    expect(result.committed).toBe(result.head);
    expect(await kit.workspace.branchHead('demo', BRANCH)).toBe(result.head);
    expect(await namesIn(kit, bare, result.head)).toEqual(['.gitignore', 'new file.txt', 'src/app.js']);
    expect(await kit.head(path)).toBe(result.head);
    expect(await kit.git(path, 'status', '--porcelain')).toBe('');
    expect(await kit.git(bare, 'for-each-ref', 'refs/orch/incoming')).toBe('');
    expect(await kit.git(bare, 'fsck', '--strict')).toBe('');
    expect(await kit.head(path, `${since}^{commit}`)).toBe(since);
  });

  test('makes no commit when there is nothing to commit', async () => {
    const { kit, path, since, request } = await prepared();
    await kit.write(path, { 'ignored/x': 'x', 'a.log': 'x', '.orch-work/review.md': 'x' });
    expect(await kit.workspace.take(kit.repo, request)).toEqual({
      kind: 'unchanged',
      head: since,
      leftOut: [],
    });
    await kit.git(path, 'commit', '--allow-empty', '-qm', 'mine');
    expect(await kit.workspace.take(kit.repo, request)).toMatchObject({
      kind: 'taken',
      committed: null,
      files: [],
    });
  });

  test('again gives the same answer, and so does a call after a crash behind the moved branch', async () => {
    const { kit, path, request } = await prepared();
    await kit.write(path, { 'README.md': 'changed\n', 'new.txt': 'x\n' });
    const index = await readFile(join(path, '.git/index'));
    const ref = await readFile(join(path, `.git/refs/heads/${BRANCH}`));
    const first = await kit.workspace.take(kit.repo, request);
    expect(await kit.workspace.take(kit.repo, request)).toMatchObject({
      kind: 'taken',
      head: first.kind === 'taken' ? first.head : '',
    });
    await writeFile(join(path, '.git/index'), index);
    await writeFile(join(path, `.git/refs/heads/${BRANCH}`), ref);
    expect(await kit.workspace.take(kit.repo, request)).toEqual(first);
    expect(await kit.git(path, 'status', '--porcelain')).toBe('');
  });

  test('leaves out copied files, secrets, build folders, large and nested things, and names them', async () => {
    const { kit, path, request, bare } = await prepared({
      'README.md': 'x\n',
      '.env': 'TRACKED=1\n',
      'big.bin': 'small',
      '.env.example': 'A=\n',
    });
    const big = 'x'.repeat(1024 * 1024 + 1);
    await kit.write(path, {
      '.env': 'TRACKED=2\n',
      'big.bin': big,
      '.env.test': 'COPIED=1',
      '.env.local': 'SECRET=1',
      '.env.sample': 'A=',
      'certs/tls.key': 'key',
      '.npmrc': '//r/:_authToken=abc',
      'web/.npmrc': 'save-exact=true',
      'node_modules/a/index.js': 'a',
      'node_modules/b/index.js': 'b',
      'dist/out.js': 'out',
      'large.dat': big,
      'nested/inner.txt': 'inner',
      'kept.txt': 'kept',
    });
    await kit.git(join(path, 'nested'), 'init', '-q');
    await kit.git(join(path, 'nested'), 'add', '.');
    await kit.git(join(path, 'nested'), 'commit', '-qm', 'inner');
    const result = await kit.workspace.take(kit.repo, { ...request, copied: ['.env.test'] });
    if (result.kind !== 'taken') throw new Error(result.kind);
    expect(await namesIn(kit, bare, result.head)).toEqual([
      '.env',
      '.env.example',
      '.env.sample',
      'README.md',
      'big.bin',
      'kept.txt',
      'web/.npmrc',
    ]);
    expect(Object.fromEntries(result.leftOut.map(({ path: name, reason }) => [name, reason]))).toEqual({
      '.env.local': 'secret',
      '.env.test': 'copied',
      '.npmrc': 'secret',
      'certs/tls.key': 'secret',
      'dist/': 'build_folder',
      'large.dat': 'too_large',
      'nested/': 'nested_repository',
      'node_modules/': 'build_folder',
    });
    expect(result.files.map((file) => file.path)).toContain('big.bin');
  });

  test('keeps names, bytes, modes and links as they are', async () => {
    const { kit, path, request, bare } = await prepared({
      'run.sh': '#!/bin/sh\n',
      'dir/a': 'a',
      plain: 'p',
    });
    const odd = ['new\nline.txt', '-rf', '--help', 'a b', 'ümläut', ':(exclude)x', '*', 'tab\tq"\\'];
    await kit.write(path, Object.fromEntries(odd.map((name) => [name, name])));
    await writeFile(Buffer.from(`${path}/bytes-\xff\xfe`, 'latin1'), Buffer.from([0, 255, 13, 10]));
    await chmod(join(path, 'run.sh'), 0o755);
    await symlink('/etc/passwd', join(path, 'outside'));
    await unlink(join(path, 'dir/a'));
    await unlink(join(path, 'plain'));
    await kit.write(path, { 'plain/now-a-folder': 'x' });
    const result = await kit.workspace.take(kit.repo, request);
    if (result.kind !== 'taken') throw new Error(result.kind);
    const listed = await kit.git(bare, 'ls-tree', '-r', '-z', result.head);
    for (const name of odd) expect(listed).toContain(`\t${name}\0`);
    expect(listed).toContain('100755 blob');
    expect(listed).toMatch(/120000 blob \S+\toutside/);
    expect(listed).toContain('plain/now-a-folder');
    expect(result.files.map((file) => file.path)).toEqual(expect.arrayContaining(odd));
    expect(await kit.git(path, 'status', '--porcelain')).toBe('');
  });

  test('honours line ends that the repository asks for', async () => {
    const { kit, path, request, bare } = await prepared({
      '.gitattributes': '*.txt text eol=crlf\n',
      'a.txt': 'one\n',
    });
    expect(await readFile(join(path, 'a.txt'), 'utf8')).toBe('one\r\n');
    await kit.write(path, { 'b.txt': 'two\r\n' });
    const result = await kit.workspace.take(kit.repo, request);
    expect(result).toMatchObject({ kind: 'taken', files: [{ path: 'b.txt' }] });
    expect(await kit.git(bare, 'cat-file', '-s', `${BRANCH}:b.txt`)).toBe('4');
  });

  test('a tracked file behind a folder that became a symlink counts as deleted, its target is not read', async () => {
    const { kit, path, request, bare } = await prepared({ 'dir/file': 'inside' });
    const outside = join(kit.root, 'outside');
    await kit.write(outside, { file: 'secret of the host' });
    await rm(join(path, 'dir'), { recursive: true });
    await symlink(outside, join(path, 'dir'));
    const result = await kit.workspace.take(kit.repo, request);
    if (result.kind !== 'taken') throw new Error(result.kind);
    expect(await kit.git(bare, 'ls-tree', '-r', '--format=%(objectmode) %(path)', result.head)).toBe(
      '120000 dir',
    );
  });
});

describe('work that cannot be taken as it is', () => {
  test('a switched branch is told, and adopted when asked', async () => {
    const { kit, path, since, request } = await prepared();
    await kit.git(path, 'checkout', '-qb', 'fix/mine');
    await kit.write(path, { 'fix.txt': 'fix\n' });
    await kit.git(path, 'add', '-A');
    await kit.git(path, 'commit', '-qm', 'fix');
    const head = await kit.head(path);
    expect(await kit.workspace.take(kit.repo, request)).toEqual({
      kind: 'branch_switched',
      found: 'fix/mine',
      head,
    });
    expect(await kit.workspace.branchHead('demo', BRANCH)).toBe(since);
    expect(await kit.workspace.take(kit.repo, { ...request, adoptHead: true })).toMatchObject({
      kind: 'taken',
      head,
    });
    expect(await kit.git(path, 'symbolic-ref', 'HEAD')).toBe(`refs/heads/${BRANCH}`);
  });

  test('a detached HEAD is told', async () => {
    const { kit, path, request } = await prepared();
    await kit.git(path, 'checkout', '-q', '--detach');
    expect(await kit.workspace.take(kit.repo, request)).toMatchObject({
      kind: 'branch_switched',
      found: null,
    });
  });

  test('adopting another branch never drops commits of the task branch', async () => {
    const { kit, path, request } = await prepared();
    await kit.git(path, 'commit', '--allow-empty', '-qm', 'on the task branch');
    const missing = await kit.head(path);
    await kit.git(path, 'checkout', '-qb', 'other', 'HEAD~1');
    await kit.git(path, 'commit', '--allow-empty', '-qm', 'elsewhere');
    expect(await kit.workspace.take(kit.repo, { ...request, adoptHead: true })).toMatchObject({
      kind: 'diverged',
      missing,
    });
  });

  test('rewritten history is told and moves nothing', async () => {
    const { kit, path, since, request } = await prepared();
    await kit.git(path, 'commit', '--amend', '-qm', 'rewritten');
    expect(await kit.workspace.take(kit.repo, request)).toEqual({
      kind: 'diverged',
      head: await kit.head(path),
      missing: since,
    });
    await kit.git(path, 'checkout', '-q', '--orphan', 'fresh');
    await kit.git(path, 'branch', '-qD', BRANCH);
    await kit.git(path, 'commit', '-qm', 'orphan');
    await kit.git(path, 'branch', '-qM', BRANCH);
    expect(await kit.workspace.take(kit.repo, request)).toMatchObject({ kind: 'diverged', missing: since });
    expect(await kit.workspace.branchHead('demo', BRANCH)).toBe(since);
  });

  test('a merge that waits for its end is told', async () => {
    const { kit, path, request } = await prepared();
    await kit.git(path, 'checkout', '-qb', 'side');
    await kit.write(path, { 'README.md': 'side\n' });
    await kit.git(path, 'commit', '-qam', 'side');
    await kit.git(path, 'checkout', '-q', BRANCH);
    await kit.write(path, { 'README.md': 'ours\n' });
    await kit.git(path, 'commit', '-qam', 'ours');
    expect((await kit.tryGit(path, 'merge', 'side')).code).toBe(1);
    expect(await kit.workspace.take(kit.repo, request)).toEqual({ kind: 'unfinished', operation: 'merge' });
  });

  test('the clone of a task that is gone throws with a hint', async () => {
    const { kit, request } = await prepared();
    await kit.workspace.remove(kit.repo, { key: KEY, run: '7' });
    await expect(kit.workspace.take(kit.repo, request)).rejects.toMatchObject({
      code: 'workspace.clone_broken',
    });
  });
});

describe('the status of a clone', () => {
  test('names committed, uncommitted and untracked changes and writes nothing', async () => {
    const { kit, path, since, bare } = await prepared();
    await kit.write(path, { 'src/app.js': 'changed\n' });
    await kit.git(path, 'commit', '-qam', 'one');
    await unlink(join(path, 'README.md'));
    await kit.write(path, {
      'new.txt': 'x',
      '.orch-work/x.md': 'x',
      '.env.test': 'copied',
      'a.log': 'ignored',
    });
    await mkdir(join(path, 'node_modules'));
    await kit.write(path, { 'node_modules/x.js': 'x' });
    const objects = await kit.git(bare, 'count-objects');
    expect(await kit.workspace.status(kit.repo, { key: KEY, since, copied: ['.env.test'] })).toEqual({
      path,
      head: await kit.head(path),
      branch: BRANCH,
      commitsAdded: 1,
      rewritten: false,
      dirty: true,
      changedPaths: ['README.md', 'new.txt', 'src/app.js'],
      deletedPaths: ['README.md'],
      leftOut: [
        { path: '.env.test', reason: 'copied' },
        { path: 'node_modules/', reason: 'build_folder' },
      ],
    });
    expect(await kit.git(bare, 'count-objects')).toBe(objects);
  });

  test('counts a change that was taken back again as none', async () => {
    const { kit, path, since } = await prepared();
    await kit.write(path, { 'src/app.js': 'changed\n' });
    await kit.git(path, 'commit', '-qam', 'one');
    await kit.git(path, 'checkout', '-q', since, '--', 'src/app.js');
    expect(await kit.workspace.status(kit.repo, { key: KEY, since })).toMatchObject({
      commitsAdded: 1,
      changedPaths: [],
    });
  });

  test('is counted while it is under way, committed or not', async () => {
    const { kit, path, since } = await prepared();
    await kit.write(path, { 'src/app.js': 'one\n' });
    await kit.git(path, 'commit', '-qam', 'one');
    await kit.write(path, { 'new.txt': 'x\ny\n', 'node_modules/a.js': 'left out\n' });
    expect(await kit.workspace.progress(kit.repo, { key: KEY, since })).toEqual({
      commits: 1,
      stat: { files: 2, added: 2, deleted: 2 },
    });
  });

  test('is also told as a patch of everything since, committed or not', async () => {
    const { kit, path, since } = await prepared();
    await kit.write(path, { 'src/app.js': 'one\n' });
    await kit.git(path, 'commit', '-qam', 'one');
    await kit.write(path, { 'new.txt': 'x\n' });
    const { text, cut } = await kit.workspace.patchOfClone(kit.repo, { key: KEY, since });
    expect(cut).toBe(false);
    expect(text).toContain('-two');
    expect(text).toContain('+++ b/new.txt');
    expect(await kit.workspace.patchOfClone(kit.repo, { key: KEY, since, maxBytes: 20 })).toMatchObject({
      cut: true,
    });
  });

  test('of an untouched clone is clean', async () => {
    const { kit, since } = await prepared();
    expect(await kit.workspace.status(kit.repo, { key: KEY, since })).toMatchObject({
      commitsAdded: 0,
      dirty: false,
      changedPaths: [],
      leftOut: [],
    });
  });
});
