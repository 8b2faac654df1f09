import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentAccount } from '../agent.ts';
import { placesOf } from './places.ts';

export const SESSION_ID = /^ses_[0-9A-Za-z]{8,64}$/;

const BLOCK_BYTES = 1024 * 1024;
/** Past this the answer is "no": the task is told anew, which costs tokens but never fails. */
const MAX_BYTES = 2 * 1024 * 1024 * 1024;

/**
 * Whether a session is still in the account's home. It lies in a database, whose id column is plain
 * text in its pages or in its log of changes: looking for those bytes needs neither the database's
 * schema, which changes with each release, nor a lock on it.
 */
export async function hasSession(account: AgentAccount, sessionId: string): Promise<boolean> {
  if (!SESSION_ID.test(sessionId)) return false;
  const { data } = placesOf(account);
  const names = await readdir(data).catch(() => []);
  const wanted = Buffer.from(sessionId);
  for (const name of names.filter((each) => /^opencode.*\.db(?:-wal)?$/.test(each))) {
    if (await fileHolds(join(data, name), wanted)) return true;
  }
  return false;
}

async function fileHolds(path: string, wanted: Buffer): Promise<boolean> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) return false;
    const overlap = wanted.length - 1;
    const buffer = Buffer.alloc(BLOCK_BYTES + overlap);
    for (let position = 0; position < MAX_BYTES; ) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (buffer.subarray(0, bytesRead).includes(wanted)) return true;
      if (bytesRead < buffer.length) return false;
      position += BLOCK_BYTES;
    }
    return false;
  } catch {
    // Gone, or not ours to read: it cannot be resumed either.
    return false;
  }
}
