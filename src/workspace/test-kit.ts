import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { openWorkspace, type Repository, type Workspace } from './workspace.ts';

/** Real git and real repositories for the tests of this folder. */
export interface Kit {
  readonly root: string;
  readonly reposDir: string;
  readonly worktreesDir: string;
  /** A bare repository with one commit on `main`. */
  readonly remote: string;
  readonly repo: Repository;
  readonly workspace: Workspace;
  /** Git as a person or an agent runs it: with the directory's own configuration and hooks. */
  git(cwd: string, ...args: string[]): Promise<string>;
  /** Git that may fail; its exit code and words. */
  tryGit(cwd: string, ...args: string[]): Promise<{ code: number; output: string }>;
  write(dir: string, files: Readonly<Record<string, string>>): Promise<void>;
  /** A person's clone of the remote. */
  person(name: string): Promise<string>;
  head(dir: string, ref?: string): Promise<string>;
}

export const FIRST_FILES: Readonly<Record<string, string>> = {
  'README.md': 'first\n',
  'src/app.js': 'one\ntwo\nthree\n',
  '.gitignore': 'ignored/\n*.log\n',
};

const run = promisify(execFile);

/** Git flushes each ref to the disk, and these tests write thousands: memory, where scripts may run there. */
const fastFolder: Promise<string> = (async () => {
  const dir = await mkdtemp('/dev/shm/orch-probe-').catch(() => null); // no such folder, or not ours to use
  if (dir === null) return tmpdir();
  try {
    await writeFile(join(dir, 'probe.sh'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    return await run(join(dir, 'probe.sh')).then(
      () => '/dev/shm',
      () => tmpdir(), // mounted noexec
    );
  } finally {
    await rm(dir, { recursive: true });
  }
})();

export async function openKit(files: Readonly<Record<string, string>> = FIRST_FILES): Promise<Kit> {
  const root = await mkdtemp(join(await fastFolder, 'orch-workspace-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const home = join(root, 'home');
  await mkdir(home);
  await writeFile(
    join(home, '.gitconfig'),
    '[user]\n\tname = Mara\n\temail = mara@example.org\n[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n',
  );
  const env = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    LANG: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
  };
  const git = async (cwd: string, ...args: string[]) => (await run('git', args, { cwd, env })).stdout.trim();
  const tryGit = async (cwd: string, ...args: string[]) => {
    try {
      const { stdout, stderr } = await run('git', args, { cwd, env });
      return { code: 0, output: stdout + stderr };
    } catch (error) {
      const failed = error as { code: number; stdout: string; stderr: string };
      return { code: failed.code, output: failed.stdout + failed.stderr };
    }
  };
  const write = async (dir: string, content: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(content)) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text);
    }
  };
  const remote = join(root, 'remote.git');
  await git(root, 'init', '--quiet', '--bare', '--template=', '--initial-branch=main', remote);
  await mkdir(join(remote, 'hooks'));
  const reposDir = join(root, 'repos');
  const worktreesDir = join(root, 'worktrees');
  const person = async (name: string) => {
    const dir = join(root, name);
    await git(root, 'clone', '--quiet', remote, dir);
    return dir;
  };
  const head = (dir: string, ref = 'HEAD') => git(dir, 'rev-parse', ref);
  if (Object.keys(files).length > 0) {
    const seed = join(root, 'seed');
    await write(seed, files);
    const first = ['--git-dir', remote, '--work-tree', seed];
    await git(seed, ...first, 'add', '--all', '--force');
    await git(seed, ...first, 'commit', '--quiet', '-m', 'first');
    await rm(seed, { recursive: true });
    await rm(join(remote, 'index'));
  }
  const repo: Repository = {
    project: 'demo',
    url: remote,
    base: 'main',
    author: { name: 'Orch', email: 'orch@example.org' },
  };
  const workspace = openWorkspace({ reposDir, worktreesDir });
  return { root, reposDir, worktreesDir, remote, repo, workspace, git, tryGit, write, person, head };
}

export const KEY = 'DEMO-1';
export const BRANCH = 'orch/demo-1-title';
