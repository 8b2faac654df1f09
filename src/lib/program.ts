import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface ProgramCall {
  /** All of the environment: nothing of ours comes along. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  /** Then it gets SIGTERM, and what is still there after `graceMs` SIGKILL. */
  readonly timeoutMs: number;
  readonly graceMs?: number;
  /** Bytes of each that are kept; a program that prints more is ended. */
  readonly maxStdoutBytes: number;
  readonly maxStderrBytes: number;
  /** In a process group of its own, which is killed at once at the time limit, with all that it started. */
  readonly ownGroup?: boolean;
}

export interface ProgramEnd {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Null when a signal ended it, or when it was never started. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  /** Ended because it printed more than fits. */
  readonly isTooLong: boolean;
  /** Why it could not be started, such as `ENOENT`; null when it was. */
  readonly errorCode: string | null;
}

const GRACE_MS = 5_000;

/** Runs a short program to its end. Never throws: how it ended is the answer. */
export function runProgram(bin: string, args: readonly string[], call: ProgramCall): Promise<ProgramEnd> {
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = spawn(bin, args, {
        ...(call.cwd === undefined ? {} : { cwd: call.cwd }),
        env: { ...call.env },
        detached: call.ownGroup === true,
        stdio: [call.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      });
    } catch (error) {
      resolve(neverStarted(error)); // arguments that do not fit, for one
      return;
    }
    let [timedOut, isTooLong] = [false, false];
    const timers: NodeJS.Timeout[] = [];
    const output = [
      collect(child.stdout, call.maxStdoutBytes, tooLong),
      collect(child.stderr, call.maxStderrBytes, tooLong),
    ] as const;
    timers.push(setTimeout(late, call.timeoutMs));
    child.stdin?.on('error', () => {}); // it ended without reading all: its end tells why
    child.stdin?.end(call.stdin);
    child.once('error', (error) => {
      if (child.pid === undefined) end(neverStarted(error));
    });
    // Something that it started may hold the pipes for long.
    child.once('exit', () => {
      if (timedOut || isTooLong) for (const stream of [child.stdout, child.stderr]) stream?.destroy();
    });
    child.once('close', (exitCode, signal) => {
      const [stdout, stderr] = output.map((collected) => collected());
      if (stdout !== undefined && stderr !== undefined)
        end({ stdout, stderr, exitCode, signal, timedOut, isTooLong, errorCode: null });
    });

    function late(): void {
      timedOut = true;
      stop();
    }

    function tooLong(): void {
      if (isTooLong) return;
      isTooLong = true;
      stop();
    }

    function stop(): void {
      if (call.ownGroup === true) return killGroup(child.pid);
      child.kill('SIGTERM');
      timers.push(setTimeout(() => child.kill('SIGKILL'), call.graceMs ?? GRACE_MS));
    }

    function end(how: ProgramEnd): void {
      for (const timer of timers) clearTimeout(timer);
      resolve(how);
    }
  });
}

/** Keeps what comes until it is too much; the answer is what was kept. */
function collect(stream: Readable | null, most: number, tooMuch: () => void): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on('data', (chunk: Buffer) => {
    const room = most - size;
    if (room > 0) chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
    size += chunk.length;
    if (size > most) tooMuch();
  });
  return () => Buffer.concat(chunks);
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // it ended in the same moment
  }
}

function neverStarted(error: unknown): ProgramEnd {
  const errorCode = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const nothing = Buffer.alloc(0);
  return {
    ...{ stdout: nothing, stderr: nothing, exitCode: null, signal: null },
    ...{ timedOut: false, isTooLong: false, errorCode },
  };
}
