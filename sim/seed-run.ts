/** One seed as the command wants it: run, and run again where it has to replay. */
import type { Mutation } from './mutations.ts';
import { runSeed, type SeedResult } from './seed.ts';

/** Plain values: a worker takes and gives them. */
export interface SeedRun {
  readonly seed: number;
  readonly mutation: Mutation | null;
  readonly template: string;
  readonly folder: string;
  readonly checkReplay: boolean;
}

export interface SeedOutcome extends SeedResult {
  /** The hash of the second run; null when there was none. */
  readonly again: string | null;
}

/** `tell` hears the whole story of the first run. What broke nothing has no story: ten thousand are kept at a time. */
export async function runOnce(run: SeedRun, tell?: (line: string) => void): Promise<SeedOutcome> {
  const result = await runSeed({ ...run, ...(tell === undefined ? {} : { tell }) });
  if (result.violation !== null) return { ...result, again: null };
  const again = run.checkReplay ? (await runSeed(run)).hash : null;
  return { ...result, story: [], again };
}
