import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realBinary } from './real-binary.ts';

let folder = '';
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'orch-binary-')));
  for (const name of ['one', 'two', 'versions']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'versions/cli-2'), '');
  await chmod(join(folder, 'versions/cli-2'), 0o755);
  await symlink('../versions/cli-2', join(folder, 'two/cli'));
  await mkdir(join(folder, 'one/sub'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the file that starting a binary runs', () => {
  const path = () => [join(folder, 'one'), join(folder, 'two')].join(delimiter);

  it('is found through links, by its path and by its name', async () => {
    const file = join(folder, 'versions/cli-2');
    expect(await realBinary(join(folder, 'two/cli'), '')).toBe(file);
    expect(await realBinary('cli', path())).toBe(file);
  });

  it('is none, and no error, while it is taken away and put back', async () => {
    const file = join(folder, 'versions/flicker');
    const flicker = (async () => {
      for (let i = 0; i < 200; i++) {
        await writeFile(file, '', { mode: 0o755 });
        await rm(file);
      }
    })();
    const seen = new Set<string | null>();
    for (let i = 0; i < 400; i++) seen.add(await realBinary(file, ''));
    await flicker;
    expect([...seen].filter((each) => each !== null && each !== file)).toEqual([]);
  });

  it('is none where there is no such file', async () => {
    expect(await realBinary('nothing', path())).toBeNull();
    expect(await realBinary(join(folder, 'nothing'), path())).toBeNull();
  });
});
