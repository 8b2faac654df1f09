import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRANCH, KEY, openKit } from './test-kit.ts';

async function withWork() {
  const kit = await openKit();
  const { path, head: since } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
  const work = async (files: Readonly<Record<string, string>>) => {
    await kit.write(path, files);
    const result = await kit.workspace.take(kit.repo, {
      key: KEY,
      branch: BRANCH,
      run: '1',
      since,
      message: 'work',
    });
    if (result.kind !== 'taken') throw new Error(result.kind);
    return result.head;
  };
  const person = async (files: Readonly<Record<string, string>>, ...push: string[]) => {
    const dir = await kit.person(`mara-${Math.random()}`);
    await kit.git(dir, 'checkout', '-q', BRANCH);
    await kit.write(dir, files);
    await kit.git(dir, 'add', '-A');
    await kit.git(dir, 'commit', '-qm', 'by hand');
    await kit.git(dir, 'push', '-q', 'origin', ...push, BRANCH);
    return { dir, head: await kit.head(dir) };
  };
  return { kit, path, since, work, person };
}

describe('pushing a task branch', () => {
  test('pushes once, then there is nothing to push', async () => {
    const { kit, work } = await withWork();
    const head = await work({ 'a.txt': 'a\n' });
    expect(await kit.workspace.push(kit.repo, BRANCH)).toEqual({ kind: 'pushed', head, previous: null });
    expect(await kit.head(kit.remote, BRANCH)).toBe(head);
    expect(await kit.workspace.push(kit.repo, BRANCH)).toEqual({ kind: 'up_to_date', head });
    const next = await work({ 'b.txt': 'b\n' });
    expect(await kit.workspace.push(kit.repo, BRANCH)).toEqual({
      kind: 'pushed',
      head: next,
      previous: head,
    });
    expect(await kit.workspace.remoteHead(kit.repo, BRANCH)).toBe(next);
  });

  test('makes no empty push', async () => {
    const { kit, since } = await withWork();
    expect(await kit.workspace.push(kit.repo, BRANCH)).toEqual({ kind: 'up_to_date', head: since });
    expect(await kit.git(kit.remote, 'branch', '--list')).toBe('* main');
  });

  test('people on top of our commits are named, not overwritten; after a sync the push goes through', async () => {
    const { kit, path, work, person } = await withWork();
    await work({ 'a.txt': 'a\n' });
    await kit.workspace.push(kit.repo, BRANCH);
    const theirs = await person({ 'hand.txt': 'hand\n' });
    const head = await work({ 'b.txt': 'b\n' });
    expect(await kit.workspace.push(kit.repo, BRANCH)).toMatchObject({
      kind: 'people',
      head,
      remote: theirs.head,
      commits: [{ sha: theirs.head, subject: 'by hand', author: { name: 'Mara' } }],
    });
    expect(await kit.head(kit.remote, BRANCH)).toBe(theirs.head);
    const synced = await kit.workspace.syncBranch(kit.repo, { key: KEY, branch: BRANCH });
    expect(synced).toMatchObject({ kind: 'synced', commits: [{ sha: theirs.head }] });
    expect(await kit.git(path, 'status', '--porcelain')).toBe('');
    expect(await kit.git(path, 'ls-files')).toContain('hand.txt');
    expect(await kit.workspace.push(kit.repo, BRANCH)).toMatchObject({
      kind: 'pushed',
      previous: theirs.head,
    });
  });

  test('a branch that people rewrote is left alone', async () => {
    const { kit, work, person } = await withWork();
    const ours = await work({ 'a.txt': 'a\n' });
    await kit.workspace.push(kit.repo, BRANCH);
    const { dir } = await person({ 'hand.txt': 'hand\n' });
    await kit.git(dir, 'reset', '-q', '--hard', 'HEAD~2');
    await kit.git(dir, 'commit', '--allow-empty', '-qm', 'rewritten');
    await kit.git(dir, 'push', '-qf', 'origin', BRANCH);
    expect(await kit.workspace.push(kit.repo, BRANCH)).toEqual({
      kind: 'branch_moved',
      head: ours,
      remote: await kit.head(dir),
    });
    expect(await kit.workspace.syncBranch(kit.repo, { key: KEY, branch: BRANCH })).toMatchObject({
      kind: 'branch_moved',
    });
  });

  test('a name that people use for something else is left alone', async () => {
    const { kit, work } = await withWork();
    const head = await work({ 'a.txt': 'a\n' });
    const dir = await kit.person('mara');
    await kit.git(dir, 'checkout', '-qb', BRANCH);
    await kit.git(dir, 'commit', '--allow-empty', '-qm', 'theirs');
    await kit.git(dir, 'push', '-q', 'origin', BRANCH);
    expect(await kit.workspace.push(kit.repo, BRANCH)).toEqual({
      kind: 'branch_moved',
      head,
      remote: await kit.head(dir),
    });
  });

  test('replaces only what Orch itself put there, and never what people added before', async () => {
    const { kit, since, work, person } = await withWork();
    await work({ 'a.txt': 'a\n' });
    await kit.workspace.push(kit.repo, BRANCH);
    await kit.workspace.resetTo(kit.repo, { key: KEY, branch: BRANCH, run: '2', head: since });
    const other = await work({ 'c.txt': 'c\n' });
    expect(await kit.workspace.push(kit.repo, BRANCH)).toMatchObject({ kind: 'pushed', head: other });
    await person({ 'hand.txt': 'hand\n' });
    await kit.workspace.syncBranch(kit.repo, { key: KEY, branch: BRANCH });
    await work({ 'd.txt': 'd\n' });
    const pushed = await kit.workspace.push(kit.repo, BRANCH);
    await kit.workspace.resetTo(kit.repo, { key: KEY, branch: BRANCH, run: '3', head: since });
    await work({ 'e.txt': 'e\n' });
    expect(await kit.workspace.push(kit.repo, BRANCH)).toMatchObject({
      kind: 'branch_moved',
      remote: pushed.head,
    });
  });

  test('a hook of the remote that refuses is named with its words', async () => {
    const { kit, work } = await withWork();
    await work({ 'a.txt': 'a\n' });
    const hook = join(kit.remote, 'hooks/pre-receive');
    await writeFile(hook, '#!/bin/sh\necho no pushes today >&2\nexit 1\n');
    await chmod(hook, 0o755);
    await expect(kit.workspace.push(kit.repo, BRANCH)).rejects.toMatchObject({
      code: 'workspace.push_rejected',
      message: expect.stringContaining('no pushes today'),
    });
  });

  test('a branch that cannot stand beside another one is an error, not an endless retry', async () => {
    const { kit, work } = await withWork();
    await work({ 'a.txt': 'a\n' });
    await kit.git(kit.remote, 'branch', 'orch', 'main');
    await expect(kit.workspace.push(kit.repo, BRANCH)).rejects.toMatchObject({
      code: 'workspace.push_rejected',
    });
  });
});

describe('trying a push', () => {
  test('leaves nothing behind, here or there', async () => {
    const { kit } = await withWork();
    expect(await kit.workspace.tryPush(kit.repo, 'orch/check-1')).toEqual({ left: null });
    expect(await kit.git(kit.remote, 'branch', '--list')).toBe('* main');
    expect(await kit.git(kit.reposDir, '--git-dir', 'demo.git', 'for-each-ref', '**/check-1')).toBe('');
  });

  test('says the words of a remote that refuses, and when only the deletion is refused', async () => {
    const { kit } = await withWork();
    const hook = join(kit.remote, 'hooks', 'pre-receive');
    await writeFile(hook, '#!/bin/sh\necho "no pushes today" >&2\nexit 1\n', { mode: 0o755 });
    await expect(kit.workspace.tryPush(kit.repo, 'orch/check-1')).rejects.toMatchObject({
      code: 'workspace.push_rejected',
      message: expect.stringContaining('no pushes today'),
    });
    const forNone =
      '#!/bin/sh\nread old new ref\ncase $new in *[1-9a-f]*) ;; *) echo "keep it" >&2; exit 1;; esac\n';
    await writeFile(hook, forNone, { mode: 0o755 });
    expect((await kit.workspace.tryPush(kit.repo, 'orch/check-2')).left).toContain('keep it');
  });
});

describe('syncing with people', () => {
  test('a conflict changes nothing and names the files', async () => {
    const { kit, path, work, person } = await withWork();
    await work({ 'README.md': 'ours\n' });
    await kit.workspace.push(kit.repo, BRANCH);
    await person({ 'src/app.js': 'theirs\n' });
    const head = await work({ 'src/app.js': 'ours\n' });
    expect(await kit.workspace.syncBranch(kit.repo, { key: KEY, branch: BRANCH })).toMatchObject({
      kind: 'conflict',
      files: ['src/app.js'],
      commits: [{ subject: 'by hand' }],
    });
    expect(await kit.head(path)).toBe(head);
    expect(await kit.workspace.branchHead('demo', BRANCH)).toBe(head);
  });

  test('work in the clone that is not taken yet is left alone', async () => {
    const { kit, path, work, person } = await withWork();
    await work({ 'a.txt': 'a\n' });
    await kit.workspace.push(kit.repo, BRANCH);
    const theirs = await person({ 'hand.txt': 'hand\n' });
    await kit.write(path, { 'README.md': 'open work\n' });
    expect(await kit.workspace.syncBranch(kit.repo, { key: KEY, branch: BRANCH })).toMatchObject({
      kind: 'clone_dirty',
      commits: [{ sha: theirs.head }],
    });
    await kit.git(path, 'checkout', '-q', 'README.md');
    await kit.write(path, { 'hand.txt': 'untracked, in the way\n' });
    expect(await kit.workspace.syncBranch(kit.repo, { key: KEY, branch: BRANCH })).toMatchObject({
      kind: 'clone_dirty',
    });
    expect(await kit.git(path, 'show', `origin/${BRANCH}:hand.txt`)).toBe('hand');
    expect(await kit.git(path, 'status', '--porcelain')).toBe('?? hand.txt');
  });

  test('a clone that a crash left behind follows at the next call', async () => {
    const { kit, path, work, person } = await withWork();
    const before = await work({ 'a.txt': 'a\n' });
    await kit.workspace.push(kit.repo, BRANCH);
    const theirs = await person({ 'hand.txt': 'hand\n' });
    await kit.git(
      join(kit.reposDir, 'demo.git'),
      'fetch',
      '-q',
      kit.remote,
      `+refs/heads/${BRANCH}:refs/heads/${BRANCH}`,
    );
    expect(await kit.head(path)).toBe(before);
    expect(
      await kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '2', since: before, message: 'm' }),
    ).toMatchObject({ kind: 'diverged', missing: theirs.head });
    expect(await kit.workspace.syncBranch(kit.repo, { key: KEY, branch: BRANCH })).toEqual({
      kind: 'up_to_date',
      head: theirs.head,
    });
    expect(await kit.head(path)).toBe(theirs.head);
    expect(await kit.git(path, 'status', '--porcelain')).toBe('');
  });
});
