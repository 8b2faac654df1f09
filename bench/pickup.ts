import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchOptions, median, percentile, type Report } from './measure.ts';
import { openOwnQueue, USUAL } from './own-queue.ts';

/** How long after the call of `enqueue` a sleeping dispatcher in the same process holds the job. */
export async function pickup({ folder, quick }: BenchOptions): Promise<Report> {
  const own = await openOwnQueue(folder, USUAL);
  const spent: number[] = [];
  let sentAt = 0;
  let held: () => void = () => undefined;
  const dispatch = async (): Promise<void> => {
    const claimed = await own.claim();
    if (claimed === null) return;
    spent.push(performance.now() - sentAt);
    await own.finish(claimed);
    held();
  };
  own.store.onWake(() => queueMicrotask(() => void dispatch()));
  for (let i = 0; i < (quick ? 100 : 300); i++) {
    await sleep(5 + (i % 7));
    const picked = new Promise<void>((resolve) => {
      held = resolve;
    });
    sentAt = performance.now();
    await own.enqueue(i);
    await picked;
  }
  await own.discard();
  const p99 = percentile(spent, 0.99);
  return {
    figures: [
      {
        part: 'pickup',
        what: 'enqueue called -> job claimed, same process, p50',
        value: median(spent),
        unit: 'ms',
      },
      { part: 'pickup', what: 'the same, p99', value: p99, unit: 'ms' },
    ],
    gates: [{ goal: 'pickup p99 <= 40 ms', measured: p99, pass: p99 <= 40 }],
    skipped: [],
  };
}
