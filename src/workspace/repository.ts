import { randomBytes } from 'node:crypto';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { NamedMutex } from '../lib/mutex.ts';
import { runProgram } from '../lib/program.ts';
import { askpassEnv, writeAskpass, writeOurs } from './askpass.ts';
import {
  createGit,
  type Git,
  type GitCall,
  type GitOutput,
  lineOf,
  NETWORK_TIMEOUT_MS,
  saidIn,
} from './git.ts';
import { checkProject } from './names.ts';
import { type Credentials, parseRemoteUrl, type RemoteUrl } from './url.ts';

/** A project's repository as configured. */
export interface Repository {
  readonly project: string;
  readonly url: string;
  /** The branch that work starts from and is merged into. */
  readonly base: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly credentials?: Credentials;
}

export interface WorkspaceOptions {
  readonly reposDir: string;
  readonly worktreesDir: string;
  /** Default `git`. */
  readonly gitBin?: string;
  /** PATH of git and its children; the process's own environment is never passed on. */
  readonly path?: string;
  /** Where Orch keeps the askpass script and git's empty home; default `<reposDir>/.orch`. */
  readonly askpassDir?: string;
  /** Where slots are claimed; default `<worktreesDir>/.slots`. Shared by all that may use the same ports. */
  readonly slotsDir?: string;
  /** For fetch and push only: proxy variables, `SSH_AUTH_SOCK`, and how ssh is called. */
  readonly network?: { readonly env?: Readonly<Record<string, string>>; readonly sshCommand?: string };
  /** How git is started; default on the event loop. */
  readonly run?: typeof runProgram;
}

/** What every part of the workspace works with. */
export interface Context {
  readonly reposDir: string;
  readonly worktreesDir: string;
  readonly supportDir: string;
  readonly slotsDir: string;
  readonly home: string;
  readonly globalConfig: string;
  readonly git: Git;
  readonly locks: NamedMutex;
  /** What was last read of a base, by what it is; see `readOnce`. */
  readonly read: Map<string, { readonly commit: string; readonly result: Promise<unknown> }>;
  readonly network: NonNullable<WorkspaceOptions['network']>;
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_SSH = 'ssh -o BatchMode=yes -o ConnectTimeout=20';
/** `safe.directory`: a repository on a shared disk may belong to another user; the URL is the operator's word. */
const GLOBAL_CONFIG = '[safe]\n\tdirectory = *\n[gc]\n\tauto = 0\n';
const BARE_CONFIG = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[remote "origin"]
	fetch = +refs/heads/*:refs/remotes/origin/*
[gc]
	auto = 0
[maintenance]
	auto = false
`;

export function createContext(options: WorkspaceOptions): Context {
  const supportDir = options.askpassDir ?? join(options.reposDir, '.orch');
  const home = join(supportDir, 'home');
  const globalConfig = join(supportDir, 'gitconfig');
  const git = createGit({
    bin: options.gitBin ?? 'git',
    path: options.path ?? DEFAULT_PATH,
    home,
    globalConfig,
    run: options.run ?? runProgram,
  });
  return {
    reposDir: options.reposDir,
    worktreesDir: options.worktreesDir,
    supportDir,
    slotsDir: options.slotsDir ?? join(options.worktreesDir, '.slots'),
    home,
    globalConfig,
    git,
    locks: new NamedMutex(),
    read: new Map(),
    network: options.network ?? {},
  };
}

export function barePath(context: Context, project: string): string {
  return join(context.reposDir, `${checkProject(project)}.git`);
}

/** What one commit holds never changes, and the base moves seldom: what was last read of it is not read again. */
export function readOnce<T>(
  context: Context,
  what: string,
  commit: string,
  read: () => Promise<T>,
): Promise<T> {
  const known = context.read.get(what);
  if (known?.commit === commit) return known.result as Promise<T>;
  const result = read();
  context.read.set(what, { commit, result });
  result.catch(() => {
    if (context.read.get(what)?.result === result) context.read.delete(what); // read it again
  });
  return result;
}

/** Git in the project's bare repository, on this machine only. */
export function inBare(
  context: Context,
  project: string,
  args: readonly string[],
  call: GitCall = {},
): Promise<GitOutput> {
  return context.git(args, { ...call, gitDir: barePath(context, project) });
}

/** The files of ours that git needs; written anew when someone changed them. Safe to repeat. */
export async function ensureSupport(context: Context): Promise<void> {
  await mkdir(context.home, { recursive: true });
  await writeOurs(context.globalConfig, GLOBAL_CONFIG);
}

/**
 * The bare repository, made on first use. Its configuration is put back each time, so that nothing
 * written into it can divert a later fetch or push.
 */
export async function ensureBare(context: Context, project: string): Promise<string> {
  await ensureSupport(context);
  const path = barePath(context, project);
  if (!(await exists(join(path, 'HEAD')))) {
    const draft = join(context.reposDir, `.draft-${randomBytes(6).toString('hex')}.git`);
    await context.git(['init', '--quiet', '--bare', '--template=', '--initial-branch=none', '--', draft], {});
    await rename(draft, path).catch(async (error: unknown) => {
      await rm(draft, { recursive: true, force: true });
      if (!(await exists(join(path, 'HEAD')))) throw error; // another process may have made it first
    });
  }
  await writeOurs(join(path, 'config'), BARE_CONFIG, 0o644);
  return path;
}

/**
 * Brings `refs/remotes/origin/*` to what the configured URL has now. Our own refs (task branches,
 * `refs/orch/*`) are outside the refspec, so a branch deleted there never deletes work here.
 * Throws `workspace.clone_failed` the first time, `workspace.fetch_failed` later. Call it locked.
 */
export async function fetchRemote(context: Context, repo: Repository): Promise<void> {
  await ensureBare(context, repo.project);
  const remote = parseRemoteUrl(repo.url, repo.credentials);
  const args = [
    'fetch',
    '--quiet',
    '--prune',
    '--no-write-fetch-head',
    '--no-auto-maintenance',
    '--no-recurse-submodules',
    '--',
    remote.url,
    '+refs/heads/*:refs/remotes/origin/*',
  ];
  try {
    await overNetwork(context, repo, remote, args);
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'workspace.git_missing') throw error;
    throw await fetchError(context, repo, remote, error);
  }
}

/** Git that talks to the configured URL: the only calls that carry credentials. */
export async function overNetwork(
  context: Context,
  repo: Repository,
  remote: RemoteUrl,
  args: readonly string[],
  call: GitCall = {},
): Promise<GitOutput> {
  const script = await writeAskpass(context.supportDir);
  const env = {
    ...context.network.env,
    GIT_SSH_COMMAND: context.network.sshCommand ?? DEFAULT_SSH,
    GIT_ALLOW_PROTOCOL: remote.protocol,
    ...askpassEnv(script, remote),
  };
  const output = await inBare(context, repo.project, args, { timeoutMs: NETWORK_TIMEOUT_MS, ...call, env });
  // Git only warns that it brought nothing: what was fetched before would pass for what is there now.
  if (SHALLOW.test(output.stderr))
    throw new AppError(`git ${args[0]} brought nothing: the history of the remote is cut off`, {
      code: 'workspace.git_failed',
      facts: {
        stderr: `its history is cut off (shallow): ${output.stderr.trim()}`,
        exitCode: output.exitCode,
      },
    });
  return output;
}

/** Hides the password wherever git repeats it. */
export function masked(text: string, remote: RemoteUrl): string {
  const password = remote.credentials?.password.reveal() ?? '';
  return password === ''
    ? text
    : text.replaceAll(password, '[secret]').replaceAll(encodeURIComponent(password), '[secret]');
}

const SHALLOW = /shallow roots are not allowed/;

/** What to do about git's words on a remote, as far as they are known. */
export function remoteHint(said: string, remote: RemoteUrl): string {
  if (
    /Authentication failed|could not read (?:Username|Password)|Invalid username|403|401|Permission denied/i.test(
      said,
    )
  ) {
    return remote.protocol === 'ssh'
      ? 'check the ssh key and known_hosts of the user that runs Orch'
      : 'check the token and that it may read and write this repository';
  }
  if (/not found|does not exist|does not appear to be a git repository|No such file/i.test(said))
    return 'check the URL of the project and that the repository exists';
  if (SHALLOW.test(said)) return 'the repository there was cloned with --depth: git fetch --unshallow in it';
  if (/redirect/i.test(said)) return 'the server redirects; configure the final URL';
  if (/Host key verification failed/i.test(said))
    return 'add the host to known_hosts: run `ssh` to it once as the user that runs Orch';
  return 'check that the repository can be reached: git ls-remote with this URL';
}

async function fetchError(
  context: Context,
  repo: Repository,
  remote: RemoteUrl,
  error: AppError,
): Promise<AppError> {
  const said = masked(saidIn(error), remote);
  const known =
    lineOf(await inBare(context, repo.project, ['for-each-ref', '--count=1', 'refs/remotes/origin'])) !== '';
  return new AppError(`cannot ${known ? 'fetch from' : 'clone'} ${remote.url}: ${said}`, {
    code: known ? 'workspace.fetch_failed' : 'workspace.clone_failed',
    hint: remoteHint(said, remote),
    facts: { url: remote.url, exitCode: error.facts['exitCode'], timedOut: error.facts['timedOut'] },
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
