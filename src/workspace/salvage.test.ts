import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BRANCH, KEY, type Kit, openKit } from './test-kit.ts';

async function prepared(files?: Readonly<Record<string, string>>) {
  const kit = await openKit(files);
  const { path, head } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
  return { kit, path, head, bare: join(kit.reposDir, 'demo.git') };
}

/** Every file and link below a folder (not `.git`), by its raw name: mode and bytes. */
async function photograph(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const visit = async (dir: Buffer, prefix: string): Promise<void> => {
    for (const entry of await readdir(dir, { withFileTypes: true, encoding: 'buffer' })) {
      const name = `${prefix}${entry.name.toString('latin1')}`;
      const place = Buffer.concat([dir, Buffer.from('/'), entry.name]);
      if (entry.name.toString() === '.git') continue;
      if (entry.isDirectory()) await visit(place, `${name}/`);
      else if (entry.isSymbolicLink())
        found.set(name, `link ${(await readlink(place, { encoding: 'buffer' })).toString('latin1')}`);
      else
        found.set(
          name,
          `${((await lstat(place)).mode & 0o100) === 0 ? 'file' : 'exec'} ${(await readFile(place)).toString('latin1')}`,
        );
    }
  };
  await visit(Buffer.from(root), '');
  return found;
}

describe('salvage', () => {
  test('of a clone with nothing of its own keeps nothing', async () => {
    const { kit, path } = await prepared();
    await kit.write(path, { 'ignored/x': 'x', 'node_modules/a.js': 'x', '.env.test': 'copied' });
    expect(await kit.workspace.salvage(kit.repo, { key: KEY, run: '1', copied: ['.env.test'] })).toBeNull();
    expect(await kit.workspace.salvage(kit.repo, { key: 'NO-SUCH', run: '1' })).toBeNull();
    expect(await kit.workspace.listSalvage('demo')).toEqual([]);
  });

  test('keeps commits, other branches, the stash and files; lists, shows and restores them', async () => {
    const { kit, path, head, bare } = await prepared();
    await kit.write(path, { 'stashed.txt': 'stashed\n' });
    await kit.git(path, 'add', '-A');
    await kit.git(path, 'stash', '-q');
    await kit.git(path, 'checkout', '-qb', 'side');
    await kit.write(path, { 'side.txt': 'side\n' });
    await kit.git(path, 'add', '-A');
    await kit.git(path, 'commit', '-qm', 'side');
    await kit.git(path, 'checkout', '-q', BRANCH);
    await kit.git(path, 'commit', '--allow-empty', '-qm', 'mine');
    await kit.write(path, {
      'src/app.js': 'changed\n',
      'new.txt': 'new\n',
      '.orch-work/notes.md': 'notes',
      '.env': 'SECRET=1',
    });
    await rm(join(path, 'README.md'));
    const mine = await kit.head(path);
    const side = await kit.head(path, 'side');
    const stash = await kit.head(path, 'stash');
    const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: 'run_7' });
    expect(salvaged).toMatchObject({ ref: 'refs/orch/salvage/run_7', problems: [], leftOut: [] });
    await expect(lstat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    const reachable = await kit.git(bare, 'rev-list', 'refs/orch/salvage/run_7');
    for (const commit of [mine, side, stash]) expect(reachable).toContain(commit);

    const [entry] = await kit.workspace.listSalvage('demo');
    expect(entry).toMatchObject({
      name: 'run_7',
      commit: salvaged?.commit,
      note: { run: 'run_7', key: KEY, head: mine, refs: { 'refs/heads/side': side, 'refs/stash': stash } },
    });
    const shown = await kit.workspace.showSalvage('demo', 'run_7');
    expect(shown.diff.files.map((file) => `${file.status} ${file.path}`)).toEqual([
      'added .env',
      'added .orch-work/notes.md',
      'deleted README.md',
      'added new.txt',
      'modified src/app.js',
    ]);

    const into = join(kit.root, 'restored');
    await kit.workspace.restoreSalvage(kit.repo, 'run_7', { directory: into });
    expect(await readFile(join(into, '.orch-work/notes.md'), 'utf8')).toBe('notes');
    expect(await readFile(join(into, 'new.txt'), 'utf8')).toBe('new\n');
    await expect(kit.workspace.restoreSalvage(kit.repo, 'run_7', { directory: into })).rejects.toMatchObject({
      code: 'workspace.restore_target_not_empty',
    });

    const restored = await kit.workspace.restoreSalvage(kit.repo, 'refs/orch/salvage/run_7', {
      branch: 'rescued',
    });
    expect(await kit.git(bare, 'ls-tree', '-r', '--name-only', 'rescued')).toBe(
      '.env\n.gitignore\nnew.txt\nsrc/app.js',
    );
    expect(await kit.head(bare, 'rescued~1')).toBe(mine);
    expect(restored.commit).toBe(await kit.head(bare, 'rescued'));
    await expect(
      kit.workspace.restoreSalvage(kit.repo, 'run_7', { branch: 'rescued' }),
    ).rejects.toMatchObject({ code: 'workspace.branch_exists' });
    await expect(kit.workspace.showSalvage('demo', 'run_8')).rejects.toMatchObject({
      code: 'workspace.unknown_salvage',
    });
    expect(await kit.head(bare, BRANCH)).toBe(head);
  });

  test('of the same run and the same files again is the same one', async () => {
    const kit = await openKit();
    const { path } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    await kit.write(path, { 'new.txt': 'new\n' });
    const first = await kit.workspace.salvage(kit.repo, { key: KEY, run: 'run_1' });
    expect(first?.ref).toBe('refs/orch/salvage/run_1');
    const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: 'run_1' });
    expect(salvaged).toEqual(first);
    expect(await kit.workspace.listSalvage('demo')).toHaveLength(1);
  });

  test('of the same run twice keeps both; pruning forgets the old ones', async () => {
    const { kit, path, head, bare } = await prepared();
    await kit.write(path, { 'a.txt': 'a' });
    const first = await kit.workspace.resetTo(kit.repo, { key: KEY, branch: BRANCH, run: '7', head });
    await kit.write(path, { 'b.txt': 'b' });
    const second = await kit.workspace.resetTo(kit.repo, { key: KEY, branch: BRANCH, run: '7', head });
    expect([first.salvaged?.ref, second.salvaged?.ref]).toEqual([
      'refs/orch/salvage/7',
      'refs/orch/salvage/7.2',
    ]);
    expect(await kit.workspace.pruneSalvage('demo', new Date(Date.now() - 3_600_000))).toEqual([]);
    expect((await kit.workspace.pruneSalvage('demo', new Date(Date.now() + 60_000))).sort()).toEqual([
      '7',
      '7.2',
    ]);
    expect(await kit.git(bare, 'for-each-ref', 'refs/orch')).toBe('');
  });

  test('names what it leaves out: copied files, rebuilt folders, the history of nested repositories', async () => {
    const { kit, path, bare } = await prepared();
    await kit.write(path, {
      '.env.test': 'copied',
      'node_modules/x/a.js': 'a',
      'nested/in.txt': 'in',
      'nested/deep/x.txt': 'x',
      'nested/deep/.gitignore': 'y\n',
      'nested/deep/y': 'ignored',
    });
    await kit.git(join(path, 'nested'), 'init', '-q');
    await kit.git(join(path, 'nested/deep'), 'init', '-q');
    const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1', copied: ['.env.test'] });
    expect(salvaged?.leftOut).toEqual(
      expect.arrayContaining([
        { path: '.env.test', reason: 'copied' },
        { path: 'node_modules/', reason: 'build_folder' },
        { path: 'nested/.git', reason: 'nested_repository' },
        { path: 'nested/deep/y', reason: 'ignored' },
      ]),
    );
    expect(await kit.git(bare, 'ls-tree', '-r', '--name-only', salvaged?.ref ?? '', 'nested')).toBe(
      'nested/deep/.gitignore\nnested/deep/x.txt\nnested/in.txt',
    );
  });

  test('a folder that nobody may write is removed all the same', async () => {
    const { kit, path } = await prepared();
    await kit.write(path, { 'ignored/mod/x': 'x' });
    await chmod(join(path, 'ignored/mod'), 0o555);
    await chmod(join(path, 'ignored'), 0o555);
    await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
    await expect(lstat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('bytes survive whatever the attributes of the repository ask for', async () => {
  const { kit, path } = await prepared({
    '.gitattributes':
      '*.crlf text eol=crlf\n*.auto text=auto\n*.id ident\n*.enc text working-tree-encoding=UTF-16LE\n',
  });
  const files = {
    'a.crlf': 'lf\nonly\n',
    'b.auto': 'mixed\r\nends\n',
    'c.id': '$Id: mine $\n',
    'd.enc': 'a\0b\0',
  };
  await kit.write(path, files);
  const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
  const into = join(kit.root, 'restored');
  await kit.workspace.restoreSalvage(kit.repo, salvaged?.ref ?? '', { directory: into });
  for (const [name, text] of Object.entries(files))
    expect(await readFile(join(into, name), 'utf8')).toBe(text);
});

test('a checkout with line ends of its own is not work', async () => {
  const { kit, path } = await prepared({ '.gitattributes': '*.txt text eol=crlf\n', 'a.txt': 'one\n' });
  expect(await readFile(join(path, 'a.txt'), 'utf8')).toBe('one\r\n');
  expect(await kit.workspace.salvage(kit.repo, { key: KEY, run: '1' })).toBeNull();
});

describe('a reset', () => {
  test('salvages first, then leaves exactly the head; ignored and copied files and documents stay', async () => {
    const { kit, path, head, bare } = await prepared({
      'README.md': 'r\n',
      'src/app.js': 'a\n',
      '.gitignore': 'ignored/\nodd.txt\n',
      keep: 'same',
    });
    const inode = (await lstat(join(path, 'keep'))).mtimeMs;
    await kit.write(path, { 'odd.txt': 'tracked though ignored' });
    await kit.git(path, 'add', '-f', 'odd.txt');
    await kit.git(path, 'commit', '-qm', 'mine');
    await kit.git(path, 'checkout', '-qb', 'elsewhere');
    await kit.git(path, 'config', 'alias.evil', '!true');
    await rm(join(path, 'src'), { recursive: true });
    await kit.write(path, {
      src: 'a file now',
      'new/deep/x.txt': 'x',
      'ignored/dep': 'dep',
      '.env.test': 'copied',
      '.orch-work/a.md': 'a',
      'README.md': 'changed\n',
    });
    const { salvaged } = await kit.workspace.resetTo(kit.repo, {
      key: KEY,
      branch: BRANCH,
      run: '1',
      head,
      copied: ['.env.test'],
    });
    expect([...(await photograph(path)).keys()].sort()).toEqual([
      '.env.test',
      '.gitignore',
      '.orch-work/a.md',
      'README.md',
      'ignored/dep',
      'keep',
      'src/app.js',
    ]);
    expect(await kit.git(path, 'status', '--porcelain')).toBe('?? .env.test');
    expect(await kit.git(path, 'symbolic-ref', 'HEAD')).toBe(`refs/heads/${BRANCH}`);
    expect(await kit.git(path, 'branch', '--list')).toBe(`* ${BRANCH}`);
    expect((await kit.tryGit(path, 'config', 'alias.evil')).code).toBe(1);
    expect((await lstat(join(path, 'keep'))).mtimeMs).toBe(inode);
    expect(await kit.git(bare, 'show', `${salvaged?.ref}:src`)).toBe('a file now');
    expect(await kit.git(bare, 'show', `${salvaged?.ref}:odd.txt`)).toBe('tracked though ignored');
    await expect(lstat(join(path, 'new'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('to an older commit keeps the one it leaves', async () => {
    const { kit, path, head, bare } = await prepared();
    await kit.write(path, { 'a.txt': 'a' });
    const taken = await kit.workspace.take(kit.repo, {
      key: KEY,
      branch: BRANCH,
      run: '1',
      since: head,
      message: 'm',
    });
    await kit.git(path, 'reset', '-q', '--hard', head);
    const { salvaged } = await kit.workspace.resetTo(kit.repo, { key: KEY, branch: BRANCH, run: '2', head });
    expect(await kit.git(bare, 'rev-list', salvaged?.ref ?? '')).toContain(
      taken.kind === 'taken' ? taken.head : 'nothing',
    );
    expect(await kit.workspace.branchHead('demo', BRANCH)).toBe(head);
  });

  test('needs a known commit and a clone', async () => {
    const { kit, head } = await prepared();
    await expect(
      kit.workspace.resetTo(kit.repo, { key: KEY, branch: BRANCH, run: '1', head: 'b'.repeat(40) }),
    ).rejects.toMatchObject({ code: 'workspace.unknown_commit' });
    await expect(
      kit.workspace.resetTo(kit.repo, { key: 'NONE', branch: BRANCH, run: '1', head }),
    ).rejects.toMatchObject({ code: 'workspace.clone_missing' });
  });
});

const TRACKED = ['README.md', 'src/app.js', 'dir/a', 'crlf.txt', 'latin1.txt'];
const NAMES = [
  ...TRACKED,
  ...TRACKED,
  'src',
  'dir',
  'new',
  'a b',
  'line\nbreak',
  '-option',
  'ü/ß',
  'bytes\xff',
  '.orch-work/x',
  'dir/a/b',
  'back\\slash',
  'git~1',
  '.env',
  'tab\t"',
  'x.pem',
  'dist/x',
];

const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom('a\r\nb\r\n', 'a\nb\n', '$Id$\n', '').map((text) => Buffer.from(text)),
);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      name: fc.constantFrom(...NAMES),
      bytes: content,
      exec: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('link' as const),
      name: fc.constantFrom(...NAMES),
      target: fc.constantFrom('/etc/passwd', 'README.md', '../..', 'nowhere\n'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('remove' as const), name: fc.constantFrom(...NAMES) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stage' as const) }) },
);

test('whatever state a clone is in, a restore gives every byte back and a reset the head', async () => {
  const { kit, path, head } = await prepared({
    'README.md': 'first\n',
    'src/app.js': 'one\n',
    'dir/a': 'a',
    'crlf.txt': 'one\ntwo\n',
    'latin1.txt': 'plain\n',
    '.gitattributes':
      'crlf.txt text eol=crlf\nlatin1.txt text working-tree-encoding=ISO-8859-1\n*.md ident\n* filter=lfs\n',
  });
  const untouched = await photograph(path);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      round += 1;
      for (const one of steps) await perform(kit, path, one);
      const before = await photograph(path);
      const { salvaged } = await kit.workspace.resetTo(kit.repo, {
        key: KEY,
        branch: BRANCH,
        run: `run-${round}`,
        head,
      });
      if (salvaged === null) expect(before).toEqual(untouched);
      else {
        const into = await mkdtemp(join(kit.root, 'restored-'));
        await kit.workspace.restoreSalvage(kit.repo, salvaged.ref, { directory: into });
        expect(await photograph(into)).toEqual(before);
        expect(salvaged.leftOut).toEqual([]);
      }
      await rm(join(path, '.orch-work'), { recursive: true, force: true });
      expect(await photograph(path)).toEqual(untouched);
    }),
    { numRuns: 15 },
  );
}, 60_000);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function perform(kit: Kit, path: string, what: Step): Promise<void> {
  if (what.kind === 'commit') return void (await kit.tryGit(path, 'commit', '-qam', 'c'));
  if (what.kind === 'stage') return void (await kit.tryGit(path, 'add', '-A'));
  const place = Buffer.from(`${path}/${what.name}`, what.name.includes('\xff') ? 'latin1' : 'utf8');
  const open = await mkdir(place.subarray(0, place.lastIndexOf('/')), { recursive: true }).then(
    () => true,
    () => false, // a file is where the folder would be
  );
  if (!open) return;
  await rm(place, { recursive: true, force: true });
  if (what.kind === 'write') await writeFile(place, what.bytes, { mode: what.exec ? 0o755 : 0o644 });
  if (what.kind === 'link') await symlink(what.target, place);
}
