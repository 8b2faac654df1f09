import type { SignIn, SignInState } from '../../core/sign-in.ts';
import type { AgentAccount } from '../agent.ts';
import { amountAt, textAt } from '../fields.ts';
import { fingerprintOf } from '../fingerprint.ts';
import { isJsonObject, type JsonObject } from '../json-documents.ts';
import { type LocalFile, readLocalFile, readLocalText } from '../local-file.ts';
import { foundCredential, isoMinute, noCredential, variable } from '../sign-in-facts.ts';
import { type Places, placesOf } from './places.ts';

/** Variables that the CLI's common providers take a key from. */
const PROVIDER_KEYS = [
  'OPENCODE_API_KEY',
  'ANTHROPIC_API_KEY',
  'OPENAI_API_KEY',
  'OPENROUTER_API_KEY',
  'GEMINI_API_KEY',
  'GOOGLE_GENERATIVE_AI_API_KEY',
  'GROQ_API_KEY',
  'MISTRAL_API_KEY',
  'DEEPSEEK_API_KEY',
  'XAI_API_KEY',
  'GITHUB_TOKEN',
  'AWS_BEARER_TOKEN_BEDROCK',
];

/** Best first: which provider a run takes depends on its model, so one that can start is enough to start. */
const BY_WORTH: readonly SignInState[] = [
  'ready',
  'ready_expiry_unknown',
  'ready_refresh_due',
  'unknown',
  'login_needed',
];

interface Options {
  readonly now: number;
  readonly expirySkewMs: number;
}

/**
 * The best of the credentials that the CLI could use: stored ones first, then variables, then
 * providers of its own configuration. Local and read-only; never throws.
 */
export async function judgeSignIn(account: AgentAccount, options: Options): Promise<SignIn> {
  const places = placesOf(account);
  const file = await readLocalFile(places.login);
  const found = [...storedIn(file, options), ...keysOf(account), ...(await configured(account, places))];
  const best = BY_WORTH.map((state) => found.find((each) => each.state === state)).find(
    (each) => each !== undefined,
  );
  if (best === undefined) return noCredential(`not logged in: auth.json ${stateOf(file)}`);
  // Any credential may be the one of the next run's provider: a change of any counts.
  return { ...best, fingerprint: fingerprintOf('all', ...found.map(({ fingerprint }) => fingerprint ?? '')) };
}

function storedIn(file: LocalFile, options: Options): SignIn[] {
  return Object.entries(file.value ?? {}).flatMap(([provider, login]) => {
    const judged = isJsonObject(login) ? judgeStored(provider, login, options) : null;
    return judged === null ? [] : [judged];
  });
}

function judgeStored(provider: string, login: JsonObject, { now, expirySkewMs }: Options): SignIn | null {
  const source = `stored login of ${provider.replace(/[^\w.-]/g, '').slice(0, 40)}`;
  const key = textAt(login, 'key').trim() || textAt(login, 'token').trim();
  if (textAt(login, 'type') !== 'oauth')
    return key === '' ? null : foundCredential('ready_expiry_unknown', source, key, `the ${source} is a key`);
  const [access, refresh] = [textAt(login, 'access').trim(), textAt(login, 'refresh').trim()];
  if (access === '' && refresh === '') return null;
  // Some providers' logins never end; theirs is written as 0.
  const expiresAt = amountAt(login, 'expires') || null;
  const tell = (state: SignInState, detail: string): SignIn => ({
    ...foundCredential(state, source, `${access} ${refresh}`, detail),
    expiresAt,
    endsAt: refresh === '' ? expiresAt : null,
  });
  if (expiresAt === null) return tell('ready_expiry_unknown', `the ${source} has no readable expiry`);
  if (expiresAt > now + expirySkewMs && access !== '')
    return tell('ready', `${source} until ${isoMinute(expiresAt)}`);
  return refresh === ''
    ? tell('login_needed', `the ${source} ended ${isoMinute(expiresAt)} and has no refresh token`)
    : tell('ready_refresh_due', `the ${source} ends ${isoMinute(expiresAt)}; the CLI renews it`);
}

function keysOf(account: AgentAccount): SignIn[] {
  return PROVIDER_KEYS.flatMap((name) => {
    const key = variable(account, name);
    return key === ''
      ? []
      : [foundCredential('ready_expiry_unknown', name, key, `${name} is used; its end cannot be read`)];
  });
}

/** A configured provider may hold its key, or need none: its file tells no more than that it is there. */
async function configured(account: AgentAccount, { configs }: Places): Promise<SignIn[]> {
  const texts = await Promise.all(configs.map((path) => readLocalText(path)));
  const inline = variable(account, 'OPENCODE_CONFIG_CONTENT');
  return [...texts, inline].flatMap((text) =>
    text !== null && /"provider"\s*:\s*\{\s*"/.test(text)
      ? [
          foundCredential(
            'unknown',
            'configured provider',
            text,
            'a provider of the configuration is used, which cannot be judged from here',
          ),
        ]
      : [],
  );
}

function stateOf(file: LocalFile): string {
  return file.value === null ? `is ${file.kind.replaceAll('_', ' ')}` : 'holds no login';
}
