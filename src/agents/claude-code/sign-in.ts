import { join } from 'node:path';
import type { SignIn } from '../../core/sign-in.ts';
import type { AgentAccount } from '../agent.ts';
import { fingerprintOf } from '../fingerprint.ts';
import type { JsonObject } from '../json-documents.ts';
import { type LocalFile, readLocalFile } from '../local-file.ts';
import { credentialFilesOf } from './credential-files.ts';
import { judgeStoredLogin } from './stored-login.ts';
import { readUserSettings, type UserSettings } from './user-settings.ts';

const CLOUD_SWITCHES = [
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_VERTEX',
  'CLAUDE_CODE_USE_FOUNDRY',
  'CLAUDE_CODE_USE_MANTLE',
  'CLAUDE_CODE_USE_ANTHROPIC_AWS',
];
/** Anything else, such as `0`, `no` or `2`, leaves a switch off. */
const ON = ['1', 'true', 'yes', 'on'];

export interface SignInOptions {
  readonly now: number;
  readonly expirySkewMs: number;
  /** On macOS the login is in the Keychain, where nobody can look without asking. */
  readonly platform: NodeJS.Platform;
}

/**
 * Which credential the CLI would choose, in its own order (each pair was tried with the real one), and
 * whether it can start with it. Local and read-only; never throws.
 */
export async function judgeSignIn(account: AgentAccount, options: SignInOptions): Promise<SignIn> {
  const files = credentialFilesOf(account);
  const settings = await readUserSettings(files.settings);
  const moved = account.credentialsPath === undefined ? settings.movedTo : null;
  const login = await readLocalFile(moved === null ? files.login : join(moved, '.credentials.json'));
  return (
    fromEnvironment(account, settings, login) ??
    (await fromProfile(account, settings)) ??
    fromFiles(login, await readLocalFile(files.state, { allowMark: true }), settings, options)
  );
}

/** Variables and the key helper; each wins over any stored login. */
function fromEnvironment(account: AgentAccount, settings: UserSettings, login: LocalFile): SignIn | null {
  const cloud = CLOUD_SWITCHES.find((name) =>
    ON.includes(variableOf(account, settings, name).value.toLowerCase()),
  );
  if (cloud !== undefined) {
    return found('unknown', 'third_party', cloud, `${cloud} is set: the cloud's own credentials are used`);
  }
  for (const name of ['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_API_KEY']) {
    const { value, label } = variableOf(account, settings, name);
    const note = login.value === null ? '' : '; it pays, not the plan of the stored login';
    if (value !== '')
      return found('ready_expiry_unknown', label, value, `${label} is used; its end cannot be read${note}`);
  }
  if (settings.apiKeyHelper !== '') {
    return found(
      'unknown',
      'apiKeyHelper',
      settings.apiKeyHelper,
      'a command of the settings supplies the key; it is not run here',
    );
  }
  const token = variableOf(account, settings, 'CLAUDE_CODE_OAUTH_TOKEN');
  if (token.value === '') return null;
  return found(
    'ready_expiry_unknown',
    token.label,
    token.value,
    `${token.label} is used; its end cannot be read`,
  );
}

/** A named profile counts only where its file is; the CLI passes over a name alone. */
async function fromProfile(account: AgentAccount, settings: UserSettings): Promise<SignIn | null> {
  const { value, label } = variableOf(account, settings, 'ANTHROPIC_PROFILE');
  if (!/^[\w.-]+$/.test(value)) return null;
  const profile = await readLocalFile(join(account.home, '.config', 'anthropic', 'configs', `${value}.json`));
  return profile.value === null
    ? null
    : found('unknown', label, value, `${label} names a profile, which cannot be judged from here`);
}

function fromFiles(
  login: LocalFile,
  state: LocalFile,
  settings: UserSettings,
  options: SignInOptions,
): SignIn {
  const stored = judgeStoredLogin(login, options.now, options.expirySkewMs);
  if ('state' in stored) return stored;
  if (options.platform === 'darwin' && login.kind === 'missing') {
    return found(
      'unknown',
      'keychain',
      '',
      'on macOS the login is in the Keychain, which cannot be judged from here',
    );
  }
  const primaryKey = primaryKeyOf(state.value);
  if (primaryKey !== '')
    return found('ready_expiry_unknown', 'primaryApiKey', primaryKey, 'the API key of .claude.json is used');
  const none = { source: null, expiresAt: null, fingerprint: null };
  if (settings.isTooLarge || state.kind === 'too_large') {
    return {
      ...none,
      state: 'unknown',
      detail: 'no login found, but a settings file is too large to be read here',
    };
  }
  return { ...none, state: 'logged_out', detail: `not logged in: ${stored.why}` };
}

/** A variable as the CLI sees it, blank as unset; user settings override the process environment. */
function variableOf(
  account: AgentAccount,
  settings: UserSettings,
  name: string,
): { value: string; label: string } {
  const override = settings.env[name];
  return {
    value: (override ?? account.env[name] ?? '').trim(),
    label: override === undefined ? name : `${name} from settings env`,
  };
}

function primaryKeyOf(state: JsonObject | null): string {
  const key = state?.['primaryApiKey'];
  return typeof key === 'string' ? key.trim() : '';
}

function found(state: SignIn['state'], source: string, credential: string, detail: string): SignIn {
  return { state, source, expiresAt: null, fingerprint: fingerprintOf(source, credential), detail };
}
