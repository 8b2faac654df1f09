import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openKit } from './test-kit.ts';

describe('a ref of the bare repository', () => {
  it('is what git says it is: loose, packed, both, moved, a link, half-written, deleted', async () => {
    const kit = await openKit();
    await kit.workspace.fetch(kit.repo);
    const bare = join(kit.reposDir, 'demo.git');
    const tree = await kit.git(bare, 'rev-parse', 'origin/main^{tree}');
    const commit = (message: string) => kit.git(bare, 'commit-tree', tree, '-m', message);
    const [one, two] = [await commit('one'), await commit('two')];
    const names = ['orch/a', 'orch/ab', 'a', 'ünlich#1', 'orch/deep/er'];
    const agrees = async () => {
      for (const name of [...names, 'orch', 'orch/deep', 'gone', 'orch/a/b'])
        expect([name, await kit.workspace.branchHead('demo', name)]).toEqual([
          name,
          (
            await kit.tryGit(bare, 'rev-parse', '--verify', '-q', `refs/heads/${name}^{commit}`)
          ).output.trim() || null,
        ]);
    };
    await agrees();
    for (const [i, name] of names.entries())
      await kit.git(bare, 'update-ref', `refs/heads/${name}`, i % 2 === 0 ? one : two);
    await agrees();
    await kit.git(bare, 'pack-refs', '--all');
    await agrees();
    await kit.git(bare, 'update-ref', 'refs/heads/orch/a', two);
    await agrees();
    await kit.git(bare, 'update-ref', '-d', 'refs/heads/orch/ab');
    await agrees();
    await kit.git(bare, 'symbolic-ref', 'refs/heads/a', 'refs/heads/orch/a');
    await agrees();
    expect(await kit.workspace.branchHead('demo', 'a')).toBe(two);
    await writeFile(join(bare, 'refs/heads/orch/a'), '');
    expect(await kit.workspace.branchHead('demo', 'orch/a')).toBe(null);
  });

  it('of the base is read anew when it moves, with its files and instructions', async () => {
    const kit = await openKit({ 'CLAUDE.md': 'first\n' });
    await kit.workspace.fetch(kit.repo);
    const read = async () => {
      const [base] = (await kit.workspace.readBaseFiles(kit.repo, ['CLAUDE.md'])).files;
      return [base?.text, (await kit.workspace.readInstructions(kit.repo)).text.includes('second')];
    };
    expect(await read()).toEqual(['first\n', false]);
    expect((await kit.workspace.readBaseFiles(kit.repo, ['*.txt'])).files).toEqual([]);
    const person = await kit.person('mara');
    await kit.write(person, { 'CLAUDE.md': 'second\n' });
    await kit.git(person, 'commit', '-qam', 'second');
    await kit.git(person, 'push', '-q', 'origin', 'main');
    await kit.workspace.fetch(kit.repo);
    expect(await read()).toEqual(['second\n', true]);
  });
});
