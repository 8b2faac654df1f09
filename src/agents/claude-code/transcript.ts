import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentAccount } from '../agent.ts';
import { configDirOf } from './credential-files.ts';

/**
 * Whether the transcript of a session is still in the account's home. Without it `--resume` ends at once
 * with "No conversation found" (recording `permanent-unknown-session`): a run that was killed before its
 * first answer never wrote one. Transcripts lie in `projects/<folder of the worktree>/<session>.jsonl`.
 */
export async function hasTranscript(account: AgentAccount, sessionId: string): Promise<boolean> {
  if (!/^[0-9a-f-]{36}$/i.test(sessionId)) return false;
  const projects = join(configDirOf(account) ?? join(account.home, '.claude'), 'projects');
  for (const folder of await readdir(projects).catch(() => [])) {
    const file = await stat(join(projects, folder, `${sessionId}.jsonl`)).catch(() => null);
    if (file?.isFile() === true && file.size > 0) return true;
  }
  return false;
}
