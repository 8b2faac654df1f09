import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import { startTimeOf } from '../offline.ts';
import { readServerInfo, type ServerInfo } from './client.ts';

interface Lock {
  readonly pid: number;
  readonly startTime: string | null;
}

/** The server of this home when its process is alive; null when none is, whatever files say. */
export async function runningServer(home: string): Promise<ServerInfo | null> {
  const lock = await readLock(home);
  if (lock === null || !isAlive(lock)) return null;
  return (
    (await readServerInfo(home)) ?? { url: '', host: '', port: 0, pid: lock.pid, startedAt: '', version: '' }
  );
}

/** One server a home. Throws `server.already_running`; a lock left by a crash is taken over. */
export async function lockHome(home: string): Promise<() => Promise<void>> {
  const path = join(home, 'server.lock');
  const mine: Lock = { pid: process.pid, startTime: startTimeOf(process.pid) };
  for (let round = 0; round < 2; round++) {
    try {
      await writeFile(path, JSON.stringify(mine), { flag: 'wx', mode: 0o600 });
      return async () => {
        const found = await readLock(home);
        if (found?.pid === process.pid)
          for (const name of ['server.json', 'cli-token', 'server.lock'])
            await rm(join(home, name), { force: true });
      };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      const other = await readLock(home);
      if (other !== null && isAlive(other))
        throw new AppError(`Orch is already running for ${home} (process ${other.pid})`, {
          code: 'server.already_running',
          hint: 'orch status, or orch down first',
        });
      await rm(path, { force: true });
    }
  }
  throw new AppError(`cannot lock ${home}`, {
    code: 'server.already_running',
    hint: 'another orch up starts at the same time',
  });
}

/** Tells the CLI where the server is; written whole, never half. */
export async function announce(home: string, info: ServerInfo, token: string): Promise<void> {
  await writeWhole(join(home, 'cli-token'), `${token}\n`);
  await writeWhole(join(home, 'server.json'), `${JSON.stringify({ schema: 'orch.server/1', ...info })}\n`);
}

async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}

async function readLock(home: string): Promise<Lock | null> {
  const text = await readFile(join(home, 'server.lock'), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return JSON.parse(text) as Lock;
  } catch {
    return null; // cut off by a crash
  }
}

function isAlive(lock: Lock): boolean {
  const startTime = startTimeOf(lock.pid);
  return startTime !== null && startTime === lock.startTime;
}
