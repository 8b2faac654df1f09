import { describe, expect, it } from 'vitest';
import { type Files, inHome, RUN_STARTED_AT, signInOf } from '../test-kit.ts';
import { codex } from './codex.ts';

const agent = codex.create();
const HOUR_S = 3600;

function token(expiresInS: number | null): string {
  const claims = expiresInS === null ? { sub: 'x' } : { exp: RUN_STARTED_AT / 1000 + expiresInS };
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;
}

const login = (expiresInS: number | null, refresh = 'r'): Files => ({
  '.codex/auth.json': {
    auth_mode: 'chatgpt',
    OPENAI_API_KEY: null,
    tokens: { access_token: token(expiresInS), refresh_token: refresh },
  },
});
const config = (text: string): Files => ({ '.codex/config.toml': text });
const FAKE =
  'model_provider = "fake" # mine\n\n[model_providers.fake]\nname = "fake"\nenv_key = "FAKE_KEY"\n';

describe('the sign-in of a codex home', () => {
  it.each<[string, Files, Record<string, string>, string, string | null]>([
    ['nothing', {}, {}, 'logged_out', null],
    ['an empty object', { '.codex/auth.json': {} }, {}, 'logged_out', null],
    ['no JSON', { '.codex/auth.json': '{' }, {}, 'logged_out', null],
    ['a login with an hour left', login(HOUR_S), {}, 'ready', 'stored_login'],
    ['a login that ends within the skew', login(30), {}, 'ready_refresh_due', 'stored_login'],
    ['a login that ended', login(-HOUR_S), {}, 'ready_refresh_due', 'stored_login'],
    ['a login that ended for good', login(-HOUR_S, ''), {}, 'login_needed', 'stored_login'],
    ['a login without an end', login(null), {}, 'ready_expiry_unknown', 'stored_login'],
    [
      'an emptied login',
      { '.codex/auth.json': { tokens: { access_token: '', refresh_token: '' } } },
      {},
      'logged_out',
      null,
    ],
    [
      'a stored key',
      { '.codex/auth.json': { auth_mode: 'apikey', OPENAI_API_KEY: 'sk-x' } },
      {},
      'ready_expiry_unknown',
      'OPENAI_API_KEY in auth.json',
    ],
    ['CODEX_API_KEY', {}, { CODEX_API_KEY: 'sk-x' }, 'ready_expiry_unknown', 'CODEX_API_KEY'],
    [
      'CODEX_API_KEY over a login',
      login(-HOUR_S, ''),
      { CODEX_API_KEY: 'sk-x' },
      'ready_expiry_unknown',
      'CODEX_API_KEY',
    ],
    ['a blank CODEX_API_KEY', {}, { CODEX_API_KEY: ' ' }, 'logged_out', null],
    ['OPENAI_API_KEY, which it does not look at', {}, { OPENAI_API_KEY: 'sk-x' }, 'logged_out', null],
    ['another provider with its key', config(FAKE), { FAKE_KEY: 'x' }, 'ready_expiry_unknown', 'FAKE_KEY'],
    ['another provider without its key', { ...login(HOUR_S), ...config(FAKE) }, {}, 'logged_out', null],
    [
      'another provider that needs none',
      config("model_provider = 'local'\n"),
      {},
      'unknown',
      'model_provider',
    ],
    [
      'a provider that is defined but not chosen',
      config('[model_providers.fake]\nmodel_provider = "fake"\n'),
      {},
      'logged_out',
      null,
    ],
    ['a keyring', config('cli_auth_credentials_store = "keyring"\n'), {}, 'unknown', 'keyring'],
    [
      'a moved home',
      { 'c/auth.json': { auth_mode: 'apikey', OPENAI_API_KEY: 'k' } },
      { CODEX_HOME: '${HOME}/c' },
      'ready_expiry_unknown',
      'OPENAI_API_KEY in auth.json',
    ],
    ['a moved home without a login', login(HOUR_S), { CODEX_HOME: '${HOME}/c' }, 'logged_out', null],
  ])('with %s', async (_, files, env, state, source) => {
    expect(await signInOf(agent, files, env)).toMatchObject({ state, source });
  });

  it('tells its end, and a mark that changes with the login alone', async () => {
    const [one, same, other] = [
      await signInOf(agent, login(HOUR_S)),
      await signInOf(agent, login(HOUR_S)),
      await signInOf(agent, login(7200)),
    ];
    expect(one.expiresAt).toBe(RUN_STARTED_AT + 3_600_000);
    expect(one.fingerprint).toBe(same.fingerprint);
    expect(one.fingerprint).not.toBe(other.fingerprint);
    expect((await signInOf(agent, {})).fingerprint).toBeNull();
  });

  it('is made by the command for that home', () => {
    const account = {
      id: 'a',
      home: '/srv/a',
      bin: 'codex',
      env: { CODEX_HOME: '/srv/c', CODEX_API_KEY: 'k' },
    };
    expect(agent.loginCommand(account)).toBe('HOME=/srv/a CODEX_HOME=/srv/c codex login');
  });
});

describe('a thread', () => {
  const id = '01a20285-ca7c-70e0-b946-c81362cac9b5';
  const transcript = { [`.codex/sessions/2026/11/22/rollout-2026-11-22T09-10-52-${id}.jsonl`]: '{}\n' };

  it('can go on while its transcript is there', async () => {
    expect(await inHome(transcript, {}, (account) => agent.canResume(account, id))).toBe(true);
    expect(await inHome(transcript, {}, (account) => agent.canResume(account, id.replace('01', '02')))).toBe(
      false,
    );
    expect(await inHome({}, {}, (account) => agent.canResume(account, id))).toBe(false);
    expect(await inHome(transcript, {}, (account) => agent.canResume(account, '../..'))).toBe(false);
  });
});

describe('a login of codex', () => {
  it.each([
    ['with a refresh token renews itself', 'r', null],
    ['without one ends with its token', '', RUN_STARTED_AT + HOUR_S * 1000],
  ])('%s', async (_name, refresh, endsAt) => {
    expect((await signInOf(agent, login(HOUR_S, refresh))).endsAt).toBe(endsAt);
  });
});
