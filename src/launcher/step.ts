import { existsSync } from 'node:fs';
import { adopt, type CommandSpec, type ExitRecord, runCommand } from './launcher.ts';

const MAX_REPEATS = 100;

/**
 * Runs a command as one step of an attempt (setup, a check, a deploy command). Safe to repeat after a
 * crash: what an earlier process left alive in the step's directory is ended first, and the repeat gets
 * a directory of its own (`check-1`, `check-1.2`, ...), so every output is kept.
 */
export async function runStep(spec: CommandSpec): Promise<{ exit: ExitRecord; outputTail: string }> {
  return runCommand({ ...spec, directory: await freeDirectory(spec.directory) });
}

async function freeDirectory(wanted: string): Promise<string> {
  for (let n = 1; n <= MAX_REPEATS; n++) {
    const directory = n === 1 ? wanted : `${wanted}.${n}`;
    if (!existsSync(directory)) return directory;
    const left = await adopt(directory);
    if (left.kind === 'live') await left.run.stop('outside', { now: true });
  }
  throw new Error(`more than ${MAX_REPEATS} repeats of ${wanted}`);
}
