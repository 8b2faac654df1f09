import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRANCH, FIRST_FILES, KEY, openKit } from './test-kit.ts';
import { openWorkspace } from './workspace.ts';

describe('preparing a clone', () => {
  test('gives an own clone on the task branch, with no remote and shared objects', async () => {
    const kit = await openKit();
    const prepared = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    const main = await kit.head(kit.remote, 'main');
    expect(prepared).toEqual({
      path: join(kit.worktreesDir, 'demo', KEY),
      head: main,
      base: main,
      created: true,
    });
    expect(await kit.git(prepared.path, 'symbolic-ref', 'HEAD')).toBe(`refs/heads/${BRANCH}`);
    expect(await kit.git(prepared.path, 'status', '--porcelain')).toBe('');
    expect(await kit.git(prepared.path, 'remote')).toBe('');
    expect(await kit.git(prepared.path, 'config', 'user.email')).toBe('orch@example.org');
    expect(await kit.head(prepared.path, 'origin/main')).toBe(main);
    expect(await readFile(join(prepared.path, 'src/app.js'), 'utf8')).toBe(FIRST_FILES['src/app.js']);
    expect(await readFile(join(prepared.path, '.git/objects/info/alternates'), 'utf8')).toBe(
      `${kit.reposDir}/demo.git/objects\n`,
    );
    await kit.write(prepared.path, { '.orch-work/analysis.md': 'x' });
    expect(await kit.git(prepared.path, 'status', '--porcelain')).toBe('');
    expect(await kit.git(prepared.path, 'fsck')).toBe('');
  });

  test('again keeps the clone as it is, uncommitted changes included', async () => {
    const kit = await openKit();
    const { path } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    await kit.write(path, { 'README.md': 'changed\n', 'new.txt': 'new\n' });
    await kit.git(path, 'commit', '-qam', 'mine');
    await kit.write(path, { 'README.md': 'changed twice\n' });
    const again = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    expect(again).toMatchObject({ path, created: false, head: await kit.head(path) });
    expect(await kit.git(path, 'status', '--porcelain')).toBe('M README.md\n?? new.txt');
  });

  test('shows a base that moved as origin/main', async () => {
    const kit = await openKit();
    const { path } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    const person = await kit.person('mara');
    await kit.git(person, 'commit', '--allow-empty', '-qm', 'more');
    await kit.git(person, 'push', '-q');
    const again = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    expect(again.base).toBe(await kit.head(person));
    expect(await kit.head(path, 'origin/main')).toBe(again.base);
  });

  test('starts from a branch that exists on the remote, with tags at hand', async () => {
    const kit = await openKit();
    const person = await kit.person('mara');
    await kit.git(person, 'tag', '-a', 'v1', '-m', 'v1');
    await kit.git(person, 'checkout', '-qb', BRANCH);
    await kit.git(person, 'commit', '--allow-empty', '-qm', 'begun by a person');
    await kit.git(person, 'push', '-q', 'origin', BRANCH, 'v1');
    const { path, head } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    expect(head).toBe(await kit.head(person));
    expect(await kit.git(path, 'describe')).toMatch(/^v1-1-/);
  });

  test('without a branch checks one commit out', async () => {
    const kit = await openKit();
    const main = await kit.head(kit.remote, 'main');
    const { path, head } = await kit.workspace.prepare(kit.repo, {
      key: 'checks',
      branch: null,
      startPoint: main,
    });
    expect(head).toBe(main);
    expect((await kit.tryGit(path, 'symbolic-ref', 'HEAD')).code).not.toBe(0);
    expect(await kit.git(path, 'status', '--porcelain')).toBe('');
  });

  test('of two tasks at the same time, and six fetches beside them, all succeed', async () => {
    const kit = await openKit();
    const results = await Promise.all([
      kit.workspace.prepare(kit.repo, { key: 'A', branch: 'orch/a' }),
      kit.workspace.prepare(kit.repo, { key: 'B', branch: 'orch/b' }),
      ...Array.from({ length: 6 }, () => kit.workspace.fetch(kit.repo)),
    ]);
    expect(results).toHaveLength(8);
    expect(await readdir(join(kit.worktreesDir, 'demo'))).toEqual(['A', 'B']);
    expect(await readdir(join(kit.reposDir, '.orch/tmp'))).toEqual([]);
  });

  test('a branch that vanishes on the remote takes no branch of ours with it', async () => {
    const kit = await openKit();
    await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    const person = await kit.person('mara');
    await kit.git(person, 'push', '-q', 'origin', 'HEAD:refs/heads/gone');
    await kit.workspace.fetch(kit.repo);
    await kit.git(person, 'push', '-q', 'origin', ':gone');
    await kit.git(person, 'push', '-q', 'origin', 'HEAD:refs/heads/gone/below');
    await kit.workspace.fetch(kit.repo);
    expect(await kit.workspace.branchHead('demo', BRANCH)).not.toBeNull();
  });

  test('puts a changed configuration of the bare repository back', async () => {
    const kit = await openKit();
    await kit.workspace.fetch(kit.repo);
    const bare = join(kit.reposDir, 'demo.git');
    await kit.git(bare, 'config', `url.${kit.root}/nowhere.insteadOf`, kit.remote);
    await kit.git(bare, 'config', 'core.sshCommand', 'evil');
    await kit.workspace.fetch(kit.repo);
    expect(await readFile(join(bare, 'config'), 'utf8')).not.toMatch(/insteadOf|evil/);
  });
});

describe('errors of a repository', () => {
  test('a missing one is named, with what git said', async () => {
    const kit = await openKit();
    const url = join(kit.root, 'missing.git');
    await expect(
      kit.workspace.prepare({ ...kit.repo, url }, { key: KEY, branch: BRANCH }),
    ).rejects.toMatchObject({
      code: 'workspace.clone_failed',
      message: expect.stringContaining(url),
      hint: expect.stringContaining('URL'),
    });
    await kit.workspace.fetch(kit.repo);
    await expect(kit.workspace.fetch({ ...kit.repo, url })).rejects.toMatchObject({
      code: 'workspace.fetch_failed',
    });
  });

  test('an empty one and a missing base are told apart', async () => {
    const empty = await openKit({});
    await expect(empty.workspace.prepare(empty.repo, { key: KEY, branch: BRANCH })).rejects.toMatchObject({
      code: 'workspace.base_missing',
      message: expect.stringContaining('empty'),
    });
    const kit = await openKit();
    await expect(
      kit.workspace.prepare({ ...kit.repo, base: 'trunk' }, { key: KEY, branch: BRANCH }),
    ).rejects.toMatchObject({ code: 'workspace.base_missing', hint: expect.stringContaining('main') });
  });

  test('hostile names and URLs run nothing', async () => {
    const kit = await openKit();
    await expect(
      kit.workspace.prepare(
        { ...kit.repo, url: `ext::sh -c touch% ${kit.root}/owned` },
        { key: KEY, branch: BRANCH },
      ),
    ).rejects.toMatchObject({ code: 'workspace.invalid_url' });
    await expect(
      kit.workspace.prepare(kit.repo, { key: KEY, branch: '--upload-pack=evil' }),
    ).rejects.toMatchObject({ code: 'workspace.invalid_branch' });
    await expect(
      kit.workspace.prepare({ ...kit.repo, project: '../up' }, { key: KEY, branch: BRANCH }),
    ).rejects.toMatchObject({ code: 'workspace.invalid_name' });
    expect(kit.workspace.pathOf('demo', '../../up')).toMatch(
      new RegExp(`^${kit.worktreesDir}/demo/up-[0-9a-f]{12}$`),
    );
    expect(await readdir(kit.root)).not.toContain('owned');
  });

  test('a git that is absent or old says what to install', async () => {
    const kit = await openKit();
    const options = { reposDir: kit.reposDir, worktreesDir: kit.worktreesDir };
    expect(await kit.workspace.gitVersion()).toMatch(/^2\.\d+/);
    await expect(openWorkspace({ ...options, gitBin: '/nowhere/git' }).gitVersion()).rejects.toMatchObject({
      code: 'workspace.git_missing',
      hint: expect.stringContaining('2.38'),
    });
  });
});
