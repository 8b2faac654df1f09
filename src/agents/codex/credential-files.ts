import { isAbsolute, join, resolve } from 'node:path';
import type { AgentAccount } from '../agent.ts';

export interface CredentialFiles {
  /** The stored login, or a stored API key. */
  readonly login: string;
  /** Says which provider is used, and whether a keyring holds the login. */
  readonly config: string;
}

export function credentialFilesOf(account: AgentAccount): CredentialFiles {
  const folder = codexHomeOf(account);
  return {
    login: account.credentialsPath ?? join(folder, 'auth.json'),
    config: join(folder, 'config.toml'),
  };
}

/** `CODEX_HOME` of the account, a relative one from its home; a blank one is unset. */
export function codexHomeOf(account: AgentAccount): string {
  const named = account.env['CODEX_HOME'] ?? '';
  if (named.trim() === '') return join(account.home, '.codex');
  return isAbsolute(named) ? named : resolve(account.home, named);
}
