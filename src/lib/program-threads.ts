import { Buffer } from 'node:buffer';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type ProgramEnd, runProgram } from './program.ts';
import type { ProgramOrder } from './program-worker.ts';

/** Two, so that a start that takes long does not keep all others waiting. */
const THREADS = 2;
const YOUNG_MB = 4;

interface Thread {
  readonly worker: Worker;
  readonly waiting: Map<number, (end: ProgramEnd) => void>;
}

/**
 * `runProgram` beside the event loop. Node stands still while a program is started, until that program has been
 * given a processor: on a busy machine that is tens of milliseconds, and a task starts a hundred programs. The
 * threads are there from the first call on, which itself does not wait for them, and keep no process alive.
 */
export function createProgramThreads(): typeof runProgram {
  const threads: Thread[] = [];
  let orders = 0;

  function open(): Thread {
    const worker = new Worker(new URL(`./program-worker${extname(import.meta.url)}`, import.meta.url), {
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB }, // short-lived things only: a page more is memory lost
    });
    const thread: Thread = { worker, waiting: new Map() };
    worker.on('message', ({ id, end }: { id: number; end: ProgramEnd }) => answer(thread, id, end));
    // Never seen; but then nobody may wait for ever, and the next call has a new one.
    worker.once('error', (error) => close(thread, error));
    worker.once('exit', () => close(thread, null));
    worker.unref(); // last: listening to its messages holds the process, too
    return thread;
  }

  function answer(thread: Thread, id: number, end: ProgramEnd): void {
    const resolve = thread.waiting.get(id);
    thread.waiting.delete(id);
    if (thread.waiting.size === 0) thread.worker.unref();
    resolve?.({ ...end, stdout: bufferOf(end.stdout), stderr: bufferOf(end.stderr) });
  }

  function close(thread: Thread, error: Error | null): void {
    const at = threads.indexOf(thread);
    if (at >= 0) threads.splice(at, 1);
    const nothing = Buffer.alloc(0);
    for (const id of [...thread.waiting.keys()])
      answer(thread, id, {
        ...{ stdout: nothing, stderr: Buffer.from(error?.message ?? ''), exitCode: null, signal: null },
        ...{ timedOut: false, isTooLong: false, errorCode: 'ERR_WORKER' },
      });
  }

  return (bin, args, call) => {
    if (threads.length < THREADS) {
      threads.push(open());
      return runProgram(bin, args, call);
    }
    const [thread] = [...threads].sort((a, b) => a.waiting.size - b.waiting.size);
    if (thread === undefined) return runProgram(bin, args, call);
    const order: ProgramOrder = { id: ++orders, bin, args, call };
    return new Promise((resolve) => {
      thread.waiting.set(order.id, resolve);
      thread.worker.ref();
      thread.worker.postMessage(order);
    });
  };
}

/** Between threads a Buffer becomes a plain array of bytes. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
