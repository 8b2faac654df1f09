/** A worker of the simulation: one seed at a time, each with timers of its own. */
import { parentPort } from 'node:worker_threads';
import { runOnce, type SeedRun } from './seed-run.ts';

const port = parentPort;
if (port === null) throw new Error('this file is a worker: node sim/main.ts --jobs N');
port.on('message', (run: SeedRun) => {
  void runOnce(run).then((outcome) => port.postMessage(outcome));
});
