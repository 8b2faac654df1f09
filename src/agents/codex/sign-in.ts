import type { SignIn } from '../../core/sign-in.ts';
import type { AgentAccount } from '../agent.ts';
import { objectAt, textAt } from '../fields.ts';
import { fingerprintOf } from '../fingerprint.ts';
import { type LocalFile, readLocalFile } from '../local-file.ts';
import { foundCredential, isoMinute, jwtExpiry, noCredential, variable } from '../sign-in-facts.ts';
import { credentialFilesOf } from './credential-files.ts';
import { readUserConfig, type UserConfig } from './user-config.ts';

const STORED_LOGIN = 'stored_login';
const STORED_KEY = 'OPENAI_API_KEY in auth.json';

/**
 * Which credential the CLI would use and whether it can start with it: another provider of its
 * configuration, `CODEX_API_KEY` (`OPENAI_API_KEY` is not looked at by `codex exec`), the stored login.
 * Local and read-only; never throws.
 */
export async function judgeSignIn(
  account: AgentAccount,
  options: { readonly now: number; readonly expirySkewMs: number },
): Promise<SignIn> {
  const files = credentialFilesOf(account);
  const config = await readUserConfig(files.config);
  const other = fromProvider(account, config);
  if (other !== null) return other;
  const key = variable(account, 'CODEX_API_KEY');
  if (key !== '')
    return foundCredential(
      'ready_expiry_unknown',
      'CODEX_API_KEY',
      key,
      'CODEX_API_KEY is used; its end cannot be read',
    );
  return fromFile(await readLocalFile(files.login), config, options);
}

function fromProvider(
  account: AgentAccount,
  { provider, providerKey, takesLogin }: UserConfig,
): SignIn | null {
  if (provider === '' || takesLogin) return null;
  if (providerKey === '')
    return foundCredential(
      'unknown',
      'model_provider',
      provider,
      `the provider ${provider} of config.toml is used`,
    );
  const key = variable(account, providerKey);
  return key === ''
    ? noCredential(`the provider ${provider} needs the variable ${providerKey}, which is not set`)
    : foundCredential(
        'ready_expiry_unknown',
        providerKey,
        key,
        `${providerKey} is used; its end cannot be read`,
      );
}

function fromFile(
  file: LocalFile,
  config: UserConfig,
  options: { readonly now: number; readonly expirySkewMs: number },
): SignIn {
  if (file.value === null) {
    const why = `auth.json is ${file.kind.replaceAll('_', ' ')}`;
    return config.mayUseKeyring && file.kind === 'missing'
      ? foundCredential(
          'unknown',
          'keyring',
          '',
          'the login may be in the keyring, which cannot be judged from here',
        )
      : noCredential(`not logged in: ${why}`);
  }
  const key = textAt(file.value, 'OPENAI_API_KEY').trim();
  const mode = textAt(file.value, 'auth_mode').toLowerCase();
  const tokens = objectAt(file.value, 'tokens');
  const access = textAt(tokens, 'access_token').trim();
  if (key !== '' && (mode === 'apikey' || access === ''))
    return foundCredential('ready_expiry_unknown', STORED_KEY, key, 'the API key of auth.json is used');
  if (access === '') return noCredential('not logged in: auth.json holds no login');
  return judgeTokens(access, textAt(tokens, 'refresh_token').trim(), options);
}

/** The CLI renews a login whose access token has ended, at the start of a run; the refresh token rotates. */
function judgeTokens(
  access: string,
  refresh: string,
  { now, expirySkewMs }: { readonly now: number; readonly expirySkewMs: number },
): SignIn {
  const expiresAt = jwtExpiry(access);
  const tell = (state: SignIn['state'], detail: string): SignIn => ({
    state,
    source: STORED_LOGIN,
    expiresAt,
    endsAt: refresh === '' ? expiresAt : null,
    fingerprint: fingerprintOf(STORED_LOGIN, access, refresh),
    detail,
  });
  if (expiresAt === null) return tell('ready_expiry_unknown', 'stored login without a readable expiry');
  if (expiresAt > now + expirySkewMs) return tell('ready', `stored login until ${isoMinute(expiresAt)}`);
  return refresh === ''
    ? tell('login_needed', `stored login ended ${isoMinute(expiresAt)} and it has no refresh token`)
    : tell(
        'ready_refresh_due',
        `stored login ends ${isoMinute(expiresAt)}; the CLI renews it at its next start`,
      );
}
