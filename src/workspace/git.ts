import type { Buffer } from 'node:buffer';
import { AppError } from '../core/errors.ts';
import type { ProgramEnd, runProgram } from '../lib/program.ts';

/** For work on this machine's disk. */
const LOCAL_TIMEOUT_MS = 300_000;
/** For fetch, push and ls-remote, which wait for someone else. */
export const NETWORK_TIMEOUT_MS = 600_000;
/** What one call may print before it is ended; a listing of half a million names fits. */
const MAX_OUTPUT_BYTES = 128 * 1024 * 1024;
const MAX_STDERR_BYTES = 1024 * 1024;
const SHOWN_STDERR_CHARS = 2000;

/**
 * Said on every call, above any configuration file: no hook, filter, helper, signature or background
 * job of anybody runs, and bytes are never translated behind our back.
 */
const FIXED_CONFIG: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.untrackedCache=false',
  'core.splitIndex=false',
  'core.sparseCheckout=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.autocrlf=false',
  'core.safecrlf=false',
  'core.fileMode=true',
  'core.symlinks=true',
  'core.commitGraph=false',
  'core.multiPackIndex=false',
  'core.alternateRefsCommand=true',
  'core.askPass=',
  'credential.helper=',
  'credential.interactive=never',
  'http.followRedirects=false',
  'http.cookieFile=',
  'protocol.ext.allow=never',
  'commit.gpgSign=false',
  'push.gpgSign=false',
  'log.showSignature=false',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'push.recurseSubmodules=no',
  'fetch.writeCommitGraph=false',
  // A salvage must survive a power cut, loose objects included; batched, this is one flush per call.
  'core.fsync=committed,loose-object',
  'core.fsyncMethod=batch',
  'gc.auto=0',
  'maintenance.auto=false',
  'safe.directory=*',
];

export interface GitCall {
  /** Always named, never discovered: discovery could find a directory that an agent wrote. */
  readonly gitDir?: string;
  readonly workTree?: string;
  readonly indexFile?: string;
  /** Where new objects go when not into the git directory's own store. */
  readonly objectDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: readonly string[];
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs?: number;
  /** Exit codes that are answers, not failures; default `[0]`. */
  readonly okCodes?: readonly number[];
  /** Cut the output at this size instead of failing. */
  readonly cutAtBytes?: number;
}

export interface GitOutput {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitCode: number;
  /** Only with `cutAtBytes`. */
  readonly cut: boolean;
}

export interface GitSettings {
  readonly bin: string;
  /** PATH of git and its children. */
  readonly path: string;
  /** An empty directory of ours. */
  readonly home: string;
  /** Our own global configuration file; git children that drop `-c` still read it. */
  readonly globalConfig: string;
  readonly run: typeof runProgram;
}

export type Git = (args: readonly string[], call: GitCall) => Promise<GitOutput>;

/** The one way git is started: own environment, fixed configuration, a time limit, bounded output. */
export function createGit(settings: GitSettings): Git {
  return async function git(args, call) {
    const ended = await settings.run(settings.bin, [...configArgs(call.config), ...args], {
      cwd: settings.home,
      env: environment(settings, call),
      timeoutMs: call.timeoutMs ?? LOCAL_TIMEOUT_MS,
      maxStdoutBytes: call.cutAtBytes ?? MAX_OUTPUT_BYTES,
      maxStderrBytes: MAX_STDERR_BYTES,
      ...(call.stdin === undefined ? {} : { stdin: call.stdin }),
    });
    const { stdout, exitCode, isTooLong, timedOut } = ended;
    const stderr = ended.stderr.toString('utf8');
    if (isTooLong && call.cutAtBytes !== undefined) return { stdout, stderr, exitCode: 0, cut: true };
    if (exitCode !== null && !isTooLong && !timedOut && (call.okCodes ?? [0]).includes(exitCode))
      return { stdout, stderr, exitCode, cut: false };
    throw failure(args[0] ?? '', stderr, ended);
  };
}

/** What git said, without its progress chatter and short enough to show. */
export function saidBy(stderr: string): string {
  const lines = stderr.split(/[\r\n]+/).map((line) => line.trim());
  const text = lines.filter((line) => line !== '' && !line.startsWith('hint:')).join('; ');
  return text.length > SHOWN_STDERR_CHARS ? `${text.slice(0, SHOWN_STDERR_CHARS)}...` : text;
}

/** What git said in a failure thrown here. */
export function saidIn(error: AppError): string {
  const stderr = error.facts['stderr'];
  return typeof stderr === 'string' && stderr !== '' ? stderr : error.message;
}

/** The output as one trimmed line of text. */
export function lineOf(output: GitOutput): string {
  return output.stdout.toString('utf8').trim();
}

function configArgs(extra: readonly string[] = []): string[] {
  return [...FIXED_CONFIG, ...extra].flatMap((entry) => ['-c', entry]);
}

function environment(settings: GitSettings, call: GitCall): Record<string, string> {
  return {
    PATH: settings.path,
    HOME: settings.home,
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    LANGUAGE: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: settings.globalConfig,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'false',
    SSH_ASKPASS: 'false',
    SSH_ASKPASS_REQUIRE: 'never',
    GIT_EDITOR: 'false',
    GIT_PAGER: 'cat',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_ALLOW_PROTOCOL: 'none',
    ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
    ...(call.workTree === undefined ? {} : { GIT_WORK_TREE: call.workTree }),
    ...(call.indexFile === undefined ? {} : { GIT_INDEX_FILE: call.indexFile }),
    ...(call.objectDir === undefined ? {} : { GIT_OBJECT_DIRECTORY: call.objectDir }),
    ...call.env,
  };
}

function failure(command: string, stderr: string, ended: ProgramEnd): AppError {
  const facts = {
    command,
    exitCode: ended.exitCode,
    signal: ended.signal,
    timedOut: ended.timedOut,
    stderr: saidBy(stderr),
  };
  if (ended.errorCode === 'ENOENT') {
    return new AppError('git was not found', {
      code: 'workspace.git_missing',
      hint: 'install git 2.38 or newer and put it on the PATH',
      facts,
    });
  }
  if (ended.timedOut)
    return new AppError(`git ${command} took too long and was ended`, {
      code: 'workspace.git_timeout',
      hint: 'see whether the disk or the remote hangs',
      facts,
    });
  if (ended.isTooLong)
    return new AppError(`git ${command} printed more than fits`, {
      code: 'workspace.git_output_too_large',
      hint: 'ignore generated files in .gitignore',
      facts,
    });
  const said =
    facts.stderr === ''
      ? `exit code ${ended.exitCode ?? 'none'}, signal ${ended.signal ?? 'none'}`
      : facts.stderr;
  return new AppError(`git ${command} failed: ${said}`, {
    code: 'workspace.git_failed',
    hint: "the words after the colon are git's own",
    facts,
  });
}
