import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SignIn } from '../../core/sign-in.ts';
import type { AgentAccount } from '../agent.ts';
import { objectAt } from '../fields.ts';
import { readLocalFile } from '../local-file.ts';
import { foundCredential, noCredential, variable } from '../sign-in-facts.ts';

/** First one that is set wins. */
const TOKENS = ['COPILOT_GITHUB_TOKEN', 'GH_TOKEN', 'GITHUB_TOKEN'];
const CLASSIC_TOKEN = 'ghp_';

/** Where the CLI keeps its settings, and its login where the system has no credential store. */
export function configOf(account: AgentAccount): string {
  return account.credentialsPath ?? join(account.home, '.copilot', 'config.json');
}

/**
 * Which credential the CLI would use: a provider of one's own, a token of the environment, a login in its
 * folder or in the system's credential store. None of them tells its end. Local and read-only; never throws.
 */
export async function judgeSignIn(account: AgentAccount): Promise<SignIn> {
  return fromProvider(account) ?? fromToken(account) ?? (await fromFolder(account));
}

function fromProvider(account: AgentAccount): SignIn | null {
  const address = variable(account, 'COPILOT_PROVIDER_BASE_URL');
  if (address === '') return null;
  const key = variable(account, 'COPILOT_PROVIDER_API_KEY');
  return key === ''
    ? foundCredential(
        'unknown',
        'COPILOT_PROVIDER_BASE_URL',
        address,
        'a provider without a key of the environment is used',
      )
    : foundCredential(
        'ready_expiry_unknown',
        'COPILOT_PROVIDER_API_KEY',
        key,
        'the key of the own provider is used; its end cannot be read',
      );
}

function fromToken(account: AgentAccount): SignIn | null {
  const name = TOKENS.find((each) => variable(account, each) !== '');
  if (name === undefined) return null;
  const token = variable(account, name);
  return token.startsWith(CLASSIC_TOKEN)
    ? foundCredential(
        'login_needed',
        name,
        token,
        `${name} is a classic token, which the CLI refuses; it takes a fine-grained one`,
      )
    : foundCredential('ready_expiry_unknown', name, token, `${name} is used; its end cannot be read`);
}

async function fromFolder(account: AgentAccount): Promise<SignIn> {
  const config = await readLocalFile(configOf(account));
  const tokens = Object.entries(objectAt(config.value, 'copilot_tokens') ?? {}).filter(
    ([, token]) => typeof token === 'string' && token.trim() !== '',
  );
  if (tokens.length > 0)
    return foundCredential(
      'ready_expiry_unknown',
      'stored_login',
      JSON.stringify(tokens),
      'the login of ~/.copilot is used; its end cannot be read',
    );
  // A login by the CLI leaves its folder behind, wherever the token itself went.
  const wasUsed = await stat(join(account.home, '.copilot')).catch(() => null);
  return wasUsed === null
    ? noCredential('not logged in: no token in the environment, and the CLI was never used in this home')
    : foundCredential(
        'unknown',
        'credential store',
        '',
        "the login may be in the system's credential store, which cannot be judged from here",
      );
}
