import type { AgentAccount } from '../agent.ts';
import { shellCommand } from '../login-command.ts';
import { configDirOf } from './credential-files.ts';

/** The shell command with which a person signs this very account in. */
export function loginCommandOf(account: AgentAccount): string {
  const configDir = configDirOf(account);
  return shellCommand(
    { HOME: account.home, ...(configDir === null ? {} : { CLAUDE_CONFIG_DIR: configDir }) },
    [account.bin, '/login'],
  );
}
