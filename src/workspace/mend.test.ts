import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRANCH, KEY, openKit } from './test-kit.ts';

async function prepared() {
  const kit = await openKit();
  const request = { key: KEY, branch: BRANCH };
  const { path, head } = await kit.workspace.prepare(kit.repo, request);
  return { kit, path, head, prepare: () => kit.workspace.prepare(kit.repo, request) };
}

describe('preparing a clone again', () => {
  test('takes away the locks of a git that was killed', async () => {
    const { kit, path, prepare } = await prepared();
    for (const name of ['index.lock', 'HEAD.lock']) await writeFile(join(path, '.git', name), '');
    await prepare();
    await kit.write(path, { 'a.txt': 'a' });
    await kit.git(path, 'add', '-A');
    await kit.git(path, 'commit', '-qm', 'works again');
  });

  test.each(['', 'DIRC and no more'])('gives it an index that can be read instead of %j', async (text) => {
    const { kit, path, prepare } = await prepared();
    await kit.write(path, { 'README.md': 'mine\n', 'new.txt': 'new' });
    await writeFile(join(path, '.git/index'), text);
    await prepare();
    expect(await kit.git(path, 'status', '--porcelain')).toBe('M README.md\n?? new.txt');
  });

  test('leaves a good index as it is', async () => {
    const { kit, path, prepare } = await prepared();
    await kit.write(path, { 'new.txt': 'staged' });
    await kit.git(path, 'add', '-A');
    const before = createHash('sha256')
      .update(await readFile(join(path, '.git/index')))
      .digest('hex');
    await prepare();
    const after = createHash('sha256')
      .update(await readFile(join(path, '.git/index')))
      .digest('hex');
    expect(after).toBe(before);
  });

  test.each(['a commit', 'a file'])(
    'says that %s of its history is missing, before a run is paid for',
    async (what) => {
      const { kit, path, prepare, head } = await prepared();
      await kit.write(path, { 'a.txt': 'content of its own' });
      await kit.git(path, 'add', '-A');
      await kit.git(path, 'commit', '-qm', 'mine');
      await kit.write(path, { 'b.txt': 'not committed' });
      const id = what === 'a commit' ? await kit.head(path) : await kit.head(path, 'HEAD:a.txt');
      await rm(join(path, '.git/objects', id.slice(0, 2), id.slice(2)));
      await expect(prepare()).rejects.toMatchObject({ code: 'workspace.clone_broken' });
      const request = { key: KEY, branch: BRANCH, run: '1', head };
      const { salvaged } = await kit.workspace.resetTo(kit.repo, request);
      expect(salvaged?.problems.join()).toContain('could not be kept');
      const into = join(kit.root, 'restored');
      await kit.workspace.restoreSalvage(kit.repo, salvaged?.ref ?? '', { directory: into });
      expect((await readdir(into)).sort()).toEqual(['.gitignore', 'README.md', 'a.txt', 'b.txt', 'src']);
      await prepare();
      await expect(lstat(join(path, 'b.txt'))).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );
});
