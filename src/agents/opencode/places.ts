import { isAbsolute, join } from 'node:path';
import type { AgentAccount } from '../agent.ts';

export interface Places {
  /** Stored logins and keys, one a provider. */
  readonly login: string;
  /** The user's configuration, which may name providers with keys of their own. */
  readonly configs: readonly string[];
  /** Holds the sessions. */
  readonly data: string;
}

/** Where this account's CLI keeps its files: the XDG folders, moved by the account's variables. */
export function placesOf(account: AgentAccount): Places {
  const data = join(folderOf(account, 'XDG_DATA_HOME', '.local/share'), 'opencode');
  const config = join(folderOf(account, 'XDG_CONFIG_HOME', '.config'), 'opencode');
  const named = account.env['OPENCODE_CONFIG'] ?? '';
  return {
    login: account.credentialsPath ?? join(data, 'auth.json'),
    configs: [
      join(config, 'opencode.json'),
      join(config, 'opencode.jsonc'),
      ...(isAbsolute(named) ? [named] : []),
    ],
    data,
  };
}

/** The standard wants whole paths; others count as unset. */
function folderOf(account: AgentAccount, name: string, usual: string): string {
  const named = account.env[name] ?? '';
  return isAbsolute(named) ? named : join(account.home, usual);
}
