import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readInnerFile } from './inner-file.ts';
import { openKit } from './test-kit.ts';

test('plain files of a commit are told from symlinks, folders and what is not there, whatever they are called', async () => {
  const kit = await openKit();
  const person = await kit.person('mara');
  const odd = [':(exclude)x', '*', 'ümläut \t"q"', '-rf'];
  await kit.write(person, { 'test/a.js': 'a', ...Object.fromEntries(odd.map((name) => [name, 'x'])) });
  await symlink('test/a.js', join(person, 'link.js'));
  await kit.git(person, 'add', '--all');
  await kit.git(person, 'commit', '--quiet', '-m', 'odd');
  await kit.git(person, 'push', '--quiet', 'origin', 'HEAD:main');
  const commit = await kit.workspace.fetch(kit.repo);
  const asked = ['test/a.js', 'test', 'link.js', 'absent', '../README.md', '/etc/passwd', ...odd];
  expect([...(await kit.workspace.plainFilesAt('demo', commit, asked))].sort()).toEqual(
    ['test/a.js', ...odd].sort(),
  );
  const many = Array.from({ length: 450 }, (_, i) => `absent-${i}`);
  expect((await kit.workspace.plainFilesAt('demo', commit, [...many, 'README.md'])).size).toBe(1);
});

test('a file below a folder is read as it is, or said why not', async () => {
  const kit = await openKit({});
  const root = join(kit.root, 'clone');
  await kit.write(root, { 'a/b.txt': 'text' });
  await kit.write(kit.root, { 'outside/secret': 'secret' });
  await symlink(join(kit.root, 'outside'), join(root, 'folder'));
  await symlink(join(kit.root, 'outside/secret'), join(root, 'file'));
  const read = async (path: string, maxBytes = 100) => readInnerFile(root, path, maxBytes);
  expect(await read('a/b.txt')).toEqual({ kind: 'text', text: 'text' });
  expect(await read('a/b.txt', 3)).toEqual({ kind: 'too_large' });
  for (const path of ['folder/secret', 'file', 'a']) expect(await read(path)).toEqual({ kind: 'not_plain' });
  for (const path of ['a/c.txt', 'x/y', '../outside/secret', ''])
    expect(await read(path)).toEqual({ kind: 'absent' });
});
