import type { AgentAccount } from '../agent.ts';
import { configDirOf } from './credential-files.ts';

/** The shell command with which a person signs this very account in. */
export function loginCommandOf(account: AgentAccount): string {
  const configDir = configDirOf(account);
  const places = [
    `HOME=${quote(account.home)}`,
    ...(configDir === null ? [] : [`CLAUDE_CONFIG_DIR=${quote(configDir)}`]),
  ];
  return [...places, quote(account.bin), '/login'].join(' ');
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
