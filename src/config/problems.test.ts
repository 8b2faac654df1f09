import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from './load.ts';
import { ACCOUNT, KINDS, load, problemsOf, stages } from './test-kit.ts';

describe('the problems of a configuration', () => {
  it.each<[string, string, string[]]>([
    ['an unknown key', 'max_concurency: 3', ['max_concurency']],
    ['text for a number', 'port: "80"', ['port']],
    ['a port out of range', 'port: 65536', ['port']],
    ['a half run', 'max_concurrency: 1.5', ['max_concurrency']],
    ['a timer that would overflow', 'run_timeout_seconds: 9999999', ['run_timeout_seconds']],
    ['a delay that shrinks', 'backoff_base_seconds: 60\nbackoff_max_seconds: 5', ['backoff_max_seconds']],
    ['PostgreSQL', 'database_url: postgres://h/db', ['database_url']],
    ['a login in an address', 'gitea_url: https://u:p@git.example', ['gitea_url']],
    ['a list for a mapping', 'projects: []', ['projects']],
    ['an account without anything', 'accounts: { a: {} }', ['accounts.a.agent', 'accounts.a.home']],
    ['an agent of a later version', 'accounts: { a: { agent: codex, home: /h } }', ['accounts.a.agent']],
    ['an agent that is only judged', 'accounts: { a: { agent: gemini, home: /h } }', ['accounts.a.agent']],
    [
      'a sandbox of a later version',
      'accounts: { a: { agent: scripted, home: /h, sandbox: bubblewrap } }',
      ['accounts.a.sandbox'],
    ],
    ['a bad account name', 'accounts: { "../a": { agent: scripted, home: /h } }', ['accounts."../a"']],
    [
      'a number as variable',
      'accounts: { a: { agent: scripted, home: /h, env: { CI: 1 } } }',
      ['accounts.a.env.CI'],
    ],
    [
      'a reserved variable',
      'accounts: { a: { agent: scripted, home: /h, env: { ORCH_X: "1" } } }',
      ['accounts.a.env.ORCH_X'],
    ],
    [
      'a bad reserve',
      'accounts: { a: { agent: scripted, home: /h, reserve: { five_hour: 140%, hours: noon } } }',
      ['accounts.a.reserve.five_hour', 'accounts.a.reserve.hours'],
    ],
    [
      'a project without repository',
      'projects: { p: { pipeline: [{ stage: x, kind: human }] } }',
      ['projects.p.repo'],
    ],
    [
      'a repository that is an option',
      'projects: { p: { repo: --upload-pack=x, pipeline: [{ stage: x, kind: human }] } }',
      ['projects.p.repo'],
    ],
    [
      'a repository run by a helper',
      'projects: { p: { repo: "ext::sh -c x", pipeline: [{ stage: x, kind: human }] } }',
      ['projects.p.repo'],
    ],
    [
      'a password in a repository',
      'projects: { p: { repo: "https://u:pw@h/x", pipeline: [{ stage: x, kind: human }] } }',
      ['projects.p.repo'],
    ],
    ['agent stages without an account', 'projects: { p: { repo: . } }', ['projects.p.accounts']],
    [
      'an unknown account',
      `${ACCOUNT}projects: { p: { repo: ., accounts: [b] } }`,
      ['projects.p.accounts[0]'],
    ],
    [
      'a weight of zero',
      `${ACCOUNT}projects: { p: { repo: ., accounts: [a], weight: 0 } }`,
      ['projects.p.weight'],
    ],
    [
      'a tracker of a later version',
      `${ACCOUNT}projects: { p: { repo: ., accounts: [a], tracker: { kind: plane, label: x } } }`,
      ['projects.p.tracker.kind'],
    ],
    [
      'a forge of a later version',
      `${ACCOUNT}projects: { p: { repo: ., accounts: [a], forge: { kind: github } } }`,
      ['projects.p.forge.kind'],
    ],
    [
      'a copy that climbs out',
      `${ACCOUNT}projects: { p: { repo: ., accounts: [a], workspace: { copy: [../x, /etc/passwd] } } }`,
      ['projects.p.workspace.copy[0]', 'projects.p.workspace.copy[1]'],
    ],
    [
      'a branch that is an option',
      `${ACCOUNT}projects: { p: { repo: ., accounts: [a], base: -x, git: { branch: "orch/{slug}" } } }`,
      ['projects.p.base', 'projects.p.git.branch'],
    ],
    ['an empty pipeline', stages().replace('pipeline:\n', 'pipeline: []\n'), ['projects.api.pipeline']],
    [
      'a stage twice',
      stages('{ stage: development }', '{ stage: development }'),
      ['projects.api.pipeline[1].stage'],
    ],
    [
      'a rejection forward',
      stages('{ stage: development, on_reject: review }', '{ stage: review }'),
      ['projects.api.pipeline[0].on_reject'],
    ],
    [
      'a stage of an unknown account',
      stages('{ stage: development, account: b }'),
      ['projects.api.pipeline[0].account'],
    ],
    [
      'an unknown effort',
      stages('{ stage: development, effort: hihg }'),
      ['projects.api.pipeline[0].effort'],
    ],
    [
      'a duration that is none',
      stages('{ stage: development, timeout: 2 hours }'),
      ['projects.api.pipeline[0].timeout'],
    ],
    ['an own stage without a role', stages('{ stage: docs }'), ['projects.api.pipeline[0].agent']],
    [
      'a model for a person',
      stages('{ stage: accept, kind: human, model: opus }'),
      ['projects.api.pipeline[0].model'],
    ],
    [
      'approval of an agent',
      stages('{ stage: development, approval: none }'),
      ['projects.api.pipeline[0].approval'],
    ],
    [
      'a command stage without one',
      stages('{ stage: lint, kind: command }'),
      ['projects.api.pipeline[0].command'],
    ],
    [
      'an automatic merge without a review',
      stages('{ stage: development, merge: auto }'),
      ['projects.api.pipeline[0].merge'],
    ],
    [
      'a merge in the middle',
      stages('{ stage: development, merge: auto }', '{ stage: deploy, kind: deploy }'),
      ['projects.api.pipeline[0].merge'],
    ],
    [
      'a bypass in the open',
      stages('{ stage: development, permission: bypass }'),
      ['projects.api.pipeline[0].permission'],
    ],
    ['a rule about no project', 'notify: { telegram: { projects: [api] } }', ['notify.telegram.projects[0]']],
    [
      'a stage name that is no text',
      stages('{ stage: { toString: 1 }, merge: auto }'),
      ['projects.api.pipeline[0].stage', 'projects.api.pipeline[0].merge'],
    ],
    ['a key twice', 'port: 1\nport: 2', ['orch.yaml']],
    ['broken YAML', 'accounts: [', ['orch.yaml']],
    ['a list', '- a', ['orch.yaml']],
    ['two documents', 'port: 1\n---\nport: 2', ['orch.yaml']],
    ['an unknown tag', 'port: !env PORT', ['orch.yaml']],
    ['an alias to nothing', 'home: *x', ['orch.yaml']],
    ['an alias to itself', 'home: &x [*x]', ['orch.yaml']],
    ['a dangerous key', '__proto__: { port: 1 }', ['orch.yaml']],
  ])('%s', (_what, yaml, keys) => {
    const problems = problemsOf(yaml);
    expect(problems.map((problem) => problem.key)).toEqual(keys);
    for (const { fix, problem, source } of problems) {
      expect(fix).not.toBe('');
      expect(problem).not.toBe('');
      expect(source).toBe('file');
    }
  });

  it.each([
    ['ORCH_PORT', '12abc'],
    ['ORCH_PORT', '-1'],
    ['ORCH_PORT', '0x10'],
    ['ORCH_MAX_ATTEMPTS', '2.5'],
    ['ORCH_LEASE_SECONDS', '-1'],
    ['ORCH_LEASE_SECONDS', '30s'],
    ['ORCH_PREFLIGHT_AUTH_STRICT', 'maybe'],
    ['ORCH_PREFLIGHT_AUTH_STRICT', 'constructor'],
    ['ORCH_LOG_LEVEL', 'loud'],
    ['ORCH_PUBLIC_URL', 'orch.example'],
    ['ORCH_DATABASE_URL', 'postgres://h/db'],
    ['ORCH_CONFIG', '/nowhere.yaml'],
    ['ORCH_BACKOFF_MAX_SECONDS', '1'],
  ])('%s=%s', (key, value) => {
    expect(problemsOf(null, { [key]: value })).toMatchObject([{ key, source: 'environment' }]);
  });

  it('are told all at once, one a line, with value, place and fix', () => {
    const yaml = 'port: "80"\nlog_levle: info\nprojects:\n  api:\n    repo: .\n    weight: -1';
    expect(() => load(yaml, { ORCH_MAX_ATTEMPTS: 'three' })).toThrow(
      [
        'the configuration has 5 problems',
        '  ORCH_MAX_ATTEMPTS: is text, not a number (value "three", environment) - use a whole number from 1 up to 100',
        '  port: is text, not a number (value "80", orch.yaml line 1) - use a whole number from 0 up to 65535',
        '  projects.api.weight: is not above 0 (value -1, orch.yaml line 6) - use a number above 0 up to 1000',
        '  log_levle: is not a known key (orch.yaml line 2) - did you mean "log_level"?',
        '  projects.api.accounts: is missing, but these stages run an agent: analysis, architecture, development, review, testing (orch.yaml line 4) - define an account under accounts and name it here',
      ].join('\n'),
    );
  });

  it('name line and column of a YAML mistake', () => {
    expect(problemsOf('port: 1\nhost: "a\\q"')).toMatchObject([
      { key: 'orch.yaml', line: 2, problem: expect.stringMatching(/^line 2, column \d+: /) },
    ]);
  });

  it('include a file that cannot be read', () => {
    const readFile = () => {
      throw Object.assign(new Error('denied'), { code: 'EACCES' });
    };
    expect(() => loadConfig({ env: { HOME: '/h' }, cwd: '/w', kinds: KINDS, readFile })).toThrow(
      'cannot be read (EACCES)',
    );
  });
});

describe('a tracker or forge that needs settings', () => {
  const kinds = {
    ...KINDS,
    forges: [
      { kind: 'local', keys: {}, needs: [] },
      { kind: 'gitea', keys: { repo: z.string().optional() }, needs: ['gitea_url', 'gitea_token'] },
    ],
  };
  const yaml = stages('{ stage: development, agent: developer }').replace(
    'repo: .',
    'repo: .\n    forge: { kind: gitea, repo: acme/api }',
  );

  it('names those that are missing, in the words of the environment', () => {
    const found = problemsOf(yaml, { ORCH_GITEA_URL: 'https://gitea.example.org' }, {}, kinds);
    expect(found).toMatchObject([
      { key: 'projects.api.forge.kind', problem: 'needs ORCH_GITEA_TOKEN, which is not set' },
    ]);
  });

  it('takes them from the file or the environment, and keeps the keys of the kind', () => {
    const env = { ORCH_GITEA_TOKEN: 'abcdefgh' };
    const { config } = load(`gitea_url: https://gitea.example.org\n${yaml}`, env, {}, kinds);
    expect(config.projects[0]?.forge).toEqual({ kind: 'gitea', repo: 'acme/api' });
  });
});
