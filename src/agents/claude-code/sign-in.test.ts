import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SignIn } from '../../core/sign-in.ts';
import type { AgentAccount } from '../agent.ts';
import { judgeSignIn } from './sign-in.ts';

const NOW = Date.UTC(2026, 10, 22, 9, 0, 0);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ACCESS = 'sk-ant-oat01-FAKE-access';
const REFRESH = 'sk-ant-ort01-FAKE-refresh';

interface StateCase {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, unknown>>;
  readonly verdict: string;
  readonly credential: string | null;
  readonly extra_args?: readonly string[];
}

const states: { cases: StateCase[] } = JSON.parse(
  await readFile(new URL('../../../test/fixtures/agent-auth-states.json', import.meta.url), 'utf8'),
);

let root = '';
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'orch-sign-in-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Home {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, unknown>>;
  readonly account?: Partial<AgentAccount>;
  readonly platform?: NodeJS.Platform;
  readonly expirySkewMs?: number;
}

async function judgeHome({
  env = {},
  files = {},
  account = {},
  platform = 'linux',
  expirySkewMs = MINUTE,
}: Home): Promise<SignIn> {
  count += 1;
  const home = join(root, `home-${count}`);
  await mkdir(home);
  const fill = (text: string) => text.replaceAll('${HOME}', home);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(
      join(home, name),
      fill(typeof content === 'string' ? content : JSON.stringify(atNow(content))),
    );
  }
  const filled = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)]));
  return judgeSignIn(
    { id: 'a', home, bin: 'claude', env: filled, ...account },
    { now: NOW, expirySkewMs, platform },
  );
}

/** `{$now_ms: n}` and `{$now_s: n}` of the states file as instants. */
function atNow(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(atNow);
  if ('$now_ms' in value) return NOW + Number(value.$now_ms);
  if ('$now_s' in value) return NOW / 1000 + Number(value.$now_s);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, atNow(item)]));
}

function login(changes: object = {}): Record<string, unknown> {
  const stored = {
    accessToken: ACCESS,
    refreshToken: REFRESH,
    expiresAt: NOW + HOUR,
    scopes: ['user:inference'],
    ...changes,
  };
  return { '.claude/.credentials.json': { claudeAiOauth: stored } };
}

describe('the states that the real CLI was seen in', () => {
  const cases = states.cases.filter((state) => !state.name.startsWith('bare-'));

  it('are all there', () => {
    expect(cases.length).toBeGreaterThan(30);
  });

  it.each(cases.map((state) => [state.name, state] as const))('%s', async (_, state) => {
    const { state: verdict, source } = await judgeHome({ env: state.env, files: state.files });
    expect({ verdict, credential: source }).toEqual({ verdict: state.verdict, credential: state.credential });
  });
});

describe('a stored login', () => {
  it.each([
    [
      'a minute and a bit before its end, without a refresh token',
      { expiresAt: NOW + MINUTE + 1, refreshToken: '' },
      'ready',
    ],
    [
      'exactly at the skew, without a refresh token',
      { expiresAt: NOW + MINUTE, refreshToken: '' },
      'login_needed',
    ],
    ['exactly five minutes before its end', { expiresAt: NOW + 5 * MINUTE }, 'ready_refresh_due'],
    ['just over five minutes before its end', { expiresAt: NOW + 5 * MINUTE + 1 }, 'ready'],
    ['that never can be renewed, still valid', { refreshTokenExpiresAt: NOW - 1 }, 'ready_login_ends_soon'],
    [
      'that never can be renewed, four minutes left',
      { expiresAt: NOW + 4 * MINUTE, refreshTokenExpiresAt: NOW },
      'ready_login_ends_soon',
    ],
    ['that never can be renewed, past', { expiresAt: NOW, refreshTokenExpiresAt: NOW }, 'login_needed'],
    [
      'that ends in just under three days',
      { refreshTokenExpiresAt: NOW + 3 * DAY - 1 },
      'ready_login_ends_soon',
    ],
    ['that ends in three days', { refreshTokenExpiresAt: NOW + 3 * DAY }, 'ready'],
    ['with a blank refresh token', { expiresAt: NOW - 1, refreshToken: '  ' }, 'login_needed'],
    ['with a refresh token that is no text', { expiresAt: NOW - 1, refreshToken: 5 }, 'login_needed'],
    ['with an expiry as a numeric text', { expiresAt: String(NOW - 1) }, 'ready_refresh_due'],
    ['with an expiry that is no number', { expiresAt: 'soon' }, 'ready_expiry_unknown'],
    ['with an expiry that is an object', { expiresAt: {} }, 'ready_expiry_unknown'],
    ['with an expiry of zero', { expiresAt: 0, refreshToken: '' }, 'login_needed'],
    ['with scopes as one text', { scopes: 'user:profile user:inference' }, 'ready'],
    ['with scopes that are no list', { scopes: { 0: 'user:inference' } }, 'logged_out'],
    ['with an access token that is no text', { accessToken: 12 }, 'logged_out'],
    ['with a blank access token', { accessToken: ' ' }, 'logged_out'],
  ] as const)('%s', async (_, changes, state) => {
    expect((await judgeHome({ files: login(changes) })).state).toBe(state);
  });

  it('is due for renewal earlier when the skew is longer than five minutes', async () => {
    const files = login({ expiresAt: NOW + 9 * MINUTE });
    expect((await judgeHome({ files, expirySkewMs: 10 * MINUTE })).state).toBe('ready_refresh_due');
    expect(
      (
        await judgeHome({
          files: login({ expiresAt: NOW + 9 * MINUTE, refreshToken: '' }),
          expirySkewMs: 10 * MINUTE,
        })
      ).state,
    ).toBe('login_needed');
  });

  it.each([
    ['that can renew itself without an end that is known: at no known time', {}, null],
    ['that can renew itself until a time: then', { refreshTokenExpiresAt: NOW + 2 * DAY }, NOW + 2 * DAY],
    ['that can renew itself no more: at its expiry', { refreshTokenExpiresAt: NOW }, NOW + HOUR],
    ['without a refresh token: at its expiry', { refreshToken: '' }, NOW + HOUR],
    ['without a refresh token and an expiry: at no known time', { refreshToken: '', expiresAt: null }, null],
  ] as const)('needs a person, one %s', async (_, changes, endsAt) => {
    expect((await judgeHome({ files: login(changes) })).endsAt).toBe(endsAt);
  });

  it('tells its expiry and never a token', async () => {
    const signIn = await judgeHome({ files: login() });
    expect(signIn).toMatchObject({ state: 'ready', source: 'stored_login', expiresAt: NOW + HOUR });
    expect(JSON.stringify(signIn)).not.toMatch(/sk-ant/);
  });

  it('is read where `credentialsPath` says, and nowhere else', async () => {
    const elsewhere = join(root, 'elsewhere.json');
    await writeFile(
      elsewhere,
      JSON.stringify({ claudeAiOauth: { accessToken: ACCESS, scopes: ['user:inference'] } }),
    );
    expect((await judgeHome({ account: { credentialsPath: elsewhere } })).state).toBe('ready_expiry_unknown');
    expect(
      (await judgeHome({ files: login(), account: { credentialsPath: join(root, 'none.json') } })).state,
    ).toBe('logged_out');
  });

  it('in a file that is too large, a folder or not JSON is none', async () => {
    const huge = JSON.stringify({
      claudeAiOauth: { accessToken: ACCESS, scopes: ['user:inference'] },
      pad: 'x'.repeat(2_000_000),
    });
    expect(await judgeHome({ files: { '.claude/.credentials.json': huge } })).toMatchObject({
      state: 'logged_out',
      source: null,
    });
    expect((await judgeHome({ files: { '.claude/.credentials.json/x': '' } })).state).toBe('logged_out');
    expect((await judgeHome({ files: { '.claude/.credentials.json': '\uFEFF{}' } })).state).toBe(
      'logged_out',
    );
  });
});

describe('the credential that is chosen', () => {
  const key = { ANTHROPIC_API_KEY: 'sk-ant-api03-FAKE' };
  it.each([
    [
      'a bearer token before a key',
      { ANTHROPIC_AUTH_TOKEN: 'tok-FAKE', ...key },
      {},
      'ready_expiry_unknown',
      'ANTHROPIC_AUTH_TOKEN',
    ],
    [
      'a bearer token of the settings',
      key,
      { '.claude/settings.json': { env: { ANTHROPIC_AUTH_TOKEN: 'tok-FAKE' } } },
      'ready_expiry_unknown',
      'ANTHROPIC_AUTH_TOKEN from settings env',
    ],
    [
      'a key that the settings blank out',
      key,
      { ...login(), '.claude/settings.json': { env: { ANTHROPIC_API_KEY: '' } } },
      'ready',
      'stored_login',
    ],
    [
      'a helper before an OAuth token',
      { CLAUDE_CODE_OAUTH_TOKEN: 'x' },
      { '.claude/settings.json': { apiKeyHelper: 'cat key' } },
      'unknown',
      'apiKeyHelper',
    ],
    [
      'settings that are not JSON',
      {},
      { ...login(), '.claude/settings.json': '{nope' },
      'ready',
      'stored_login',
    ],
    [
      'a cloud before everything',
      { CLAUDE_CODE_USE_VERTEX: 'true', ...key },
      login(),
      'unknown',
      'third_party',
    ],
    [
      'a cloud of the settings',
      {},
      { '.claude/settings.json': { env: { CLAUDE_CODE_USE_FOUNDRY: 1 } } },
      'unknown',
      'third_party',
    ],
    [
      'a cloud switched off',
      { CLAUDE_CODE_USE_BEDROCK: '0', CLAUDE_CODE_USE_VERTEX: 'false' },
      login(),
      'ready',
      'stored_login',
    ],
    [
      'a cloud switched off by the settings',
      { CLAUDE_CODE_USE_BEDROCK: '1' },
      { ...login(), '.claude/settings.json': { env: { CLAUDE_CODE_USE_BEDROCK: '0' } } },
      'ready',
      'stored_login',
    ],
    [
      'a profile with a file',
      { ANTHROPIC_PROFILE: 'work' },
      { ...login(), '.config/anthropic/configs/work.json': {} },
      'unknown',
      'ANTHROPIC_PROFILE',
    ],
    ['a profile without a file', { ANTHROPIC_PROFILE: 'work' }, login(), 'ready', 'stored_login'],
    [
      'a key in the state file behind an emptied login',
      {},
      { ...login({ accessToken: '' }), '.claude.json': { primaryApiKey: 'sk-ant-api03-FAKE' } },
      'ready_expiry_unknown',
      'primaryApiKey',
    ],
    [
      'an ended login before a key in the state file',
      {},
      { ...login({ expiresAt: 1, refreshToken: '' }), '.claude.json': { primaryApiKey: 'sk' } },
      'login_needed',
      'stored_login',
    ],
    [
      'a state file inside the configuration folder',
      { CLAUDE_CONFIG_DIR: '${HOME}/cfg' },
      { 'cfg/.claude.json': { primaryApiKey: 'sk' } },
      'ready_expiry_unknown',
      'primaryApiKey',
    ],
    ['a blank configuration folder', { CLAUDE_CONFIG_DIR: ' ' }, login(), 'ready', 'stored_login'],
    [
      'a configuration folder of the settings',
      {},
      { ...login(), '.claude/settings.json': { env: { CLAUDE_CONFIG_DIR: '${HOME}/cfg' } } },
      'logged_out',
      null,
    ],
  ] as const)('%s', async (_, env, files, state, source) => {
    expect(await judgeHome({ env, files })).toMatchObject({ state, source });
  });

  it('on macOS is unknown without a file and variables, and known with them', async () => {
    expect((await judgeHome({ platform: 'darwin' })).state).toBe('unknown');
    expect((await judgeHome({ platform: 'darwin', env: key })).source).toBe('ANTHROPIC_API_KEY');
    expect((await judgeHome({ platform: 'darwin', files: login() })).state).toBe('ready');
  });

  it('is unknown, not absent, when a settings file is too large to look into', async () => {
    const huge = JSON.stringify({ primaryApiKey: 'sk', pad: 'x'.repeat(2_000_000) });
    expect((await judgeHome({ files: { '.claude.json': huge } })).state).toBe('unknown');
  });

  it('has a fingerprint that changes when it does, and only then', async () => {
    const mark = async (home: Home) => (await judgeHome(home)).fingerprint;
    const first = await mark({ files: login() });
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(await mark({ files: login({ expiresAt: NOW + 2 * HOUR }) })).toBe(first);
    expect(await mark({ files: login({ accessToken: 'sk-ant-oat01-OTHER' }) })).not.toBe(first);
    expect(await mark({ files: login(), env: key })).not.toBe(first);
    expect(await mark({})).toBeNull();
  });
});
