import { readLocalText } from '../local-file.ts';

/** What `config.toml` says about the sign-in. */
export interface UserConfig {
  /** Another provider than the vendor's own; empty when there is none. */
  readonly provider: string;
  /** The variable that holds that provider's key; empty when it names none. */
  readonly providerKey: string;
  /** That provider takes the stored login. */
  readonly takesLogin: boolean;
  /** The login may lie in the system's keyring instead of the file. */
  readonly mayUseKeyring: boolean;
}

const OWN_PROVIDERS = ['', 'openai'];

/**
 * Reads the few keys that decide the sign-in, line by line: the file is TOML, but these keys are plain
 * strings in every form that the CLI's documentation shows. Anything else reads as unsaid.
 */
export async function readUserConfig(path: string): Promise<UserConfig> {
  const keys = keysOf((await readLocalText(path)) ?? '');
  const named = keys.get('model_provider') ?? '';
  const provider = OWN_PROVIDERS.includes(named) ? '' : named;
  return {
    provider,
    providerKey: keys.get(`model_providers.${provider}.env_key`) ?? '',
    takesLogin: keys.get(`model_providers.${provider}.requires_openai_auth`) === 'true',
    mayUseKeyring: ['keyring', 'auto'].includes(keys.get('cli_auth_credentials_store') ?? ''),
  };
}

/** Strings and booleans by their whole name, tables before them. */
function keysOf(toml: string): Map<string, string> {
  const keys = new Map<string, string>();
  let table = '';
  for (const line of toml.split('\n')) {
    const header = /^\s*\[([\w."'-]{1,200})\]\s*(?:#.*)?$/.exec(line);
    if (header !== null) table = `${(header[1] ?? '').replace(/["']/g, '')}.`;
    const entry =
      /^\s*([\w-]{1,100})\s*=\s*(?:"([^"\\]{0,500})"|'([^']{0,500})'|(true|false))\s*(?:#.*)?$/.exec(line);
    if (entry !== null) keys.set(`${table}${entry[1]}`, entry[2] ?? entry[3] ?? entry[4] ?? '');
  }
  return keys;
}
