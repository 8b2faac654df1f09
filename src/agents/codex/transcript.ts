import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentAccount } from '../agent.ts';
import { UUID } from '../start-values.ts';
import { codexHomeOf } from './credential-files.ts';

/** `sessions/<year>/<month>/<day>/rollout-<time>-<thread>.jsonl`. */
const DATE_LEVELS = 3;

/** Whether the transcript of a thread is still in the account's home; without it `resume` ends at once. */
export async function hasTranscript(account: AgentAccount, sessionId: string): Promise<boolean> {
  if (!UUID.test(sessionId)) return false;
  return holdsThread(join(codexHomeOf(account), 'sessions'), sessionId.toLowerCase(), DATE_LEVELS);
}

/** Newest folders first: what is resumed began lately. */
async function holdsThread(folder: string, id: string, levels: number): Promise<boolean> {
  const names = (await readdir(folder).catch(() => [])).toSorted((one, other) => (one < other ? 1 : -1));
  if (levels === 0) return names.some((name) => name.startsWith('rollout-') && name.includes(`-${id}.jsonl`));
  for (const name of names) {
    if (/^\d+$/.test(name) && (await holdsThread(join(folder, name), id, levels - 1))) return true;
  }
  return false;
}
