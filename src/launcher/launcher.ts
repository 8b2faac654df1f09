/**
 * Runs an agent so that it outlives us. Each run has a small detached supervisor (supervisor.sh)
 * that owns the agent, its log files, its limits and its exit record; this side only starts it,
 * watches, asks it to end the run, and, when it is gone, makes sure that nothing is left.
 *
 * A run directory: `run.json` (what was started), `prompt.md` (stdin), `run.log`, `stderr.log`,
 * `supervisor.json` (who owns the run), `stop` (it is to end, and why), `exit.json` (how it ended).
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { link, open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '../core/errors.ts';
import type { ProcessEnd, StoppedBy } from '../core/failure.ts';
import { findIsolation } from './isolation.ts';
import { type LaunchSpec, prepareRun, startSupervisor } from './prepare.ts';
import { isAlive, isPidUsed, killLeftovers, type ProcessIdentity, signalProcess } from './processes.ts';
import { refuseNewerFormat } from './run-directories.ts';

export type { LaunchSpec } from './prepare.ts';

/** Instants are epoch milliseconds. */
export interface ExitRecord extends ProcessEnd {
  readonly startedAt: number;
  readonly endedAt: number;
}

export interface LiveRun {
  readonly directory: string;
  /** Of the supervisor. */
  readonly pid: number;
  /**
   * How the run ended, within a quarter of a second; `vanished` when the supervisor went without a
   * record, after all that was left of the run has been killed. Watching keeps no process alive.
   * Rejects with `launcher.unkillable` when the kernel does not end what was killed.
   */
  readonly ended: Promise<ExitRecord>;
  /**
   * Ends the run and returns when it has ended: SIGTERM to the agent, the grace, then everything;
   * `now` leaves out the grace. Safe to repeat, also with `now` after without; the first `by` stays.
   */
  stop(by: StoppedBy, options?: { readonly now?: boolean }): Promise<void>;
  /** When the agent last wrote a byte; null: never. */
  lastOutputAt(): Promise<number | null>;
}

export type Adoption =
  | { readonly kind: 'live'; readonly run: LiveRun }
  | { readonly kind: 'ended'; readonly exit: ExitRecord }
  /** No record; nothing of the run is alive, and nothing of it can start any more. */
  | { readonly kind: 'gone' };

export type IsolationProbe =
  | { readonly kind: 'pid-namespace' }
  | { readonly kind: 'process-tree'; readonly why: string };

export interface CommandSpec {
  /** For `sh -c`. */
  readonly command: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly directory: string;
  readonly runId: string;
  readonly isolation: 'auto' | 'none';
  /** Aborting it stops the command (`cancel`). */
  readonly signal?: AbortSignal;
}

const POLL_MS = 200;
const POLLS_PER_LOOK = 5;
/** Beyond the grace, how long a supervisor may take to end a run before it is killed itself. */
const SUPERVISOR_LIMIT_MS = 5_000;
const COMMAND_GRACE_MS = 5_000;
const TAIL_BYTES = 256 * 1024;

/**
 * Starts a run. Throws `launcher.*` (`spawn_failed`: no such program; `cwd_missing`,
 * `directory_used`, `directory_failed`, `bad_argument`, `unsupported`) with nothing left behind.
 */
export async function launch(spec: LaunchSpec): Promise<LiveRun> {
  return start(spec, false);
}

/**
 * What became of the run in `directory`, for a process that did not start it, or did and crashed.
 * Safe at any moment of a launch that was interrupted: after `gone` its agent cannot start. Throws
 * `run.newer_format` when a newer build started it, with nothing ended.
 */
export async function adopt(directory: string): Promise<Adoption> {
  assertSupported();
  const real = await realpath(directory).catch(() => null);
  if (real === null) return { kind: 'gone' };
  refuseNewerFormat(real);
  const known = await lookAt(real);
  if (known !== null) return known;

  // A supervisor that has not recorded itself yet may be on its way. It looks for the marker after
  // it has, and we look for its record after the marker is there: one of the two sees the other.
  await writeMarker(real, 'outside', false);
  const late = await lookAt(real);
  if (late?.kind === 'live') await late.run.stop('outside', { now: true });
  await killLeftovers(real, readIdentity(real));
  const exit = readExit(real);
  await removeTemporary(real);
  return exit === null ? { kind: 'gone' } : { kind: 'ended', exit };
}

/** Whether the supervisor that recorded itself there lives; looks only. */
export function hasLiveSupervisor(directory: string): boolean {
  const supervisor = readIdentity(directory);
  return supervisor !== null && isAlive(supervisor);
}

/** Whether `isolation: auto` gets a PID namespace here. Costs about 10 ms; keep the answer. */
export async function probeIsolation(): Promise<IsolationProbe> {
  assertSupported();
  const isolation = await findIsolation('auto');
  return isolation.kind === 'pid-namespace'
    ? { kind: isolation.kind }
    : { kind: isolation.kind, why: isolation.why };
}

/**
 * Runs a setup, check or deploy command to its end, with the limits and the fence of an agent's
 * run. Its stdout and stderr are merged into run.log; `outputTail` is the end of that.
 */
export async function runCommand(spec: CommandSpec): Promise<{ exit: ExitRecord; outputTail: string }> {
  const { command, signal, ...rest } = spec;
  signal?.throwIfAborted();
  const run = await start(
    {
      ...rest,
      argv: ['/bin/sh', '-c', '--', command],
      stdin: '',
      stallMs: null,
      graceMs: COMMAND_GRACE_MS,
      about: { command },
    },
    true,
  );
  const cancel = (): void => void run.stop('cancel').catch(() => undefined); // `ended` rejects with the same
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel);
  try {
    const exit = await keepAwake(run.ended);
    return { exit, outputTail: await readTail(join(run.directory, 'run.log')) };
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

async function start(spec: LaunchSpec, mergeOutput: boolean): Promise<LiveRun> {
  assertSupported();
  const prepared = await prepareRun({ ...spec, mergeOutput }, await findIsolation(spec.isolation));
  const startedAt = Date.now();
  const supervisor = await startSupervisor(prepared);
  return watch({ directory: prepared.directory, supervisor, graceMs: spec.graceMs, startedAt });
}

interface Watched {
  readonly directory: string;
  readonly supervisor: ProcessIdentity;
  readonly graceMs: number;
  readonly startedAt: number;
}

function watch({ directory, supervisor, graceMs, startedAt }: Watched): LiveRun {
  let over = false;
  let asked: StoppedBy | null = null;
  const finish = async (): Promise<ExitRecord> => {
    const exit = readExit(directory);
    if (exit !== null) return exit;
    await killLeftovers(directory, supervisor);
    await removeTemporary(directory);
    return {
      exitCode: null,
      signal: null,
      stoppedBy: readMarker(directory)?.by ?? asked,
      vanished: true,
      startedAt,
      endedAt: Date.now(),
    };
  };
  const ended = new Promise<ExitRecord>((resolve) => {
    // Polling, not fs.watch: it is the same for a parent and a stranger, sees a killed supervisor
    // too, and costs two system calls; the whole identity is compared once in a while.
    const record = join(directory, 'exit.json');
    let polls = 0;
    const poll = setInterval(() => {
      const isLooked = polls++ % POLLS_PER_LOOK === 0;
      if (!existsSync(record) && (isLooked ? isAlive(supervisor) : isPidUsed(supervisor.pid))) return;
      clearInterval(poll);
      over = true;
      resolve(finish());
    }, POLL_MS);
    poll.unref();
  });
  ended.catch(() => undefined); // whoever awaits it gets the error; without anyone it is no crash

  const stop: LiveRun['stop'] = async (by, { now = false } = {}) => {
    if (!over && isAlive(supervisor)) {
      asked ??= by;
      const marked = await writeMarker(directory, asked, now).then(
        () => true,
        () => false, // directory gone or disk full: a signal must do
      );
      signalProcess(supervisor, now && !marked ? 'SIGKILL' : 'SIGTERM');
      signalProcess(supervisor, 'SIGCONT'); // in case somebody stopped it
      const patienceMs = (now ? 0 : graceMs) + SUPERVISOR_LIMIT_MS;
      const inTime = new AbortController();
      await Promise.race([
        ended,
        sleep(patienceMs, undefined, { signal: inTime.signal }).catch(() => undefined),
      ]);
      inTime.abort();
      if (!over) signalProcess(supervisor, 'SIGKILL');
    }
    await keepAwake(ended);
  };

  return {
    directory,
    pid: supervisor.pid,
    ended,
    stop,
    lastOutputAt: async () => {
      const logs = await Promise.all(
        ['run.log', 'stderr.log'].map((name) => stat(join(directory, name)).catch(() => null)),
      );
      const times = logs.filter((log) => log !== null && log.size > 0).map((log) => log?.mtimeMs ?? 0);
      return times.length === 0 ? null : Math.max(...times);
    },
  };
}

async function lookAt(directory: string): Promise<Adoption | null> {
  const exit = readExit(directory);
  if (exit !== null) return { kind: 'ended', exit };
  const supervisor = readIdentity(directory);
  if (supervisor === null) return null;
  if (isAlive(supervisor)) {
    const { graceMs, startedAt } = readLaunch(directory);
    return { kind: 'live', run: watch({ directory, supervisor, graceMs, startedAt }) };
  }
  const written = readExit(directory); // by its last deed, between the two looks
  return written === null ? null : { kind: 'ended', exit: written };
}

/** The marker that a run is to end, or is not to begin. The first reason stays; `now` can be added. */
async function writeMarker(directory: string, by: StoppedBy, now: boolean): Promise<void> {
  const marker = join(directory, 'stop');
  const temporary = join(directory, `stop.${randomUUID()}.tmp`);
  try {
    await writeFile(temporary, `${by}${now ? ' now' : ''}\n`, { mode: 0o600 });
    await link(temporary, marker).catch(async () => {
      const before = readMarker(directory);
      if (before !== null && (before.now || !now)) return;
      await writeFile(temporary, `${before?.by ?? by} now\n`);
      await rename(temporary, marker);
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

function readMarker(directory: string): { by: StoppedBy; now: boolean } | null {
  const text = readText(join(directory, 'stop'));
  if (text === null) return null;
  const [by, how] = text.trim().split(' ');
  return {
    by: by === 'cancel' || by === 'timeout' || by === 'stall' ? by : 'outside',
    now: how === 'now',
  };
}

/** Null without a whole record. */
function readExit(directory: string): ExitRecord | null {
  const record = readJson(join(directory, 'exit.json'));
  if (record === null) return null;
  const { exitCode, signal, stoppedBy, startedAt, endedAt } = record;
  const isWhole =
    (exitCode === null || typeof exitCode === 'number') &&
    (signal === null || typeof signal === 'string') &&
    (stoppedBy === null ||
      stoppedBy === 'cancel' ||
      stoppedBy === 'timeout' ||
      stoppedBy === 'stall' ||
      stoppedBy === 'outside') &&
    typeof startedAt === 'number' &&
    typeof endedAt === 'number';
  return isWhole ? { exitCode, signal, stoppedBy, vanished: false, startedAt, endedAt } : null;
}

function readIdentity(directory: string): ProcessIdentity | null {
  const record = readJson(join(directory, 'supervisor.json'));
  const { bootId, pid, startTime } = record ?? {};
  return typeof bootId === 'string' && typeof pid === 'number' && typeof startTime === 'string'
    ? { bootId, pid, startTime }
    : null;
}

function readLaunch(directory: string): { graceMs: number; startedAt: number } {
  const { limits, launchedAt } = readJson(join(directory, 'run.json')) ?? {};
  const graceMs =
    typeof limits === 'object' && limits !== null && 'graceMs' in limits
      ? Number(limits.graceMs)
      : COMMAND_GRACE_MS;
  return { graceMs, startedAt: Number(launchedAt ?? 0) };
}

function readJson(path: string): Record<string, unknown> | null {
  const text = readText(path);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null; // cut off: as good as none
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null; // not there
  }
}

async function removeTemporary(directory: string): Promise<void> {
  await rm(join(directory, 'tmp'), { recursive: true, force: true }).catch(() => undefined); // the janitor comes again
}

/** The last part of a log as text, without half a character at its start. */
async function readTail(path: string): Promise<string> {
  const file = await open(path).catch(() => null);
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, TAIL_BYTES)), {
      position: start,
    });
    let first = 0;
    while (start > 0 && first < 3 && ((buffer[first] ?? 0) & 0xc0) === 0x80) first += 1;
    return buffer.subarray(first, bytesRead).toString('utf8');
  } finally {
    await file.close();
  }
}

/** For as long as somebody actively waits, this process has something to do. */
async function keepAwake<T>(promise: Promise<T>): Promise<T> {
  const awake = setInterval(() => undefined, 60_000);
  try {
    return await promise;
  } finally {
    clearInterval(awake);
  }
}

function assertSupported(): void {
  if (process.platform === 'linux' && existsSync('/proc/self/stat')) return;
  throw new AppError('runs can only be started on Linux, with /proc', {
    code: 'launcher.unsupported',
    hint: 'Run Orch on Linux: a machine, a virtual machine, WSL 2 or a container.',
    facts: { platform: process.platform },
  });
}
