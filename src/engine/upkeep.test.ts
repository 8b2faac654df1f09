import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Age, Runtime } from './runtime.ts';
import { createUpkeep } from './upkeep.ts';

const NOWHERE = join(tmpdir(), 'orch-no-such-folder');

it('a repository that is being packed keeps nobody from stopping, and a step that fails ends no pass', async () => {
  const packing = Promise.withResolvers<void>();
  const stuck: Partial<Workspace> = {
    listSalvage: () => Promise.reject(new Error('no such repository')),
    sweep: async () => 0,
    repack: () => {
      packing.resolve();
      return new Promise(() => undefined);
    },
  };
  const upkeep = upkeepOf(stuck, {});
  upkeep.start(60_000);
  await packing.promise;
  await upkeep.stop();
  expect(await upkeep.pass()).toBeUndefined();
});

it('removes the log of an unknown shape when its time is over by the clock of the machine, and no younger one', async () => {
  const root = await mkdtemp(join(tmpdir(), 'orch-shapes-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const shapesDir = join(root, 'unknown-shapes');
  const keep = async (name: string, ageMs: number) => {
    await mkdir(join(shapesDir, name), { recursive: true });
    await writeFile(join(shapesDir, name, 'stdout.log'), 'what nobody knows\n');
    const at = new Date(Date.now() - ageMs);
    await utimes(join(shapesDir, name), at, at);
  };
  await keep('old', 181 * DAY_MS);
  await keep('young', 179 * DAY_MS);
  const none: Partial<Workspace> = {
    listSalvage: async () => [],
    sweep: async () => 0,
    repack: async () => false,
  };

  await upkeepOf(none, { shapesDir, age: 'never' }).pass();
  expect((await readdir(shapesDir)).toSorted()).toEqual(['old', 'young']);
  await upkeepOf(none, { shapesDir, age: 180 * DAY_MS, clock: () => 0 }).pass();
  expect(await readdir(shapesDir)).toEqual(['young']);
});

const DAY_MS = 24 * 60 * 60 * 1000;

/** The upkeep of an installation with nothing in its database. */
function upkeepOf(
  workspace: Partial<Workspace>,
  { shapesDir = NOWHERE, age = 1, clock = Date.now }: { shapesDir?: string; age?: Age; clock?: () => number },
) {
  const quiet: Partial<Store> = {
    forget: async () => 0,
    forgetMessages: async () => ({ forgotten: 0, next: null }),
    running: async () => [],
  };
  const retention = {
    ...{ worktreesMs: 1, runsMs: 1, ledgerMs: 1, outboxMs: 1, salvageMs: 1 },
    unknownShapesMs: age,
  };
  const folders = { runsDir: NOWHERE, scratchDir: NOWHERE, shapesDir };
  return createUpkeep({
    store: quiet as Store,
    workspace: workspace as Workspace,
    runtime: () => ({ projects: new Map([['p', {}]]), ...folders, retention }) as unknown as Runtime,
    clock,
    log: createLogger('silent', null),
    tidyWorktrees: () => undefined,
  });
}
