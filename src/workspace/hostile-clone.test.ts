import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BRANCH, KEY, type Kit, openKit } from './test-kit.ts';

/** A clone whose agent has turned hostile, with a canary that every planted command would leave behind. */
async function hostile(
  files: Readonly<Record<string, string>> = {
    'README.md': 'first\n',
    'data.bin': 'data\n',
    'dir/file': 'x\n',
  },
) {
  const kit = await openKit(files);
  const { path, head: since } = await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
  const canary = join(kit.root, 'canary');
  const script = join(kit.root, 'planted.sh');
  await writeFile(script, `#!/bin/sh\necho "$0 $*" >> ${canary}\ncat 2>/dev/null\n`);
  await chmod(script, 0o755);
  const quiet = async () => expect(await readFile(canary, 'utf8').catch(() => '')).toBe('');
  return { kit, path, since, script, canary, quiet, bare: join(kit.reposDir, 'demo.git') };
}

/** Every operation that meets the clone, from taking the work to deleting the clone. */
async function everything(kit: Kit, path: string, since: string): Promise<string[]> {
  const outcomes: string[] = [];
  const note = (name: string, work: Promise<unknown>) =>
    work.then(
      (result) => outcomes.push(`${name}: ${(result as { kind?: string } | null)?.kind ?? 'ok'}`),
      (error: { code?: string }) => outcomes.push(`${name}: ${error.code ?? 'no code'}`),
    );
  await note('prepare', kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH }));
  await note('restoreWork', kit.workspace.restoreWork(kit.repo, KEY));
  await note('status', kit.workspace.status(kit.repo, { key: KEY, since }));
  await note(
    'take',
    kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'work' }),
  );
  await note('push', kit.workspace.push(kit.repo, BRANCH));
  await note('sync', kit.workspace.syncBranch(kit.repo, { key: KEY, branch: BRANCH }));
  await note('saveWork', kit.workspace.saveWork(kit.repo, KEY));
  await kit.write(path, { 'later.txt': 'later\n', 'data.bin': 'changed again\n' }).catch(() => undefined);
  await note('salvage', kit.workspace.salvage(kit.repo, { key: KEY, run: '1' }));
  await note('reset', kit.workspace.resetTo(kit.repo, { key: KEY, branch: BRANCH, run: '2', head: since }));
  await note('remove', kit.workspace.remove(kit.repo, { key: KEY, run: '3' }));
  return outcomes;
}

const FINE = [
  'prepare: ok',
  'restoreWork: ok',
  'status: ok',
  'take: taken',
  'push: pushed',
  'sync: up_to_date',
  'saveWork: ok',
  'salvage: ok',
  'reset: ok',
  'remove: ok',
];

describe('commands planted in a clone never run while Orch works on it', () => {
  // Together where git reads them all; apart where one would keep git from starting at all.
  const CONFIG: Readonly<Record<string, (script: string, kit: Kit) => Readonly<Record<string, string>>>> = {
    'commands of every kind': (script, kit) => ({
      'core.fsmonitor': script,
      'core.sshCommand': script,
      'core.gitProxy': script,
      'core.askPass': script,
      'core.alternateRefsCommand': script,
      'core.editor': script,
      'core.pager': script,
      'credential.helper': `!${script}`,
      'uploadpack.packObjectsHook': script,
      'diff.external': script,
      'diff.evil.textconv': script,
      'gpg.program': script,
      'commit.gpgSign': 'true',
      'filter.evil.clean': script,
      'filter.evil.smudge': script,
      'filter.evil.required': 'true',
      'merge.evil.driver': script,
      'trailer.evil.command': script,
      'include.path': join(kit.root, 'included'),
    }),
    'a filter process': (script) => ({ 'filter.evil.process': script, 'filter.evil.required': 'true' }),
    'remotes, rewritten URLs and a partial clone': (script, kit) => ({
      'remote.origin.url': `ext::${script}`,
      'remote.origin.uploadpack': script,
      'remote.origin.receivepack': script,
      'remote.origin.promisor': 'true',
      'extensions.partialClone': 'origin',
      'protocol.ext.allow': 'always',
      [`url.ext::${script}.insteadOf`]: kit.remote,
      [`url.ext::${script}.pushInsteadOf`]: kit.remote,
    }),
    'another working tree and object format': (_script, kit) => ({
      'core.worktree': join(kit.root, 'home'),
      'core.repositoryformatversion': '1',
      'extensions.objectFormat': 'sha256',
    }),
  };

  test.each(Object.keys(CONFIG))('configuration: %s', async (name) => {
    const { kit, path, since, script, quiet } = await hostile();
    await writeFile(
      join(kit.root, 'included'),
      `[core]\n\tfsmonitor = ${script}\n\thooksPath = ${kit.root}\n`,
    );
    await kit.write(path, {
      '.gitattributes': '* filter=evil diff=evil merge=evil\n',
      'data.bin': 'changed\n',
      '.orch-work/analysis.md': 'a',
    });
    const config = join(path, '.git/config');
    for (const [key, value] of Object.entries(CONFIG[name]?.(script, kit) ?? {}))
      await kit.git(kit.root, 'config', '--file', config, key, value);
    expect(await everything(kit, path, since)).toEqual(FINE);
    await quiet();
    expect(await kit.git(kit.remote, 'show', `${BRANCH}:data.bin`)).toBe('changed');
  });

  test("the canary itself works: the agent's own git does run the filter", async () => {
    const { kit, path, script, canary } = await hostile();
    await kit.git(path, 'config', 'filter.evil.clean', script);
    await kit.write(path, { '.gitattributes': '* filter=evil\n', 'data.bin': 'changed\n' });
    await kit.git(path, 'add', '-A');
    expect(await readFile(canary, 'utf8')).toContain('planted.sh');
  });

  test('hooks, in .git/hooks and by core.hooksPath', async () => {
    const { kit, path, since, script, quiet } = await hostile();
    const names = [
      'post-checkout',
      'pre-push',
      'pre-commit',
      'post-commit',
      'commit-msg',
      'prepare-commit-msg',
      'post-index-change',
      'reference-transaction',
      'post-merge',
      'post-rewrite',
      'pre-auto-gc',
      'fsmonitor-watchman',
      'update',
      'pre-receive',
    ];
    const elsewhere = join(kit.root, 'hooks');
    await mkdir(elsewhere);
    for (const name of names) {
      await symlink(script, join(path, '.git/hooks', name));
      await symlink(script, join(elsewhere, name));
    }
    await kit.write(path, { 'data.bin': 'changed\n', '.orch-work/a.md': 'a' });
    await kit.git(kit.root, 'config', '--file', join(path, '.git/config'), 'core.hooksPath', elsewhere);
    expect(await everything(kit, path, since)).toEqual(FINE);
    await quiet();
  });

  test('insteadOf neither diverts a push nor a fetch', async () => {
    const { kit, path, since } = await hostile();
    const thief = join(kit.root, 'thief.git');
    await kit.git(kit.root, 'init', '-q', '--bare', thief);
    await kit.git(path, 'config', `url.${thief}.insteadOf`, kit.remote);
    await kit.git(path, 'config', `url.${thief}.pushInsteadOf`, kit.remote);
    await kit.git(path, 'remote', 'add', 'origin', thief);
    await kit.write(path, { 'data.bin': 'changed\n' });
    expect(await everything(kit, path, since)).toEqual(FINE);
    expect(await kit.git(thief, 'for-each-ref')).toBe('');
    expect(await kit.git(kit.remote, 'show', `${BRANCH}:data.bin`)).toBe('changed');
  });

  test('submodules and nested repositories with hostile configuration and URLs', async () => {
    const { kit, path, since, script, quiet } = await hostile();
    const nested = join(path, 'nested');
    await kit.write(nested, { 'in.txt': 'in\n' });
    await kit.git(nested, 'init', '-q');
    await kit.git(nested, 'add', '.');
    await kit.git(nested, 'commit', '-qm', 'in');
    await kit.git(path, 'add', 'nested');
    await kit.write(path, {
      '.gitmodules': `[submodule "nested"]\n\tpath = nested\n\turl = https://127.0.0.1:1/evil\n\tupdate = !${script}\n`,
    });
    await kit.git(path, 'add', '.gitmodules');
    await kit.git(path, 'commit', '-qm', 'submodule');
    await kit.git(nested, 'config', 'core.fsmonitor', script);
    await kit.write(nested, { 'in.txt': 'dirty\n' });
    const outcomes = await everything(kit, path, since);
    expect(outcomes).toContain('take: refused');
    expect(outcomes).toContain('remove: ok');
    await quiet();
  });

  test('a harmless submodule commit is taken; its own changes are not looked into', async () => {
    const { kit, path, since, script, quiet } = await hostile();
    const nested = join(path, 'nested');
    await kit.write(nested, { 'in.txt': 'in\n' });
    await kit.git(nested, 'init', '-q');
    await kit.git(nested, 'add', '.');
    await kit.git(nested, 'commit', '-qm', 'in');
    await kit.write(path, {
      '.gitmodules': '[submodule "nested"]\n\tpath = nested\n\turl = https://127.0.0.1:1/x\n',
    });
    await kit.git(path, 'add', '-A');
    await kit.git(path, 'commit', '-qm', 'submodule');
    await kit.git(nested, 'config', 'core.fsmonitor', script);
    await kit.write(nested, { 'in.txt': 'dirty\n' });
    expect(await everything(kit, path, since)).toEqual(FINE);
    await quiet();
  });
});

describe('a tampered git directory', () => {
  const BROKEN: Readonly<Record<string, (path: string, kit: Kit) => Promise<void>>> = {
    '.git is a symlink': async (path, kit) => {
      await rename(join(path, '.git'), join(kit.root, 'moved.git'));
      await symlink(join(kit.root, 'moved.git'), join(path, '.git'));
    },
    '.git is a file': async (path, kit) => {
      await rename(join(path, '.git'), join(kit.root, 'moved.git'));
      await writeFile(join(path, '.git'), `gitdir: ${kit.root}/moved.git\n`);
    },
    '.git is gone': async (path) => rm(join(path, '.git'), { recursive: true }),
    'HEAD is a symlink': async (path, kit) => {
      await unlink(join(path, '.git/HEAD'));
      await symlink(join(kit.reposDir, 'demo.git/HEAD'), join(path, '.git/HEAD'));
    },
    'HEAD is a pipe': async (path, kit) => {
      await unlink(join(path, '.git/HEAD'));
      await kit.git(kit.root, '-c', `alias.pipe=!mkfifo ${path}/.git/HEAD`, 'pipe');
    },
    'HEAD names a path outside': async (path) =>
      writeFile(join(path, '.git/HEAD'), 'ref: refs/heads/../../../../secret\n'),
    'the ref is a symlink': async (path, kit) => {
      await writeFile(join(kit.root, 'elsewhere'), `${'a'.repeat(40)}\n`);
      await unlink(join(path, `.git/refs/heads/${BRANCH}`));
      await symlink(join(kit.root, 'elsewhere'), join(path, `.git/refs/heads/${BRANCH}`));
    },
    'the folder of the ref is a symlink': async (path, kit) => {
      await rename(join(path, '.git/refs/heads/orch'), join(kit.root, 'orch-refs'));
      await symlink(join(kit.root, 'orch-refs'), join(path, '.git/refs/heads/orch'));
    },
    'the ref is symbolic': async (path) =>
      writeFile(join(path, `.git/refs/heads/${BRANCH}`), 'ref: refs/heads/other\n'),
    'objects is a symlink': async (path, kit) => {
      await rename(join(path, '.git/objects'), join(kit.root, 'objects'));
      await symlink(join(kit.root, 'objects'), join(path, '.git/objects'));
    },
  };

  test.each(Object.keys(BROKEN))(
    '%s: nothing is taken, the files are salvaged, a reset repairs it',
    async (name) => {
      const { kit, path, since, bare } = await hostile();
      await kit.write(path, { 'data.bin': 'changed\n', 'new.txt': 'new\n' });
      await BROKEN[name]?.(path, kit);
      await expect(kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH })).rejects.toMatchObject({
        code: 'workspace.clone_broken',
      });
      expect(
        await kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'm' }),
      ).toMatchObject({ kind: 'refused' });
      const { salvaged } = await kit.workspace.resetTo(kit.repo, {
        key: KEY,
        branch: BRANCH,
        run: '1',
        head: since,
      });
      expect(salvaged?.problems).toHaveLength(1);
      expect(await kit.git(bare, 'show', `${salvaged?.ref}:new.txt`)).toBe('new');
      expect(await kit.git(bare, 'show', `${salvaged?.ref}:data.bin`)).toBe('changed');
      expect(await kit.git(path, 'status', '--porcelain')).toBe('');
      expect(await kit.head(path)).toBe(since);
      await kit.write(path, { 'data.bin': 'again\n' });
      expect(
        await kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '2', since, message: 'm' }),
      ).toMatchObject({ kind: 'taken' });
    },
  );

  test('refs named like ours, and a moved main, change nothing outside the clone', async () => {
    const { kit, path, since, bare } = await hostile();
    await kit.git(path, 'commit', '--allow-empty', '-qm', 'mine');
    const mine = await kit.head(path);
    for (const ref of [
      'refs/heads/main',
      'refs/remotes/origin/main',
      'refs/orch/salvage/1',
      'refs/orch/work/DEMO-1',
      `refs/orch/pushed/${BRANCH}`,
      `refs/orch/people/${BRANCH}`,
      'refs/tags/v1',
      `refs/replace/${since}`,
    ]) {
      await kit.git(path, 'update-ref', ref, mine);
    }
    await kit.git(path, 'pack-refs', '--all');
    const before = await kit.git(bare, 'for-each-ref');
    expect(
      await kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'm' }),
    ).toMatchObject({ kind: 'taken', head: mine });
    expect(await kit.git(bare, 'for-each-ref')).toBe(
      before.replace(`${since} commit\trefs/heads/${BRANCH}`, `${mine} commit\trefs/heads/${BRANCH}`),
    );
    expect(await kit.head(kit.remote, 'main')).toBe(since);
  });

  test('history that is only pretended (grafts, replacements, a shallow mark) is not believed', async () => {
    const { kit, path, since } = await hostile();
    const tree = await kit.git(path, 'rev-parse', 'HEAD^{tree}');
    const orphan = await kit.git(path, 'commit-tree', '-m', 'orphan', tree);
    const honest = await kit.git(path, 'commit-tree', '-p', since, '-m', 'honest', tree);
    await kit.git(path, 'update-ref', `refs/heads/${BRANCH}`, orphan);
    await kit.git(path, 'replace', orphan, honest);
    await writeFile(join(path, '.git/info/grafts'), `${orphan} ${since}\n`);
    expect(await kit.git(path, 'rev-list', '--count', 'HEAD')).toBe('2');
    await writeFile(join(path, '.git/shallow'), `${orphan}\n`);
    expect(
      await kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'm' }),
    ).toMatchObject({ kind: 'diverged', missing: since });
    expect(await kit.workspace.status(kit.repo, { key: KEY, since })).toMatchObject({ rewritten: true });
  });

  test('alternates that point elsewhere are put back, so a missing object is missing', async () => {
    const { kit, path, since } = await hostile();
    const other = await kit.person('other-project');
    await kit.write(other, { 'secret.txt': 'of another project' });
    await kit.git(other, 'add', '-A');
    await kit.git(other, 'commit', '-qm', 'secret');
    const secret = await kit.git(other, 'rev-parse', 'HEAD^{tree}');
    await writeFile(
      join(path, '.git/objects/info/alternates'),
      `${kit.reposDir}/demo.git/objects\n${other}/.git/objects\n`,
    );
    const stolen = await kit.git(path, 'commit-tree', '-p', since, '-m', 'stolen', secret);
    await kit.git(path, 'update-ref', `refs/heads/${BRANCH}`, stolen);
    expect(
      await kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'm' }),
    ).toMatchObject({ kind: 'refused' });
  });

  test('malformed objects are refused, and still salvaged', async () => {
    const { kit, path, since, bare } = await hostile();
    const blob = await kit.git(path, 'hash-object', '-w', 'README.md');
    await writeFile(
      join(kit.root, 'bad-tree'),
      Buffer.concat([Buffer.from('100644 .git\0'), Buffer.from(blob, 'hex')]),
    );
    const tree = await kit.git(
      path,
      'hash-object',
      '--literally',
      '-t',
      'tree',
      '-w',
      join(kit.root, 'bad-tree'),
    );
    const bad = await kit.git(path, 'commit-tree', '-p', since, '-m', 'bad', tree);
    await kit.git(path, 'update-ref', `refs/heads/${BRANCH}`, bad);
    expect(
      await kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'm' }),
    ).toMatchObject({ kind: 'refused', reason: expect.stringContaining('hasDotgit') });
    const { salvaged } = await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
    expect(salvaged?.problems[0]).toContain('malformed but kept');
    expect(await kit.git(bare, 'rev-list', salvaged?.ref ?? '')).toContain(bad);
  });

  test("flags in the clone's index hide no change", async () => {
    const { kit, path, since, bare } = await hostile();
    await kit.git(path, 'update-index', '--assume-unchanged', 'data.bin');
    await kit.git(path, 'update-index', '--skip-worktree', 'README.md');
    await kit.write(path, { 'data.bin': 'hidden\n', 'README.md': 'hidden too\n' });
    expect(await kit.git(path, 'status', '--porcelain')).toBe('');
    expect(await kit.workspace.status(kit.repo, { key: KEY, since })).toMatchObject({
      changedPaths: ['README.md', 'data.bin'],
    });
    expect(
      await kit.workspace.take(kit.repo, { key: KEY, branch: BRANCH, run: '1', since, message: 'm' }),
    ).toMatchObject({ kind: 'taken' });
    expect(await kit.git(bare, 'show', `${BRANCH}:data.bin`)).toBe('hidden');
  });

  test('folders of .git that became symlinks lead no write outside', async () => {
    const { kit, path, since } = await hostile();
    const outside = join(kit.root, 'outside');
    for (const name of ['info', 'refs/remotes', 'objects/info/alternates', 'index', 'ORIG_HEAD']) {
      const target = join(outside, name.replaceAll('/', '-'));
      await kit.write(target, { exclude: 'precious', 'origin/main': 'precious', alternates: 'precious' });
      await rm(join(path, '.git', name), { recursive: true, force: true });
      await symlink(
        name.includes('alternates') || name === 'index' ? join(target, 'exclude') : target,
        join(path, '.git', name),
      );
    }
    await kit.write(path, { 'data.bin': 'changed\n' });
    await kit.workspace.prepare(kit.repo, { key: KEY, branch: BRANCH });
    const request = { key: KEY, branch: BRANCH, run: '1', since, message: 'm' };
    expect(await kit.workspace.take(kit.repo, request)).toMatchObject({ kind: 'taken' });
    await kit.workspace.remove(kit.repo, { key: KEY, run: '1' });
    for (const entry of await readdir(outside, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).toBe('precious');
    }
    expect(await readdir(outside, { recursive: true })).toHaveLength(5 + 5 * 4);
  });

  test('a reset and a removal follow no symlink out of the clone', async () => {
    const { kit, path, since } = await hostile();
    const outside = join(kit.root, 'outside');
    await kit.write(outside, { file: 'precious', 'sub/other': 'precious' });
    await rm(join(path, 'dir'), { recursive: true });
    await symlink(outside, join(path, 'dir'));
    await symlink(outside, join(path, 'untracked-link'));
    await rm(join(path, '.git/refs'), { recursive: true });
    await symlink(outside, join(path, '.git/refs'));
    await symlink(outside, join(path, '.orch-work'));
    await kit.workspace.restoreWork(kit.repo, KEY);
    await kit.workspace.resetTo(kit.repo, { key: KEY, branch: BRANCH, run: '1', head: since });
    expect(await readFile(join(path, 'dir/file'), 'utf8')).toBe('x\n');
    await symlink(outside, join(path, 'again'));
    await kit.workspace.remove(kit.repo, { key: KEY, run: '2' });
    expect(await readdir(outside)).toEqual(['file', 'sub']);
    expect(await readFile(join(outside, 'file'), 'utf8')).toBe('precious');
    await symlink(outside, path);
    await kit.workspace.remove(kit.repo, { key: KEY, run: '3' });
    expect(await readdir(outside)).toEqual(['file', 'sub']);
    await expect(readlink(path)).rejects.toThrow();
  });
});
