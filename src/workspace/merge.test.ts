import { execFileSync } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRANCH, KEY, type Kit, openKit } from './test-kit.ts';
import type { Repository } from './workspace.ts';

async function taken(
  kit: Kit,
  files: Readonly<Record<string, string>>,
  repo: Repository = kit.repo,
): Promise<string> {
  const { path, head: since } = await kit.workspace.prepare(repo, { key: KEY, branch: BRANCH });
  await kit.write(path, files);
  const result = await kit.workspace.take(repo, {
    key: KEY,
    branch: BRANCH,
    run: '1',
    since,
    message: 'work',
  });
  if (result.kind !== 'taken') throw new Error(result.kind);
  return result.head;
}

async function moveBase(kit: Kit, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await kit.person(`mara-${Math.random()}`);
  await kit.write(dir, files);
  await kit.git(dir, 'add', '-A');
  await kit.git(dir, 'commit', '-qm', 'base moves');
  await kit.git(dir, 'push', '-q', 'origin', 'main');
  return kit.head(dir);
}

describe('merging by git alone', () => {
  test('an unmoved base becomes exactly the head; again says it is merged', async () => {
    const kit = await openKit();
    const head = await taken(kit, { 'a.txt': 'a\n' });
    const request = { branch: BRANCH, head, message: 'Merge DEMO-1' };
    expect(await kit.workspace.merge(kit.repo, request)).toEqual({ kind: 'merged', commit: head });
    expect(await kit.head(kit.remote, 'main')).toBe(head);
    await moveBase(kit, { 'later.txt': 'x\n' });
    expect(await kit.workspace.merge(kit.repo, request)).toEqual({ kind: 'already_merged', commit: head });
  });

  test('a moved base gets a merge commit of both, which is found again later', async () => {
    const kit = await openKit();
    const head = await taken(kit, { 'a.txt': 'a\n' });
    const base = await moveBase(kit, { 'b.txt': 'b\n' });
    const request = { branch: BRANCH, head, message: 'Merge DEMO-1: title' };
    const result = await kit.workspace.merge(kit.repo, request);
    if (result.kind !== 'merged') throw new Error(result.kind);
    expect(await kit.git(kit.remote, 'log', '-1', '--format=%P|%s|%an', 'main')).toBe(
      `${base} ${head}|Merge DEMO-1: title|Orch`,
    );
    expect(await kit.git(kit.remote, 'ls-tree', '--name-only', 'main')).toContain('a.txt\nb.txt');
    await moveBase(kit, { 'c.txt': 'c\n' });
    expect(await kit.workspace.merge(kit.repo, request)).toEqual({
      kind: 'already_merged',
      commit: result.commit,
    });
  });

  test('a merge commit can be asked for', async () => {
    const kit = await openKit();
    const head = await taken(kit, { 'a.txt': 'a\n' });
    const result = await kit.workspace.merge(kit.repo, {
      branch: BRANCH,
      head,
      message: 'm',
      fastForward: false,
    });
    expect(result).toMatchObject({ kind: 'merged', commit: expect.not.stringMatching(head) });
  });

  test('a conflict names the files and moves nothing', async () => {
    const kit = await openKit();
    const head = await taken(kit, { 'README.md': 'ours\n', 'src/app.js': 'ours\n', 'fine.txt': 'x\n' });
    const base = await moveBase(kit, { 'README.md': 'theirs\n', 'src/app.js': 'theirs\n' });
    expect(await kit.workspace.merge(kit.repo, { branch: BRANCH, head, message: 'm' })).toEqual({
      kind: 'conflict',
      files: ['README.md', 'src/app.js'],
    });
    expect(await kit.head(kit.remote, 'main')).toBe(base);
  });

  test('a base that moves while we merge is merged in the next round', async () => {
    const kit = await openKit();
    const head = await taken(kit, { 'a.txt': 'a\n' });
    // The remote's own hook lets somebody else win once, between our look and our push.
    const other = join(kit.root, 'other');
    await kit.git(kit.root, 'clone', '-q', kit.remote, other);
    await kit.git(other, 'commit', '--allow-empty', '-qm', 'faster');
    await kit.git(other, 'push', '-q', 'origin', 'HEAD:refs/heads/spare');
    const hook = join(kit.remote, 'hooks/pre-receive');
    await writeFile(
      hook,
      `#!/bin/sh\nunset GIT_QUARANTINE_PATH\n[ -e ${kit.root}/won ] || { touch ${kit.root}/won; git update-ref refs/heads/main ${await kit.head(other)}; }\n`,
    );
    await chmod(hook, 0o755);
    const result = await kit.workspace.merge(kit.repo, { branch: BRANCH, head, message: 'm' });
    expect(result.kind).toBe('merged');
    expect(await kit.git(kit.remote, 'log', '--format=%s', 'main')).toContain('faster');
    await writeFile(
      hook,
      `#!/bin/sh\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main $(git -c user.name=x -c user.email=x@example.org commit-tree -p main -m again 'main^{tree}')\n`,
    );
    const second = await taken(kit, { 'z.txt': 'z\n' });
    expect(await kit.workspace.merge(kit.repo, { branch: BRANCH, head: second, message: 'm' })).toEqual({
      kind: 'base_moved',
    });
  });

  test('an unknown commit and one from nowhere are errors', async () => {
    const kit = await openKit();
    await kit.workspace.fetch(kit.repo);
    await expect(
      kit.workspace.merge(kit.repo, { branch: BRANCH, head: 'a'.repeat(40), message: 'm' }),
    ).rejects.toMatchObject({ code: 'workspace.unknown_commit' });
    await expect(
      kit.workspace.merge(kit.repo, { branch: BRANCH, head: 'HEAD', message: 'm' }),
    ).rejects.toMatchObject({ code: 'workspace.invalid_commit' });
  });
});

describe('a repository with a working tree as the remote', () => {
  test('refuses with the command that allows it, and then works', async () => {
    const kit = await openKit();
    const folder = await kit.person('workshop');
    const repo = { ...kit.repo, project: 'shop', url: folder };
    const head = await taken(kit, { 'a.txt': 'a\n' }, repo);
    const request = { branch: BRANCH, head, message: 'm' };
    const error = await kit.workspace.merge(repo, request).catch((thrown: unknown) => thrown);
    const hint = `git -C ${folder} config receive.denyCurrentBranch updateInstead`;
    expect(error).toMatchObject({ code: 'workspace.base_checked_out', hint });
    execFileSync('sh', ['-c', hint]);
    await kit.write(folder, { 'README.md': 'being edited\n' });
    await expect(kit.workspace.merge(repo, request)).rejects.toMatchObject({
      code: 'workspace.base_checkout_dirty',
    });
    await kit.git(folder, 'checkout', '-q', 'README.md');
    expect(await kit.workspace.merge(repo, request)).toEqual({ kind: 'merged', commit: head });
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('a\n');
  });
});

describe('looking at commits', () => {
  test('a diff knows renames, binary files and line counts', async () => {
    const kit = await openKit({ 'old name.txt': 'a\nb\nc\nd\n', 'gone.txt': 'x\n', 'bin.dat': '\0\u0001' });
    const { path, head: since } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    await kit.git(path, 'mv', 'old name.txt', 'new\tname.txt');
    await kit.git(path, 'rm', '-q', 'gone.txt');
    await kit.write(path, { 'bin.dat': '\0\u0002', 'add.txt': '1\n2\n' });
    const result = await kit.workspace.take(kit.repo, {
      key: KEY,
      branch: BRANCH,
      run: '1',
      since,
      message: 'm\n\nbody',
    });
    if (result.kind !== 'taken') throw new Error(result.kind);
    const diff = await kit.workspace.diff('demo', since, result.head);
    expect(diff).toEqual({
      files: [
        { path: 'add.txt', status: 'added', added: 2, deleted: 0 },
        { path: 'bin.dat', status: 'modified', added: null, deleted: null },
        { path: 'gone.txt', status: 'deleted', added: 0, deleted: 1 },
        { path: 'new\tname.txt', status: 'renamed', from: 'old name.txt', added: 0, deleted: 0 },
      ],
      stat: { files: 4, added: 2, deleted: 1 },
    });
    expect(await kit.workspace.patch('demo', since, result.head)).toMatchObject({
      cut: false,
      text: expect.stringContaining('+++ b/add.txt'),
    });
    expect(await kit.workspace.patch('demo', since, result.head, 20)).toEqual({
      cut: true,
      text: expect.stringMatching(/^.{20}$/s),
    });
    expect(await kit.workspace.commitsBetween('demo', since, result.head)).toEqual([
      {
        sha: result.head,
        author: { name: 'Orch', email: 'orch@example.org' },
        subject: 'm',
        committedAt: expect.any(Number),
      },
    ]);
    expect(await kit.workspace.isAncestor('demo', since, result.head)).toBe(true);
  });
});
