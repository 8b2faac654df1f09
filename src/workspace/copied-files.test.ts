import { execFileSync } from 'node:child_process';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { copyFiles } from './copied-files.ts';

async function opened() {
  const root = await mkdtemp(join(tmpdir(), 'orch-copied-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const clone = join(root, 'clone');
  await mkdir(clone);
  await writeFile(join(root, 'secret'), 'fresh');
  await writeFile(join(root, 'outside'), 'precious');
  const copy = () => copyFiles([{ from: join(root, 'secret'), to: 'conf/.env' }], clone);
  return { root, clone, copy, target: join(clone, 'conf/.env') };
}

const PLANTED: Readonly<Record<string, (target: string, outside: string) => Promise<unknown>>> = {
  nothing: async () => undefined,
  'an older copy': (target) => writeFile(target, 'old'),
  'a pipe': async (target) => execFileSync('sh', ['-c', 'mkfifo "$0"', target]),
  'a symlink': (target, outside) => symlink(outside, target),
  'a hard link': (target, outside) => link(outside, target),
  'a read-only file': (target) => writeFile(target, 'old').then(() => chmod(target, 0o400)),
};

test.each(Object.keys(PLANTED))('a copied file takes the place of %s, and only its place', async (name) => {
  const { root, clone, copy, target } = await opened();
  await mkdir(join(clone, 'conf'));
  await PLANTED[name]?.(target, join(root, 'outside'));
  await copy();
  expect(await readFile(target, 'utf8')).toBe('fresh');
  expect((await lstat(target)).mode & 0o777).toBe(0o600);
  expect(await readFile(join(root, 'outside'), 'utf8')).toBe('precious');
  expect(await readdir(join(clone, 'conf'))).toEqual(['.env']);
});

test('nothing is copied through a symlinked folder, or over a folder', async () => {
  const { root, clone, copy, target } = await opened();
  await symlink(root, join(clone, 'conf'));
  await expect(copy()).rejects.toMatchObject({ code: 'workspace.setup_failed' });
  await rm(join(clone, 'conf'));
  await mkdir(target, { recursive: true });
  await expect(copy()).rejects.toMatchObject({ code: 'workspace.setup_failed' });
  expect(await readdir(join(clone, 'conf'))).toEqual(['.env']);
});
