import { isAbsolute, join, resolve } from 'node:path';
import type { AgentAccount } from '../agent.ts';

export interface CredentialFiles {
  /** The stored login (Linux, Windows). */
  readonly login: string;
  /** User settings: `env` and `apiKeyHelper`. */
  readonly settings: string;
  /** Holds `primaryApiKey`; lies beside `.claude`, or inside `CLAUDE_CONFIG_DIR` when that is set. */
  readonly state: string;
}

/** Where this account's CLI keeps what decides its sign-in. `CLAUDE_CONFIG_DIR` counts only in the process environment. */
export function credentialFilesOf(account: AgentAccount): CredentialFiles {
  const named = configDirOf(account);
  const folder = named === null ? join(account.home, '.claude') : named;
  return {
    login: account.credentialsPath ?? join(folder, '.credentials.json'),
    settings: join(folder, 'settings.json'),
    state: join(named ?? account.home, '.claude.json'),
  };
}

/** `CLAUDE_CONFIG_DIR` of the account; nothing in it is expanded, a blank one is unset. */
export function configDirOf(account: AgentAccount): string | null {
  const named = account.env['CLAUDE_CONFIG_DIR'] ?? '';
  if (named.trim() === '') return null;
  return isAbsolute(named) ? named : resolve(account.home, named);
}
