import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRANCH, KEY, openKit } from './test-kit.ts';

async function prepared(files?: Readonly<Record<string, string>>) {
  const kit = await openKit(files);
  const { path, head } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
  return { kit, path, head, work: join(path, '.orch-work') };
}

describe('the folder an agent hands in', () => {
  test('outlives its clone, without the verdict of an earlier run', async () => {
    const { kit, path, work } = await prepared({
      'a.txt': 'x',
      '.gitattributes': '* text eol=crlf\n',
      '.gitignore': '*\n',
    });
    await kit.write(work, { 'analysis.md': 'line\n', 'verdict.json': '{}', 'deep/er/x.bin': '\0\r\n' });
    expect(await kit.workspace.saveWork(kit.repo, KEY)).toEqual({
      files: [
        { name: 'analysis.md', bytes: 5 },
        { name: 'deep/er/x.bin', bytes: 3 },
        { name: 'verdict.json', bytes: 2 },
      ],
      skipped: [],
    });
    const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
    expect(salvaged).toBeNull();
    await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    expect((await kit.workspace.restoreWork(kit.repo, KEY)).files.map((file) => file.name)).toEqual([
      'analysis.md',
      'deep/er/x.bin',
    ]);
    expect(await readFile(join(path, '.orch-work/deep/er/x.bin'), 'utf8')).toBe('\0\r\n');
    expect(await readFile(join(path, '.orch-work/analysis.md'), 'utf8')).toBe('line\n');
    expect(await kit.git(path, 'status', '--porcelain')).toBe('');
  });

  test('an unsaved document is salvaged with the clone', async () => {
    const { kit, work } = await prepared();
    await kit.write(work, { 'analysis.md': 'one' });
    await kit.workspace.saveWork(kit.repo, KEY);
    await kit.write(work, { 'analysis.md': 'two' });
    const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
    expect(
      await kit.git(join(kit.reposDir, 'demo.git'), 'show', `${salvaged?.ref}:.orch-work/analysis.md`),
    ).toBe('two');
  });

  test('restoring keeps what is newer, brings back what is missing, drops the verdict', async () => {
    const { kit, work } = await prepared();
    await kit.write(work, { 'a.md': 'old', 'b.md': 'saved' });
    await kit.workspace.saveWork(kit.repo, KEY);
    await kit.write(work, { 'a.md': 'newer', 'verdict.json': 'stale' });
    await kit.git(work, '-c', 'alias.x=!rm b.md', 'x').catch(() => undefined);
    await kit.workspace.restoreWork(kit.repo, KEY);
    expect(await readdir(work)).toEqual(['a.md', 'b.md']);
    expect(await readFile(join(work, 'a.md'), 'utf8')).toBe('newer');
  });

  test('saving the same again makes no commit', async () => {
    const { kit, work } = await prepared();
    await kit.write(work, { 'a.md': 'a' });
    await kit.workspace.saveWork(kit.repo, KEY);
    const bare = join(kit.reposDir, 'demo.git');
    const first = await kit.head(bare, `refs/orch/work/${KEY}`);
    await kit.workspace.saveWork(kit.repo, KEY);
    expect(await kit.head(bare, `refs/orch/work/${KEY}`)).toBe(first);
  });

  test('symlinks show nothing from outside: not saved, not read, gone after a restore', async () => {
    const { kit, work } = await prepared();
    const outside = join(kit.root, 'outside');
    await kit.write(outside, { secret: 'secret', 'dir/secret': 'secret' });
    await kit.write(work, { 'real.md': 'real', 'sub/x.md': 'x' });
    await symlink(join(outside, 'secret'), join(work, 'analysis.md'));
    await symlink(join(outside, 'dir'), join(work, 'dir'));
    expect(await kit.workspace.saveWork(kit.repo, KEY)).toEqual({
      files: [
        { name: 'real.md', bytes: 4 },
        { name: 'sub/x.md', bytes: 1 },
      ],
      skipped: ['analysis.md', 'dir'],
    });
    expect(await kit.workspace.readWork('demo', KEY, 'analysis.md')).toBeNull();
    expect(await kit.workspace.readWork('demo', KEY, 'dir/secret')).toBeNull();
    expect(await kit.workspace.readWork('demo', KEY, '../README.md')).toBeNull();
    expect(await kit.workspace.readWork('demo', KEY, 'real.md')).toBe('real');
    expect(await kit.workspace.readWork('demo', KEY, 'sub/x.md')).toBe('x');
    await kit.workspace.restoreWork(kit.repo, KEY);
    expect(await readdir(work)).toEqual(['real.md', 'sub']);
    expect(await readdir(outside)).toEqual(['dir', 'secret']);
  });

  test('a folder that is a symlink is replaced, not followed', async () => {
    const { kit, path, work } = await prepared();
    const outside = join(kit.root, 'outside');
    await kit.write(outside, { 'verdict.json': 'precious' });
    await symlink(outside, work);
    expect(await kit.workspace.listWork('demo', KEY)).toEqual({ files: [], skipped: [] });
    await kit.workspace.saveWork(kit.repo, KEY);
    await kit.workspace.restoreWork(kit.repo, KEY);
    expect(await readFile(join(outside, 'verdict.json'), 'utf8')).toBe('precious');
    expect(await readdir(join(path, '.orch-work'))).toEqual([]);
  });

  test('what is too large or too much is skipped and named', async () => {
    const { kit, work } = await prepared();
    await mkdir(work);
    await writeFile(join(work, 'big.bin'), Buffer.alloc(5 * 1024 * 1024 + 1));
    await kit.write(work, { 'ok.md': 'ok', '.git/config': '[core]\n\tfsmonitor = evil\n' });
    expect(await kit.workspace.saveWork(kit.repo, KEY)).toEqual({
      files: [{ name: 'ok.md', bytes: 2 }],
      skipped: ['.git', 'big.bin'],
    });
  });
});
