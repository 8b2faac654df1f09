import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRANCH, KEY, type Kit, openKit } from './test-kit.ts';

const LINES = Array.from({ length: 20 }, (_, i) => `line ${i + 1}\n`);
const file = (edits: Readonly<Record<number, string>>) =>
  LINES.map((line, i) => (edits[i + 1] === undefined ? line : `${edits[i + 1]}\n`)).join('');
const FILES = { 'README.md': 'first\n', 'app.txt': file({}) };
const at = { key: KEY, branch: BRANCH };

async function work(kit: Kit, files: Readonly<Record<string, string>>, since?: string): Promise<string> {
  const { path, head } = await kit.workspace.prepare(kit.repo, at);
  await kit.write(path, files);
  const request = { ...at, run: '1', since: since ?? head, message: 'work' };
  const taken = await kit.workspace.take(kit.repo, request);
  if (taken.kind !== 'taken') throw new Error(taken.kind);
  return taken.head;
}

async function byPerson(kit: Kit, branch: string, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await kit.person(`mara-${Math.random()}`);
  await kit.git(dir, 'checkout', '-q', branch);
  await kit.write(dir, files);
  await kit.git(dir, 'add', '-A');
  await kit.git(dir, 'commit', '-qm', 'by mara');
  await kit.git(dir, 'push', '-q', 'origin', branch);
  return kit.head(dir);
}

describe('the base, merged into a task branch', () => {
  test('is a commit of ours in branch and clone, and a repeat finds it there', async () => {
    const kit = await openKit(FILES);
    const head = await work(kit, { 'app.txt': file({ 2: 'ours' }) });
    const base = await byPerson(kit, 'main', { 'README.md': 'second\n' });
    const update = await kit.workspace.updateFromBase(kit.repo, at);
    if (update.kind !== 'updated') throw new Error(update.kind);
    const bare = join(kit.reposDir, 'demo.git');
    expect(await kit.git(bare, 'log', '-1', '--format=%P|%an', BRANCH)).toBe(`${head} ${base}|Orch`);
    const clone = kit.workspace.pathOf('demo', KEY);
    expect(await kit.head(clone)).toBe(update.head);
    expect(await readFile(join(clone, 'README.md'), 'utf8')).toBe('second\n');
    expect(await kit.git(clone, 'status', '--porcelain')).toBe('');
    expect(await kit.workspace.updateFromBase(kit.repo, at)).toEqual({
      kind: 'up_to_date',
      head: update.head,
    });
    expect((await kit.workspace.push(kit.repo, BRANCH)).kind).toBe('pushed');
  });

  test('leaves everything as it was where the two contradict each other, or work lies in the clone', async () => {
    const kit = await openKit(FILES);
    const head = await work(kit, { 'app.txt': file({ 2: 'ours' }) });
    await byPerson(kit, 'main', { 'app.txt': file({ 2: 'theirs' }) });
    expect(await kit.workspace.updateFromBase(kit.repo, at)).toEqual({
      kind: 'conflict',
      files: ['app.txt'],
    });
    await byPerson(kit, 'main', { 'app.txt': file({ 18: 'theirs' }) });
    await writeFile(join(kit.workspace.pathOf('demo', KEY), 'README.md'), 'half\n');
    expect(await kit.workspace.updateFromBase(kit.repo, at)).toEqual({ kind: 'clone_dirty' });
    expect(await kit.workspace.branchHead('demo', BRANCH)).toBe(head);
  });

  test.each([
    ['far from it', { 18: 'theirs' }, true],
    ['in another file', {}, true],
    ['between the lines around it', { 5: 'theirs' }, false],
  ])('a change of the base %s: the same change of it is %s', async (_name, edits, same) => {
    const kit = await openKit(FILES);
    const head = await work(kit, { 'app.txt': file({ 2: 'ours' }) });
    await byPerson(kit, 'main', { 'app.txt': file(edits), 'README.md': 'second\n' });
    const update = await kit.workspace.updateFromBase(kit.repo, at);
    if (update.kind !== 'updated') throw new Error(update.kind);
    expect(await kit.workspace.isSameChange(kit.repo, head, update.head)).toBe(same);
  });

  test('what somebody added beside the base is not the same change, whatever its patch id', async () => {
    const kit = await openKit(FILES);
    const head = await work(kit, { 'app.txt': file({ 2: 'ours' }) });
    await kit.workspace.push(kit.repo, BRANCH);
    const later = await byPerson(kit, BRANCH, { 'app.txt': file({ 2: '  ours' }) });
    await kit.workspace.fetch(kit.repo);
    await kit.workspace.syncBranch(kit.repo, at);
    expect(await kit.workspace.isSameChange(kit.repo, head, later)).toBe(false);
    expect(await kit.workspace.isSameChange(kit.repo, head, head)).toBe(false);
  });
});

describe('a conflict with the base', () => {
  async function conflict() {
    const kit = await openKit(FILES);
    const head = await work(kit, { 'app.txt': file({ 2: 'ours' }), 'mine.txt': 'mine\n' });
    await kit.workspace.push(kit.repo, BRANCH);
    const base = await byPerson(kit, 'main', { 'app.txt': file({ 2: 'theirs' }), 'README.md': 'second\n' });
    const clone = kit.workspace.pathOf('demo', KEY);
    const join_ = await kit.workspace.joinBase(kit.repo, { ...at, since: head });
    if (join_.kind !== 'joined') throw new Error(join_.kind);
    return { kit, head, base, clone, joined: join_ };
  }

  test('lies in the clone with git marks, and the branch stays where it was', async () => {
    const { kit, head, clone, joined } = await conflict();
    expect(joined.files).toEqual(['app.txt']);
    const text = await readFile(join(clone, 'app.txt'), 'utf8');
    expect(text).toMatch(/^<<<<<<< .*\nours\n=======\ntheirs\n>>>>>>> /m);
    expect(await readFile(join(clone, 'README.md'), 'utf8')).toBe('second\n');
    expect(await kit.workspace.branchHead('demo', BRANCH)).toBe(head);
    const status = await kit.workspace.status(kit.repo, { key: KEY, since: joined.commit });
    expect(status).toMatchObject({ changedPaths: [], dirty: false });
  });

  test('is begun once, also when Orch went away before it had noted so, or an agent is half done', async () => {
    const { kit, head, clone, joined } = await conflict();
    expect(await kit.workspace.joinBase(kit.repo, { ...at, since: head })).toEqual(joined);
    await kit.write(clone, { 'app.txt': file({ 2: 'half' }) });
    expect(await kit.workspace.joinBase(kit.repo, { ...at, since: joined.commit })).toEqual(joined);
    expect(await readFile(join(clone, 'app.txt'), 'utf8')).toBe(file({ 2: 'half' }));
  });

  test('when it is resolved, is one merge commit without a mark in the history, also when it is done twice', async () => {
    const { kit, head, base, clone, joined } = await conflict();
    await work(kit, { 'app.txt': file({ 2: 'both' }) }, joined.commit);
    const seal = { ...at, joined: joined.commit, message: 'Merge main' };
    const sealed = await kit.workspace.sealJoin(kit.repo, seal);
    const bare = join(kit.reposDir, 'demo.git');
    expect(await kit.git(bare, 'log', '-1', '--format=%P|%s', BRANCH)).toBe(`${head} ${base}|Merge main`);
    expect(await kit.git(bare, 'show', `${BRANCH}:app.txt`)).toBe(file({ 2: 'both' }).trim());
    expect(await kit.head(clone)).toBe(sealed);
    expect(await kit.git(clone, 'status', '--porcelain')).toBe('');
    expect(await kit.workspace.joinFacts(kit.repo, { branch: BRANCH, joined: joined.commit })).toEqual({
      files: ['app.txt'],
      sealed,
    });
    expect(await kit.workspace.joinBase(kit.repo, { ...at, since: joined.commit })).toMatchObject({
      kind: 'joined',
      commit: sealed,
    });
    expect((await kit.workspace.push(kit.repo, BRANCH)).kind).toBe('pushed');
    expect(await kit.workspace.sealJoin(kit.repo, { ...seal, joined: sealed })).toBe(sealed);
  });
});
