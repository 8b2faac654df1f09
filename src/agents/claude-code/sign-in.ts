import type { SignIn } from '../../core/sign-in.ts';
import type { AgentAccount } from '../agent.ts';
import { isJsonObject, type JsonObject } from '../json-documents.ts';
import { credentialFilesOf } from './credential-files.ts';
import { fingerprintOf } from './fingerprint.ts';
import { readLocalFile } from './local-file.ts';
import { judgeStoredLogin } from './stored-login.ts';

const CLOUD_SWITCHES = ['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CLAUDE_CODE_USE_FOUNDRY'];
const OFF = ['', '0', 'false', 'no', 'off'];

export interface SignInOptions {
  readonly now: number;
  readonly expirySkewMs: number;
  /** `process.platform`; on macOS the login is in the Keychain, where nobody can look without asking. */
  readonly platform: NodeJS.Platform;
}

/** Which credential the CLI would choose, in its own order, and whether it can start with it. Local and read-only; never throws. */
export async function judgeSignIn(account: AgentAccount, options: SignInOptions): Promise<SignIn> {
  const files = credentialFilesOf(account);
  const [login, settings, state] = await Promise.all(
    [files.login, files.settings, files.state].map(readLocalFile),
  );
  if (login === undefined || settings === undefined || state === undefined)
    return nothingFound('no file could be looked at');

  const variable = createEnvironment(account.env, settings.value);
  const cloud = CLOUD_SWITCHES.find((name) => !OFF.includes(variable(name).value.toLowerCase()));
  if (cloud !== undefined)
    return found('unknown', 'third_party', cloud, `${cloud} is set: the cloud's own credentials are used`);
  for (const name of ['ANTHROPIC_AUTH_TOKEN', 'ANTHROPIC_API_KEY']) {
    const { value, label } = variable(name);
    const note = login.value === null ? '' : '; it pays, not the plan of the stored login';
    if (value !== '')
      return found('ready_expiry_unknown', label, value, `${label} is used; its end cannot be read${note}`);
  }
  const helper = wordsOf(settings.value?.['apiKeyHelper']);
  if (helper !== '')
    return found(
      'unknown',
      'apiKeyHelper',
      helper,
      'a command in the settings supplies the key; it is not run here',
    );
  const token = variable('CLAUDE_CODE_OAUTH_TOKEN');
  if (token.value !== '')
    return found(
      'ready_expiry_unknown',
      token.label,
      token.value,
      `${token.label} is used; its end cannot be read`,
    );
  const profile = variable('ANTHROPIC_PROFILE');
  if (profile.value !== '')
    return found(
      'unknown',
      profile.label,
      profile.value,
      `${profile.label} names a profile, which cannot be judged from here`,
    );

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
  const primaryKey = wordsOf(state.value?.['primaryApiKey']);
  if (primaryKey !== '')
    return found('ready_expiry_unknown', 'primaryApiKey', primaryKey, 'the API key of .claude.json is used');
  if (settings.kind === 'too_large' || state.kind === 'too_large') {
    return {
      ...nothingFound(''),
      state: 'unknown',
      detail: 'no login found, but a settings file is too large to be read here',
    };
  }
  return nothingFound(stored.why);
}

/** A variable's value, blank as unset; user settings override the process environment. */
function createEnvironment(env: Readonly<Record<string, string>>, settings: JsonObject | null) {
  const block = settings?.['env'];
  const overrides = isJsonObject(block) ? block : {};
  return (name: string): { value: string; label: string } => {
    const override = overrides[name];
    const isOverridden = ['string', 'number', 'boolean'].includes(typeof override);
    return {
      value: (isOverridden ? String(override) : (env[name] ?? '')).trim(),
      label: isOverridden ? `${name} from settings env` : name,
    };
  };
}

function found(state: SignIn['state'], source: string, credential: string, detail: string): SignIn {
  return { state, source, expiresAt: null, fingerprint: fingerprintOf(source, credential), detail };
}

function nothingFound(why: string): SignIn {
  return {
    state: 'logged_out',
    source: null,
    expiresAt: null,
    fingerprint: null,
    detail: `not logged in: ${why}`,
  };
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : '';
}
