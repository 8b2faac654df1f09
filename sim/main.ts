/**
 * The simulation: `node sim/main.ts [--seed S] [--seeds N] [--mutate NAME] [--check-replay] [--story]
 * [--jobs N] [--week]`. Runs seeds S ... S+N-1, `--jobs` of them at once, and ends with `steps=N crashes=N`; or a
 * week of outages (`week.ts`). Exit 1: an invariant is broken, and the command that tells the story again is
 * printed; 2: the command is wrong.
 */
import { parseArgs } from 'node:util';
import { makeFolder, makeTemplate } from './installation.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';
import { inWorkers } from './pool.ts';
import type { SeedResult } from './seed.ts';
import { runOnce, type SeedOutcome, type SeedRun } from './seed-run.ts';
import { runWeek, tellWeek } from './week.ts';

const MAX_JOBS = 64;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '200' },
    mutate: { type: 'string' },
    'check-replay': { type: 'boolean', default: false },
    story: { type: 'boolean', default: false },
    week: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
  },
});
process.exitCode = await main();

async function main(): Promise<number> {
  const first = Number(values.seed);
  const count = Number(values.seeds);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || first < 0 || count < 1) {
    console.error(`--seed and --seeds are whole numbers, not ${values.seed} and ${values.seeds}`);
    return 2;
  }
  const jobs = Number(values.jobs);
  if (!Number.isSafeInteger(jobs) || jobs < 1 || jobs > MAX_JOBS) {
    console.error(`--jobs is a whole number from 1 to ${MAX_JOBS}, not ${values.jobs}`);
    return 2;
  }
  if (jobs > 1 && values.story) {
    console.error('--story tells one seed after the other: leave --jobs out');
    return 2;
  }
  const mutation = MUTATIONS.find((name) => name === values.mutate) ?? null;
  if (values.mutate !== undefined && mutation === null) {
    console.error(`there is no mutation ${values.mutate}; there are ${MUTATIONS.join(', ')}`);
    return 2;
  }
  const folder = makeFolder();
  try {
    if (values.week) return await tellOneWeek(first, folder.path);
    const template = await makeTemplate(folder.path);
    const runs = Array.from({ length: count }, (_, i): SeedRun => {
      const checkReplay = values['check-replay'];
      return { seed: first + i, mutation, template, folder: folder.path, checkReplay };
    });
    return await report(jobs === 1 ? inTurn(runs) : inWorkers(runs, jobs), count, mutation);
  } finally {
    folder.remove();
  }
}

async function tellOneWeek(seed: number, folder: string): Promise<number> {
  const week = await runWeek({ seed, template: await makeTemplate(folder), folder, compareEvery: 1 });
  if (week.violation !== null) {
    console.log(week.story.join('\n'));
    console.log(`the week breaks ${week.violation.invariant}: ${week.violation.message}`);
  }
  console.log(tellWeek(week).join('\n'));
  return week.violation === null && week.toldOtherwise.count === 0 ? 0 : 1;
}

async function* inTurn(runs: readonly SeedRun[]): AsyncGenerator<SeedOutcome> {
  for (const run of runs) yield await runOnce(run, values.story ? console.log : undefined);
}

/** Tells the first violation in the order of the seeds, or the sums. */
async function report(
  outcomes: AsyncIterable<SeedOutcome>,
  count: number,
  mutation: Mutation | null,
): Promise<number> {
  const begun = performance.now();
  const sums = { steps: 0, crashes: 0, days: 0, tasks: 0, claims: 0, effects: 0, stale: 0 };
  for await (const result of outcomes) {
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += result[name];
    if (result.violation !== null) {
      tell(result, mutation);
      if (mutation !== null) console.log(`caught: ${mutation}`);
      else console.log(`steps=${sums.steps} crashes=${sums.crashes}`);
      return 1;
    }
    if (result.again === null || result.again === result.hash) continue;
    console.log(`seed ${result.seed} does not replay: ${result.hash}, then ${result.again}`);
    return 1;
  }
  const seconds = (performance.now() - begun) / 1000;
  if (mutation !== null) console.log(`not caught: ${mutation} went unnoticed in ${count} seeds`);
  console.log(`seeds ${count}${values['check-replay'] ? ', each twice with the same trace' : ''}`);
  console.log(`simulated days ${sums.days.toFixed(1)}, ${(sums.days / seconds).toFixed(1)} a second`);
  console.log(
    `tasks ${sums.tasks}, claims ${sums.claims}, effects ${sums.effects}, stale settles ${sums.stale}`,
  );
  console.log(`${seconds.toFixed(1)} s, ${Math.round(sums.steps / seconds)} steps a second`);
  console.log(`steps=${sums.steps} crashes=${sums.crashes}`);
  return 0;
}

function tell({ seed, violation, story, hash }: SeedResult, mutation: Mutation | null): void {
  console.log(`seed ${seed} breaks ${violation?.invariant}: ${violation?.message}\n`);
  console.log(story.join('\n'));
  const mutate = mutation === null ? '' : ` --mutate ${mutation}`;
  console.log(`\ntrace ${hash}; again: npm run sim -- --seed ${seed} --seeds 1${mutate}`);
}
