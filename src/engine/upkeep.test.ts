import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createLogger } from '../lib/logger.ts';
import type { Store } from '../store/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Runtime } from './runtime.ts';
import { createUpkeep } from './upkeep.ts';

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
  const quiet: Partial<Store> = {
    forget: async () => 0,
    forgetMessages: async () => ({ forgotten: 0, next: null }),
    running: async () => [],
  };
  const nowhere = join(tmpdir(), 'orch-no-such-folder');
  const retention = {
    worktreesMs: 1,
    runsMs: 1,
    ledgerMs: 1,
    outboxMs: 1,
    unknownShapesMs: 1,
    salvageMs: 1,
  } as const;
  const runtime = { projects: new Map([['p', {}]]), runsDir: nowhere, scratchDir: nowhere, retention };
  const upkeep = createUpkeep({
    store: quiet as Store,
    workspace: stuck as Workspace,
    runtime: () => runtime as unknown as Runtime,
    clock: Date.now,
    log: createLogger('silent', null),
    tidyWorktrees: () => undefined,
  });
  upkeep.start(60_000);
  await packing.promise;
  await upkeep.stop();
  expect(await upkeep.pass()).toBeUndefined();
});
