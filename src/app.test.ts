import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startApp } from './app.ts';
import { loadConfig } from './config/load.ts';
import { createLogger } from './lib/logger.ts';
import { kinds } from './registry.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';

/** Of a network for documentation: no machine has it, so nothing can listen there. */
const PUBLIC = '192.0.2.1';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orch-app-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function start(settings: Record<string, string> = {}) {
  const home = join(folder, 'state');
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: folder,
    ORCH_HOME: home,
    ORCH_HOST: PUBLIC,
    ORCH_PORT: '0',
    ...settings,
  };
  const { config } = loadConfig({ env, cwd: folder, kinds: kinds() });
  const log = createLogger('silent', null);
  return startApp({ config, log, version: 'test', env, onShutdown: () => undefined });
}

it('an address that others can reach needs an admin who can sign in, or a fixed token', async () => {
  const refused = { code: 'server.public_without_admin' };
  const allowed = { code: 'server.listen_failed' };
  await expect(start()).rejects.toMatchObject(refused);
  expect(existsSync(join(folder, 'state'))).toBe(false);
  await expect(start({ ORCH_API_TOKEN: 'a-long-random-value-of-mine' })).rejects.toMatchObject(allowed);

  const store = openSqliteStore(join(folder, 'state', 'orch.db'), Date.now);
  const audit = { by: 'mara', surface: 'cli', action: 'test', target: 'x', at: 1 } as const;
  await store.users.create({ name: 'mara', role: 'admin', passwordHash: null }, audit);
  const otto = await store.users.create({ name: 'otto', role: 'operator', passwordHash: 'h' }, audit);
  await expect(start()).rejects.toMatchObject(refused);
  await store.users.change(otto.id, { role: 'admin' }, () => undefined, audit);
  await expect(start()).rejects.toMatchObject(allowed);
  await store.close();
});
