/** From a spec to a run directory and the supervisor's command line, or an error with nothing left behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { chmod, mkdir, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

import { AppError, messageOf } from '../core/errors.ts';
import { assert } from '../lib/assert.ts';
import { DIE_WITH_PARENT, type Isolation, SYSTEM_PATH } from './isolation.ts';
import { identify, type ProcessIdentity } from './processes.ts';
import { RUN_FORMAT } from './run-directories.ts';

export interface LaunchSpec {
  /** `run_812`; the agent finds it in `ORCH_RUN_ID`. */
  readonly runId: string;
  /** Absolute; used once. Made with mode 0700; may exist already, with a run.json that is replaced. */
  readonly directory: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  /** All of the agent's environment; to it come `ORCH_RUN_ID` and `TMPDIR`, and nothing else. */
  readonly env: Readonly<Record<string, string>>;
  /** Kept as prompt.md; empty: the agent reads /dev/null. */
  readonly stdin: string;
  readonly timeoutMs: number;
  /** How long run.log and stderr.log may both stay as they are; null: for ever. */
  readonly stallMs: number | null;
  /** Between SIGTERM to the agent alone and the end of everything. Agents need at least 5000. */
  readonly graceMs: number;
  readonly isolation: 'auto' | 'none';
  /** Goes into run.json as it is: facts that are no secrets. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** A run directory that only waits for its supervisor. */
export interface PreparedRun {
  readonly directory: string;
  readonly shell: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Takes everything away again. */
  discard(): Promise<void>;
}

/**
 * The first that exists. dash is small and tells death by a signal from an exit with 128 + n, as
 * busybox does; bash, which is /bin/sh on many systems, needs ten times the memory and does not.
 */
const SHELLS = ['/bin/dash', '/usr/bin/dash', '/bin/sh'] as const;
const SCRIPT = join(import.meta.dirname, 'supervisor.sh');
/** Where execvp looks when the agent's environment has no PATH. */
const DEFAULT_PATH = '/bin:/usr/bin';
/** Room reserved on disk for what the supervisor writes at the end, when the disk may be full. */
const RESERVED = `${' '.repeat(511)}\n`;

/** Present when the directory has been used for a run, or for the decision that there is none. */
const TRACES = ['prompt.md', 'supervisor.json', 'stop', 'exit.json'] as const;

/**
 * Variables that a shell reads or writes itself, or that would change how our own tools work. They
 * stay out of the supervisor's environment and reach the agent as arguments of env(1), where other
 * users can read them: none of them is a secret. All others are only ever passed as environment.
 */
const NOT_THROUGH_A_SHELL = new RegExp(
  `^(?:${[
    'PATH|TMPDIR|ORCH_RUN_ID|orch_.*',
    'PWD|OLDPWD|SHLVL|_|IFS|OPTIND|OPTARG|OPTERR|LINENO|PPID|PS[0-9]|ENV|CDPATH|MAIL.*|HIST.*|FCEDIT',
    'BASH.*|SHELLOPTS|POSIXLY_CORRECT|UID|EUID|GROUPS|RANDOM|SRANDOM|SECONDS|EPOCH.*|DIRSTACK|FUNCNAME',
    'HOSTNAME|HOSTTYPE|MACHTYPE|OSTYPE|COMP_.*|REPLY|PIPESTATUS|TIMEFORMAT|TERM|COLUMNS|LINES|FUNCNEST|GLOBIGNORE',
    'LD_.*|GLIBC_.*|LANG|LANGUAGE|LC_.*|LOCPATH|NLSPATH|GREP_.*|AWK.*|MAWK.*|BLOCKSIZE|BLOCK_SIZE|TIME_STYLE',
  ].join('|')})$`,
);
/** What shells put into the environment unasked, and the mark that tells the supervisor's processes. */
const NOT_FOR_THE_AGENT = ['PATH', 'PWD', 'OLDPWD', 'SHLVL', '_', 'orch_run_directory'];

export async function prepareRun(
  spec: LaunchSpec & { readonly mergeOutput?: boolean },
  isolation: Isolation,
): Promise<PreparedRun> {
  checkText(spec);
  checkCwd(spec.cwd);
  const command = findCommand(spec);

  const created = await mkdir(spec.directory, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new AppError(`the run directory ${spec.directory} cannot be made: ${messageOf(cause)}`, {
      code: 'launcher.directory_failed',
      hint: 'Make the runs folder (ORCH_RUNS_DIR) writable for the user that runs Orch, and look for free space.',
      cause,
    });
  });
  const directory = await realpath(spec.directory);
  for (const trace of TRACES) {
    if (existsSync(join(directory, trace))) throw directoryUsed(directory, trace);
  }

  const written: string[] = [];
  const discard = async (): Promise<void> => {
    for (const name of written) await rm(join(directory, name), { force: true, recursive: true });
    if (created !== undefined) await rm(created, { force: true, recursive: true });
  };
  const write = async (name: string, text: string): Promise<void> => {
    written.push(name);
    await writeFile(join(directory, name), text, { mode: 0o600 });
  };
  try {
    await chmod(directory, 0o700);
    // Exclusive: of two launches into one directory one finds it used.
    await writeFile(join(directory, 'prompt.md'), spec.stdin, { mode: 0o600, flag: 'wx' });
    written.push('prompt.md');
    for (const name of ['run.log', 'stderr.log', 'supervisor.log']) await write(name, '');
    for (const name of ['supervisor.json.tmp', 'exit.json.tmp', 'status']) await write(name, RESERVED);
    written.push('tmp');
    await mkdir(join(directory, 'tmp'), { recursive: true, mode: 0o700 });
    await write('run.json.tmp', `${JSON.stringify(describeRun(spec, isolation), null, 2)}\n`);
    await rename(join(directory, 'run.json.tmp'), join(directory, 'run.json'));
    written.push('run.json');
  } catch (cause) {
    if (isCode(cause, 'EEXIST') && !written.includes('prompt.md'))
      throw directoryUsed(directory, 'prompt.md');
    await discard();
    throw new AppError(`the run directory ${directory} cannot be filled: ${messageOf(cause)}`, {
      code: 'launcher.directory_failed',
      hint: 'Make the runs folder (ORCH_RUNS_DIR) writable for the user that runs Orch, and look for free space.',
      cause,
    });
  }

  const shell = SHELLS.find(isProgram) ?? SHELLS[2];
  const { throughShell, asArguments } = splitEnvironment(spec, directory);
  return {
    directory,
    shell,
    args: [
      SCRIPT,
      'supervise',
      isolation.kind === 'pid-namespace' ? 'namespace' : 'none',
      hundredths(spec.timeoutMs),
      spec.stallMs === null ? '0' : hundredths(spec.stallMs),
      hundredths(spec.graceMs),
      spec.stdin === '' ? '/dev/null' : 'prompt.md',
      spec.mergeOutput ? 'run.log' : 'stderr.log',
      isolation.pdeath ? 'yes' : '',
      ...(isolation.kind === 'pid-namespace' ? isolation.enter : isolation.pdeath ? DIE_WITH_PARENT : []),
      shell,
      SCRIPT,
      'init',
      spec.cwd,
      isolation.kind === 'process-tree' && isolation.pdeath ? 'yes' : '',
      ...NOT_FOR_THE_AGENT.flatMap((name) => ['-u', name]),
      '--',
      ...asArguments,
      ...command,
    ],
    env: { ...throughShell, PATH: SYSTEM_PATH, orch_run_directory: directory },
    discard,
  };
}

/** Starts the supervisor, in its own session, with no tie to this process. */
export async function startSupervisor(run: PreparedRun): Promise<ProcessIdentity> {
  try {
    const child = spawn(run.shell, run.args, {
      cwd: run.directory,
      env: run.env,
      detached: true,
      stdio: 'ignore',
    });
    // Before anything is awaited: while it is not reaped, its pid is its own.
    const identity = child.pid === undefined ? null : identify(child.pid);
    await once(child, 'spawn'); // or throws what 'error' brings
    child.unref();
    assert(child.pid !== undefined, 'a spawned process has a pid');
    // Ended within microseconds: an identity that no process can have.
    return identity ?? { bootId: '', pid: child.pid, startTime: '' };
  } catch (cause) {
    await run.discard();
    throw new AppError(`the run's supervisor cannot be started: ${messageOf(cause)}`, {
      code: 'launcher.spawn_failed',
      hint: isCode(cause, 'E2BIG')
        ? 'The command line is too long for this system: pass the prompt on stdin.'
        : `Check that ${run.shell} works and that the machine has free memory and processes ("ulimit -u").`,
      cause,
    });
  }
}

function directoryUsed(directory: string, trace: string): AppError {
  return new AppError(`the run directory ${directory} has been used already (it holds ${trace})`, {
    code: 'launcher.directory_used',
    hint: 'Every run needs a directory of its own: start a new run, and adopt or remove the old one.',
    facts: { directory, trace },
  });
}

function checkText({ runId, directory, argv, cwd, env }: LaunchSpec): void {
  const bad = (what: string, hint: string): AppError =>
    new AppError(what, { code: 'launcher.bad_argument', hint, facts: { runId } });
  if (!isAbsolute(directory))
    throw bad(`the run directory ${directory} is not absolute`, 'Give the whole path.');
  if (argv[0] === undefined || argv[0] === '') throw bad('the command is empty', 'Name the program to run.');
  for (const text of [runId, directory, cwd, ...argv, ...Object.values(env)]) {
    if (text.includes('\0'))
      throw bad('an argument or variable holds a NUL byte', 'No process can be given one: remove it.');
  }
  for (const name of Object.keys(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw bad(
        `the environment variable ${JSON.stringify(name)} has a name that does not survive a shell`,
        'Use only letters, digits and underscores in the names of env, env_file and account env.',
      );
    }
  }
}

function checkCwd(cwd: string): void {
  if (isAbsolute(cwd) && statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new AppError(`the working directory ${cwd} does not exist`, {
    code: 'launcher.cwd_missing',
    hint: 'The worktree was removed or its disk is not mounted: retry the task, it is made again.',
    facts: { cwd },
  });
}

/** The agent's command as env(1) is to start it, once it is sure that there is such a program. */
function findCommand({ argv, cwd, env }: LaunchSpec): readonly string[] {
  const [name = '', ...args] = argv;
  const candidates = name.includes('/')
    ? [resolve(cwd, name)]
    : (env['PATH'] ?? DEFAULT_PATH).split(delimiter).map((folder) => join(resolve(cwd, folder), name));
  const program = candidates.find(isProgram);
  if (program === undefined) {
    throw new AppError(`the program ${name} was not found, or may not be executed`, {
      code: 'launcher.spawn_failed',
      hint: name.includes('/')
        ? `Install it at ${candidates[0] ?? name}, or correct the path in the configuration.`
        : `Install ${name}, or name it by its whole path (an account's "bin", ORCH_CLAUDE_BIN).`,
      facts: { program: name, path: env['PATH'] ?? null },
    });
  }
  // env(1) would take a word with `=` for a variable; nice(1) passes it on.
  if (name.includes('=')) return [findTool('nice'), '-n', '0', program, ...args];
  return argv;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for us
  }
}

function findTool(name: string): string {
  const found = SYSTEM_PATH.split(delimiter)
    .map((folder) => join(folder, name))
    .find(isProgram);
  if (found !== undefined) return found;
  throw new AppError(`the system tool ${name} was not found`, {
    code: 'launcher.spawn_failed',
    hint: `Install ${name} (coreutils).`,
  });
}

function splitEnvironment(
  { runId, env }: LaunchSpec,
  directory: string,
): { throughShell: Record<string, string>; asArguments: string[] } {
  const throughShell: Record<string, string> = {};
  const asArguments: string[] = [];
  for (const [name, value] of Object.entries({
    ...env,
    ORCH_RUN_ID: runId,
    TMPDIR: join(directory, 'tmp'),
  })) {
    if (NOT_THROUGH_A_SHELL.test(name)) asArguments.push(`${name}=${value}`);
    else throughShell[name] = value;
  }
  return { throughShell, asArguments };
}

function describeRun(spec: LaunchSpec, isolation: Isolation): Record<string, unknown> {
  return {
    ...spec.about,
    format: RUN_FORMAT,
    runId: spec.runId,
    argv: spec.argv,
    cwd: spec.cwd,
    envNames: Object.keys(spec.env).sort(),
    limits: { timeoutMs: spec.timeoutMs, stallMs: spec.stallMs, graceMs: spec.graceMs },
    isolation: isolation.kind,
    launchedAt: Date.now(),
  };
}

function hundredths(ms: number): string {
  assert(Number.isFinite(ms) && ms >= 0, `a limit of ${ms} ms`);
  return String(Math.max(1, Math.ceil(ms / 10)));
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
