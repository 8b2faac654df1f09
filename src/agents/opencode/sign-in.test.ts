import { describe, expect, it } from 'vitest';
import { type Files, inHome, RUN_STARTED_AT, signInOf } from '../test-kit.ts';
import { opencode } from './opencode.ts';

const agent = opencode.create();
const HOUR_MS = 3_600_000;
const stored = (logins: object): Files => ({ '.local/share/opencode/auth.json': logins });
const oauth = (inMs: number, refresh = 'r') => ({
  type: 'oauth',
  access: 'a',
  refresh,
  expires: inMs === 0 ? 0 : RUN_STARTED_AT + inMs,
});

describe('the sign-in of an opencode home', () => {
  it.each<[string, Files, Record<string, string>, string, string | null]>([
    ['nothing', {}, {}, 'logged_out', null],
    ['an empty object', stored({}), {}, 'logged_out', null],
    [
      'a key',
      stored({ anthropic: { type: 'api', key: 'k' } }),
      {},
      'ready_expiry_unknown',
      'stored login of anthropic',
    ],
    ['an empty key', stored({ anthropic: { type: 'api', key: '' } }), {}, 'logged_out', null],
    [
      'a login with an hour left',
      stored({ anthropic: oauth(HOUR_MS) }),
      {},
      'ready',
      'stored login of anthropic',
    ],
    [
      'a login that ended',
      stored({ anthropic: oauth(-HOUR_MS) }),
      {},
      'ready_refresh_due',
      'stored login of anthropic',
    ],
    [
      'a login that ended for good',
      stored({ openai: oauth(-HOUR_MS, '') }),
      {},
      'login_needed',
      'stored login of openai',
    ],
    [
      'a login that never ends',
      stored({ 'github-copilot': oauth(0) }),
      {},
      'ready_expiry_unknown',
      'stored login of github-copilot',
    ],
    [
      'one login of two that can start',
      stored({ openai: oauth(-HOUR_MS, ''), anthropic: oauth(HOUR_MS) }),
      {},
      'ready',
      'stored login of anthropic',
    ],
    ['a variable', {}, { ANTHROPIC_API_KEY: 'k' }, 'ready_expiry_unknown', 'ANTHROPIC_API_KEY'],
    ['a blank variable', {}, { ANTHROPIC_API_KEY: '  ' }, 'logged_out', null],
    [
      'a configured provider',
      { '.config/opencode/opencode.json': { provider: { fake: {} } } },
      {},
      'unknown',
      'configured provider',
    ],
    [
      'a configuration without provider',
      { '.config/opencode/opencode.json': { provider: {} } },
      {},
      'logged_out',
      null,
    ],
    [
      'a moved folder',
      { 'd/opencode/auth.json': { x: { type: 'api', key: 'k' } } },
      { XDG_DATA_HOME: '${HOME}/d' },
      'ready_expiry_unknown',
      'stored login of x',
    ],
  ])('with %s', async (_, files, env, state, source) => {
    expect(await signInOf(agent, files, env)).toMatchObject({ state, source });
  });

  it('has a mark that changes with any of its credentials', async () => {
    const one = await signInOf(agent, stored({ anthropic: oauth(HOUR_MS) }));
    const more = await signInOf(agent, stored({ anthropic: oauth(HOUR_MS) }), { OPENAI_API_KEY: 'k' });
    expect(one.fingerprint).not.toBe(more.fingerprint);
    expect(more).toMatchObject({ state: 'ready', expiresAt: RUN_STARTED_AT + HOUR_MS });
  });

  it('ends for good with its token only when it has no refresh token', async () => {
    const endOf = async (refresh: string) =>
      (await signInOf(agent, stored({ anthropic: oauth(HOUR_MS, refresh) }))).endsAt;
    expect([await endOf('r'), await endOf('')]).toEqual([null, RUN_STARTED_AT + HOUR_MS]);
  });
});

describe('a session', () => {
  const id = 'ses_dfd74abc0ffeIdeEF3bIDKd03X';

  it('can go on while the database or its log holds it', async () => {
    const padding = 'x'.repeat(1024 * 1024 - 10);
    for (const name of ['opencode.db', 'opencode.db-wal', 'opencode-dev.db']) {
      const files = { [`.local/share/opencode/${name}`]: `SQLite format 3\0${padding}${id}\0` };
      expect(await inHome(files, {}, (account) => agent.canResume(account, id))).toBe(true);
      expect(await inHome(files, {}, (account) => agent.canResume(account, `${id}9`))).toBe(false);
    }
    expect(await inHome({}, {}, (account) => agent.canResume(account, id))).toBe(false);
    expect(
      await inHome({}, {}, (account) => agent.canResume(account, '11111111-1111-4111-8111-111111111111')),
    ).toBe(false);
  });
});
