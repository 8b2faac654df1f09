import { describe, expect, it } from 'vitest';
import { type Files, RUN_STARTED_AT, signInOf } from '../test-kit.ts';
import { gemini } from './gemini.ts';

const HOUR_MS = 3_600_000;
const login = (inMs: number, refresh = 'r'): Files => ({
  '.gemini/oauth_creds.json': {
    access_token: 'a',
    refresh_token: refresh,
    expiry_date: RUN_STARTED_AT + inMs,
  },
});
const chosen = (selectedType: string): Files => ({
  '.gemini/settings.json': { security: { auth: { selectedType } } },
});

describe('the sign-in of a gemini home', () => {
  it.each<[string, Files, Record<string, string>, string, string | null]>([
    ['nothing', {}, {}, 'logged_out', null],
    ['a key', {}, { GEMINI_API_KEY: 'k' }, 'ready_expiry_unknown', 'GEMINI_API_KEY'],
    ['a blank key', {}, { GEMINI_API_KEY: ' ' }, 'logged_out', null],
    ['a login nobody chose', login(HOUR_MS), {}, 'logged_out', null],
    ['a chosen login', { ...login(HOUR_MS), ...chosen('oauth-personal') }, {}, 'ready', 'stored_login'],
    [
      'a login that ended',
      { ...login(-HOUR_MS), ...chosen('oauth-personal') },
      {},
      'ready_refresh_due',
      'stored_login',
    ],
    [
      'a login that ended for good',
      { ...login(-HOUR_MS, ''), ...chosen('oauth-personal') },
      {},
      'login_needed',
      'stored_login',
    ],
    ['a login in the keychain', chosen('oauth-personal'), {}, 'unknown', 'keychain'],
    [
      'an encrypted login',
      { ...chosen('oauth-personal'), '.gemini/oauth_creds.json': 'a1:b2' },
      {},
      'unknown',
      'keychain',
    ],
    [
      'the choice over a key',
      { ...login(HOUR_MS), ...chosen('oauth-personal') },
      { GEMINI_API_KEY: 'k' },
      'ready',
      'stored_login',
    ],
    ['a chosen key that is nowhere to be seen', chosen('gemini-api-key'), {}, 'unknown', 'keychain or .env'],
    ['the cloud', {}, { GOOGLE_GENAI_USE_VERTEXAI: 'true' }, 'unknown', 'vertex'],
    ['variables of its own', { '.gemini/.env': 'GEMINI_API_KEY=k\n' }, {}, 'unknown', 'keychain or .env'],
  ])('with %s', async (_, files, env, state, source) => {
    expect(await signInOf(gemini.create(), files, env)).toMatchObject({ state, source });
  });
});
