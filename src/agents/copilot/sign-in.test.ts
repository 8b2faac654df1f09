import { describe, expect, it } from 'vitest';
import { type Files, signInOf } from '../test-kit.ts';
import { copilot } from './copilot.ts';

describe('the sign-in of a copilot home', () => {
  it.each<[string, Files, Record<string, string>, string, string | null]>([
    ['nothing', {}, {}, 'logged_out', null],
    ['a token', {}, { GITHUB_TOKEN: 'github_pat_x' }, 'ready_expiry_unknown', 'GITHUB_TOKEN'],
    [
      'two tokens',
      {},
      { GITHUB_TOKEN: 'a', COPILOT_GITHUB_TOKEN: 'b' },
      'ready_expiry_unknown',
      'COPILOT_GITHUB_TOKEN',
    ],
    [
      'a blank token before another',
      {},
      { GH_TOKEN: ' ', GITHUB_TOKEN: 'b' },
      'ready_expiry_unknown',
      'GITHUB_TOKEN',
    ],
    ['a classic token', {}, { GH_TOKEN: 'ghp_x' }, 'login_needed', 'GH_TOKEN'],
    [
      'a provider of its own',
      {},
      { COPILOT_PROVIDER_BASE_URL: 'http://h', COPILOT_PROVIDER_API_KEY: 'k', GH_TOKEN: 'x' },
      'ready_expiry_unknown',
      'COPILOT_PROVIDER_API_KEY',
    ],
    [
      'a provider without a key',
      {},
      { COPILOT_PROVIDER_BASE_URL: 'http://h' },
      'unknown',
      'COPILOT_PROVIDER_BASE_URL',
    ],
    [
      'a login in its folder',
      { '.copilot/config.json': { copilot_tokens: { 'https://github.com:me': 'gho_x' } } },
      {},
      'ready_expiry_unknown',
      'stored_login',
    ],
    [
      'a folder without a token',
      { '.copilot/config.json': { copilot_tokens: {} } },
      {},
      'unknown',
      'credential store',
    ],
  ])('with %s', async (_, files, env, state, source) => {
    expect(await signInOf(copilot.create(), files, env)).toMatchObject({ state, source });
  });
});
