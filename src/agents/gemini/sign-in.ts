import { join } from 'node:path';
import type { SignIn } from '../../core/sign-in.ts';
import type { AgentAccount } from '../agent.ts';
import { amountAt, objectAt, textAt } from '../fields.ts';
import { type LocalFile, readLocalFile, readLocalText } from '../local-file.ts';
import { foundCredential, isoMinute, noCredential, variable } from '../sign-in-facts.ts';

export interface CredentialFiles {
  /** The stored login. */
  readonly login: string;
  /** Says which way to sign in was chosen. */
  readonly settings: string;
  /** Variables that the CLI adds to its environment. */
  readonly variables: string;
}

interface Options {
  readonly now: number;
  readonly expirySkewMs: number;
}

type Way = 'key' | 'vertex' | 'login' | 'other' | null;

export function credentialFilesOf(account: AgentAccount): CredentialFiles {
  const folder = join(account.home, '.gemini');
  return {
    login: account.credentialsPath ?? join(folder, 'oauth_creds.json'),
    settings: join(folder, 'settings.json'),
    variables: join(folder, '.env'),
  };
}

/**
 * Which way the CLI would sign in, the one chosen in its settings before what the environment holds, and
 * whether it can start with it. Local and read-only; never throws.
 */
export async function judgeSignIn(account: AgentAccount, options: Options): Promise<SignIn> {
  const files = credentialFilesOf(account);
  const settings = await readLocalFile(files.settings, { allowMark: true });
  const way = chosenWay(settings) ?? wayOfEnvironment(account);
  const variables = (await readLocalText(files.variables)) ?? '';
  switch (way) {
    case 'key': {
      const key = variable(account, 'GEMINI_API_KEY');
      if (key !== '')
        return foundCredential(
          'ready_expiry_unknown',
          'GEMINI_API_KEY',
          key,
          'GEMINI_API_KEY is used; its end cannot be read',
        );
      return unseen(variables, 'the key may be in the keychain, which cannot be judged from here');
    }
    case 'vertex':
      return foundCredential(
        'unknown',
        'vertex',
        variable(account, 'GOOGLE_API_KEY'),
        "the cloud's own credentials are used",
      );
    case 'login':
      return fromFile(await readLocalFile(files.login), options);
    case 'other':
      return foundCredential(
        'unknown',
        'selected_type',
        '',
        'the way chosen in settings.json cannot be judged from here',
      );
    case null:
      return variables.trim() === ''
        ? noCredential('no way to sign in is configured')
        : unseen(variables, 'variables of .gemini/.env may sign it in');
  }
}

function chosenWay({ value }: LocalFile): Way {
  const auth = objectAt(objectAt(value, 'security'), 'auth');
  const chosen = textAt(auth, 'selectedType') || textAt(value, 'selectedAuthType');
  if (chosen === '') return null;
  if (chosen === 'gemini-api-key') return 'key';
  if (chosen === 'vertex-ai') return 'vertex';
  return /^(?:oauth|login)/.test(chosen) ? 'login' : 'other';
}

function wayOfEnvironment(account: AgentAccount): Way {
  if (variable(account, 'GOOGLE_GENAI_USE_GCA') === 'true') return 'login';
  if (variable(account, 'GOOGLE_GENAI_USE_VERTEXAI') === 'true') return 'vertex';
  return variable(account, 'GEMINI_API_KEY') === '' ? null : 'key';
}

function fromFile(file: LocalFile, { now, expirySkewMs }: Options): SignIn {
  // It may be encrypted, or in the keychain: no file, and no readable one, proves nothing.
  if (file.value === null)
    return foundCredential(
      'unknown',
      'keychain',
      '',
      'the login may be encrypted or in the keychain, which cannot be judged from here',
    );
  const access = textAt(file.value, 'access_token').trim();
  const refresh = textAt(file.value, 'refresh_token').trim();
  if (access === '' && refresh === '') return noCredential('not logged in: oauth_creds.json holds no login');
  const expiresAt = amountAt(file.value, 'expiry_date') || null;
  const tell = (state: SignIn['state'], detail: string): SignIn => ({
    ...foundCredential(state, 'stored_login', `${access} ${refresh}`, detail),
    expiresAt,
    endsAt: refresh === '' ? expiresAt : null,
  });
  if (expiresAt === null) return tell('ready_expiry_unknown', 'stored login without a readable expiry');
  if (expiresAt > now + expirySkewMs && access !== '')
    return tell('ready', `stored login until ${isoMinute(expiresAt)}`);
  return refresh === ''
    ? tell('login_needed', `stored login ended ${isoMinute(expiresAt)} and it has no refresh token`)
    : tell(
        'ready_refresh_due',
        `stored login ends ${isoMinute(expiresAt)}; the CLI renews it at its next start`,
      );
}

function unseen(credential: string, detail: string): SignIn {
  return foundCredential('unknown', 'keychain or .env', credential, detail);
}
