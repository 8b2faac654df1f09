import { describe, expect, it } from 'vitest';
import { openKit } from './test-kit.ts';

describe('the base branch', () => {
  it('is what a task is measured against: from where it left, under old names and new', async () => {
    const kit = await openKit({
      'src/a.js': 'a\n',
      'src/old.js': 'long enough to be a rename\n',
      'b.txt': 'b\n',
    });
    const { path } = await kit.workspace.prepare(kit.repo, { key: 'A', branch: 'orch/a' });
    await kit.git(path, 'mv', 'src/old.js', 'src/new.js');
    await kit.write(path, { 'src/a.js': 'changed\n', 'ü/ö.sql': 'x\n' });
    await kit.git(path, 'add', '-A');
    await kit.git(path, 'commit', '-qm', 'change');
    const since = await kit.head(kit.remote, 'main');
    const taken = await kit.workspace.take(kit.repo, {
      ...{ key: 'A', branch: 'orch/a', run: 'run_1', since, message: 'x' },
    });
    const head = taken.kind === 'taken' ? taken.head : '';
    // Somebody else changes another file meanwhile: that is not the task's.
    const person = await kit.person('mara');
    await kit.write(person, { 'b.txt': 'theirs\n' });
    await kit.git(person, 'commit', '-qam', 'theirs');
    await kit.git(person, 'push', '-q', 'origin', 'main');
    await kit.workspace.fetch(kit.repo);
    expect(await kit.workspace.changedAgainstBase(kit.repo, head)).toEqual([
      'src/a.js',
      'src/new.js',
      'src/old.js',
      'ü/ö.sql',
    ]);
    expect(await kit.workspace.changedAgainstBase(kit.repo, since)).toEqual([]);
  });

  it('cannot be measured against without a common history', async () => {
    const kit = await openKit();
    await kit.workspace.fetch(kit.repo);
    const tree = await kit.git(kit.remote, 'rev-parse', 'main^{tree}');
    const orphan = await kit.git(kit.remote, 'commit-tree', tree, '-m', 'from nowhere');
    await kit.git(kit.remote, 'branch', 'orphan', orphan);
    await kit.workspace.fetch(kit.repo);
    expect(await kit.workspace.changedAgainstBase(kit.repo, orphan)).toBeNull();
  });

  it('is remembered as it was at a commit that is kept', async () => {
    const kit = await openKit({ '.orch/pipeline.yaml': 'first', 'README.md': 'x' });
    const first = await kit.workspace.fetch(kit.repo);
    expect(await kit.workspace.readKeptFiles(kit.repo, 'pipeline', ['.orch/*'])).toBeNull();
    await kit.workspace.keepBase(kit.repo, 'pipeline', first);
    const person = await kit.person('mara');
    await kit.write(person, { '.orch/pipeline.yaml': 'second' });
    await kit.git(person, 'commit', '-qam', 'second');
    await kit.git(person, 'push', '-q', '--force', 'origin', 'main');
    await kit.workspace.fetch(kit.repo);
    const texts = async (files: Promise<{ files: readonly { text: string }[] } | null>) =>
      (await files)?.files.map(({ text }) => text);
    expect(await texts(kit.workspace.readBaseFiles(kit.repo, ['.orch/*']))).toEqual(['second']);
    expect(await texts(kit.workspace.readKeptFiles(kit.repo, 'pipeline', ['.orch/*']))).toEqual(['first']);
  });
});
