import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../core/errors.ts';
import { hasLiveSupervisor } from '../launcher/launcher.ts';
import { runsOnDisk } from '../launcher/run-directories.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import { type Attempts, runDirectory } from './attempt.ts';
import type { Machine } from './machine.ts';

export interface TakeOverParts {
  readonly store: Store;
  readonly attempts: Pick<Attempts, 'adopt'>;
  readonly machine: Pick<Machine, 'strays' | 'refuseNewerFormat' | 'adopt'>;
  readonly runsDir: string;
  readonly log: Logger;
}

/**
 * Deals with every run that an earlier process left, before anything new is claimed: those that run in
 * the database are taken over; live ones that it does not know (a backup was restored) are ended, or two
 * agents would work in one worktree. Their work stays there, and is salvaged before anybody resets it.
 * Throws `run.newer_format` before anything is ended. Returns how many were taken over.
 */
export async function takeOver({ store, attempts, machine, runsDir, log }: TakeOverParts): Promise<number> {
  const left = await store.running();
  const owned = new Set(left.map(({ run }) => run.id));
  const strays = await machine.strays(runsDir, owned, async (id) => (await store.run(id)) !== null);
  for (const directory of [...left.map(({ run }) => run.directory), ...strays])
    machine.refuseNewerFormat(directory);
  await Promise.all(strays.map((directory) => end(directory)));
  for (const { run, job } of left)
    attempts.adopt({ run, job, task: job.taskId === null ? null : await store.taskById(job.taskId) });
  return left.length;

  async function end(directory: string): Promise<void> {
    try {
      const found = await machine.adopt(directory);
      if (found.kind === 'live') await found.run.stop('outside');
      log.warn({ directory }, 'ended a live run that the database does not know');
    } catch (error) {
      log.error({ directory, error: messageOf(error) }, 'a live run that the database does not know goes on');
    }
  }
}

/** Directories in which something lives that no running job owns. */
export async function straysIn(
  runsDir: string,
  owned: ReadonlySet<number>,
  isKnown: (run: number) => Promise<boolean>,
): Promise<string[]> {
  const found: string[] = [];
  for (const id of await runsOnDisk(runsDir)) {
    if (owned.has(id)) continue;
    const directory = runDirectory(runsDir, id);
    const isUnknown = !(await isKnown(id));
    if (!isUnknown && existsSync(join(directory, 'exit.json'))) continue;
    const steps = isUnknown ? (await readdir(directory)).map((name) => join(directory, name)) : [];
    found.push(...[directory, ...steps].filter(hasLiveSupervisor));
  }
  return found;
}
