/** Several seeds at once, in threads: the timers that a seed takes over are those of its thread. */
import { Worker } from 'node:worker_threads';
import type { SeedOutcome, SeedRun } from './seed-run.ts';

/** The outcomes in the order of the runs. Whoever stops listening ends what still runs. */
export async function* inWorkers(runs: readonly SeedRun[], jobs: number): AsyncGenerator<SeedOutcome> {
  const outcomes = runs.map(() => Promise.withResolvers<SeedOutcome>());
  // A fault is thrown when its turn comes; until then nobody listens.
  for (const { promise } of outcomes) promise.catch(() => undefined);
  let next = 0;
  const workers = Array.from({ length: Math.min(jobs, runs.length) }, () => {
    const worker = new Worker(new URL('./seed-worker.ts', import.meta.url), { execArgv: [] });
    let at = 0;
    const take = () => {
      at = next++;
      if (at < runs.length) worker.postMessage(runs[at]);
    };
    worker.on('message', (outcome: SeedOutcome) => {
      outcomes[at]?.resolve(outcome);
      take();
    });
    worker.on('error', (error) => outcomes[at]?.reject(error));
    take();
    return worker;
  });
  try {
    for (const { promise } of outcomes) yield await promise;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
