import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { describeConfig } from './describe.ts';
import { load, problemsOf } from './test-kit.ts';

describe('secrets', () => {
  const MARK = 'hunter2-correct-horse';

  it.each([
    ['a list as token', `gitea_token: [${MARK}]`],
    ['a mapping as token', `github_token: { a: ${MARK} }`],
    ['a misspelt key', `telegram_bot_tokn: ${MARK}`],
    [
      'an account variable of a bad name',
      `accounts: { a: { agent: scripted, home: /h, env: { 1X: ${MARK} } } }`,
    ],
    [
      'an account variable of a bad type',
      `accounts: { a: { agent: scripted, home: /h, env: { X: [${MARK}] } } }`,
    ],
    ['a password in an address', `gitea_url: https://u:${MARK}@git.example`],
    [
      'a password in a repository',
      `projects: { p: { repo: "https://u:${MARK}@h/x", pipeline: [{ stage: x, kind: human }] } }`,
    ],
    ['a database address', `database_url: postgres://u:${MARK}@h/db`],
    ['broken YAML', `api_token: "${MARK}\nport: 1`],
    ['a webhook without address', `notify: { webhook: { secret: ${MARK}, secre: ${MARK} } }`],
  ])('never show in the error about %s', (_what, yaml) => {
    try {
      load(yaml);
      expect.unreachable('the configuration is bad');
    } catch (error) {
      expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain(MARK);
    }
  });

  it('never show in the loaded configuration, its warnings and its rows', () => {
    const yaml = `plane_api_token: ${MARK}\naccounts: { a: { agent: scripted, home: /h, env: { KEY: ${MARK} } } }
notify: { webhook: { url: "https://x.example", secret: ${MARK} } }`;
    const loaded = load(yaml, { ORCH_API_TOKEN: MARK, ORCH_TELEGRAM_BOT_TOKN: MARK });
    const rows = describeConfig(loaded);
    expect(inspect(loaded, { depth: 12 }) + JSON.stringify([loaded, rows])).not.toContain(MARK);
    expect(rows).toContainEqual({
      key: 'api_token',
      path: ['api_token'],
      value: '[secret]',
      origin: 'environment',
      env: 'ORCH_API_TOKEN',
    });
    expect(rows).toContainEqual(
      expect.objectContaining({ key: 'accounts.a.env.KEY', value: '[secret]', origin: 'file' }),
    );
    expect(loaded.config.apiToken?.reveal()).toBe(MARK);
    expect(loaded.config.accounts[0]?.env.KEY?.reveal()).toBe(MARK);
  });

  it('never show wherever a secret of a known key goes wrong', () => {
    const keys = fc.constantFrom(
      'gitea_token',
      'api_token',
      'plane_webhook_secret',
      'github_reviewer_token',
      'database_url',
    );
    const shape = fc.constantFrom<(mark: string) => unknown>(
      (m) => m,
      (m) => [m],
      (m) => ({ m }),
      (m) => ({ [m]: 1 }),
      (m) => [[m, 1]],
    );
    fc.assert(
      fc.property(keys, shape, fc.boolean(), (key, wrap, broken) => {
        const yaml = stringify({ [key]: wrap(MARK), port: broken ? 'x' : 1 });
        const shown = problemsOf(yaml)
          .map((problem) => JSON.stringify(problem))
          .join();
        expect(shown).not.toContain(MARK);
      }),
    );
  });
});
