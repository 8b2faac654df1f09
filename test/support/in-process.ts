import { join } from 'node:path';
import { type App, type AppOptions, startApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { kinds } from '../../src/registry.ts';
import type { Installation } from './orch.ts';

export const MARA = { by: 'mara', surface: 'cli' } as const;

/** The service of an installation inside the test, so that its clock or an adapter can be another. Runs are real. */
export async function startInProcess(
  here: Installation,
  parts: Pick<AppOptions, 'clock' | 'adapter' | 'tracker' | 'forge' | 'webhooks' | 'looks'>,
  settings: Readonly<Record<string, string>> = {},
): Promise<App> {
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: here.root,
    ORCH_HOME: here.home,
    ORCH_CONFIG: join(here.root, 'orch.yaml'),
    ORCH_PORT: '0',
    ...settings,
  };
  const { config } = loadConfig({ env, cwd: here.root, kinds: kinds() });
  return startApp({
    config,
    log: createLogger('silent', null),
    version: 'test',
    env,
    onShutdown: () => undefined,
    ...parts,
  });
}

/** Queues jobs without a task in project `p`, of which none starts before the last is there. */
export async function enqueueAtOnce({ engine }: App, count: number): Promise<void> {
  await engine.pause('all', '', '', null, MARA);
  for (let i = 0; i < count; i++)
    await engine.enqueue({ agent: 'developer', repo: 'p', maxAttempts: null, priority: 0, note: null });
  await engine.resume('all', '', MARA);
}
