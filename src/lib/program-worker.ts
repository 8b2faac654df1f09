/** A thread that starts programs for `createProgramThreads`. */
import { parentPort } from 'node:worker_threads';
import { type ProgramCall, runProgram } from './program.ts';

export interface ProgramOrder {
  readonly id: number;
  readonly bin: string;
  readonly args: readonly string[];
  readonly call: ProgramCall;
}

parentPort?.on('message', ({ id, bin, args, call }: ProgramOrder) => {
  void runProgram(bin, args, call).then((end) => parentPort?.postMessage({ id, end }));
});
