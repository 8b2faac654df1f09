import { describe, expect, it } from 'vitest';
import { ACCOUNT, KINDS, load, problemsOf, stages } from './test-kit.ts';

describe('loadConfig', () => {
  it('needs no file at all: empty accounts and projects are legal', () => {
    const { config, file, warnings } = load(null);
    expect(file).toBeNull();
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      home: '/home/mara/.orch',
      dbPath: '/home/mara/.orch/orch.db',
      reposDir: '/home/mara/.orch/repos',
      worktreesDir: '/home/mara/.orch/worktrees',
      runsDir: '/home/mara/.orch/runs',
      host: '127.0.0.1',
      port: 8044,
      publicUrl: null,
      agentHome: null,
      claudeBin: 'claude',
      preflight: { checkAuth: true, cacheTtlMs: 60_000, expirySkewMs: 60_000, authStrict: false },
      probeIntervalMs: 300_000,
      maxConcurrency: 2,
      limits: { maxAttempts: 3, maxTransientAttempts: 8, maxLostAttempts: 3 },
      backoff: { baseMs: 10_000, maxMs: 900_000 },
      breaker: { threshold: 5, cooldownMs: 120_000 },
      runTimeoutMs: 7_200_000,
      stallTimeoutMs: 900_000,
      leaseMs: 30_000,
      telegram: { botToken: null, chatId: null, apiUrl: 'https://api.telegram.org' },
      apiToken: null,
      accounts: [],
      projects: [],
    });
  });

  it('reads the whole shape of a file', () => {
    const { config } = load(`
accounts:
  claude-a: { agent: claude-code, home: agents/a, slots: 2, reserve: { five_hour: 40%, hours: "Mon-Fri 08-18" } }
projects:
  api:
    repo: git@host:acme/api.git
    accounts: [claude-a]
    budget: { usd_per_task: 20, tokens_per_day: 50_000_000 }
    workspace: { setup: ["npm ci"], copy: [".env.test"], env: { CI: "1" }, env_file: secrets/api.env }
    pipeline:
      - { stage: development, agent: developer, model: opus, effort: high, timeout: 2h, stall: 90 }
      - { stage: review, on_reject: development, account: claude-a }
      - { stage: accept, kind: human, reviewers: [mara] }
      - { stage: deploy, kind: deploy, command: "./deploy.sh" }
  pages: { repo: ../pages, pipeline: [{ stage: accept, kind: human }] }
`);
    expect(config.accounts[0]).toMatchObject({
      id: 'claude-a',
      home: '/site/agents/a',
      slots: 2,
      bin: 'claude',
      credentialsPath: null,
      reserve: {
        fiveHour: 0.4,
        sevenDay: null,
        hours: { days: [1, 2, 3, 4, 5], fromMinute: 480, toMinute: 1080 },
      },
      isolation: 'auto',
      sandbox: 'none',
    });
    const [api, pages] = config.projects;
    expect(pages).toMatchObject({
      key: 'pages',
      repo: '/pages',
      base: 'main',
      openPrs: 3,
      maxConcurrency: 1,
      weight: 1,
    });
    expect(api).toMatchObject({
      repo: 'git@host:acme/api.git',
      budget: { usdPerTask: 20, usdPerDay: null, tokensPerDay: 50_000_000 },
      workspace: { copy: [{ from: '/site/.env.test', to: '.env.test' }], envFile: '/site/secrets/api.env' },
      git: { name: 'Orch', email: 'orch@localhost', branch: 'orch/{key}-{slug}' },
      tracker: { kind: 'local' },
    });
    expect(api?.pipeline).toMatchObject([
      {
        stage: 'development',
        kind: 'agent',
        agent: 'developer',
        tools: 'write',
        timeoutMs: 7_200_000,
        stallMs: 90_000,
      },
      { stage: 'review', agent: 'reviewer', tools: 'read', onReject: 'development', maxRounds: 3 },
      { stage: 'accept', kind: 'human', agent: null, reviewers: ['mara'], approval: 'none' },
      {
        stage: 'deploy',
        kind: 'deploy',
        agent: null,
        approval: 'required',
        merge: 'auto',
        command: './deploy.sh',
      },
    ]);
  });

  it('gives a project without a pipeline the six stages', () => {
    const { config } = load(`${ACCOUNT}projects: { api: { repo: ., accounts: [a] } }`);
    expect(config.projects[0]?.pipeline.map((s) => [s.stage, s.kind, s.agent, s.tools, s.onReject])).toEqual([
      ['analysis', 'agent', 'analyst', 'read', null],
      ['architecture', 'agent', 'architect', 'read', null],
      ['development', 'agent', 'developer', 'write', null],
      ['review', 'agent', 'reviewer', 'read', 'development'],
      ['testing', 'agent', 'tester', 'write', 'development'],
      ['deploy', 'deploy', null, 'read', null],
    ]);
    expect(config.projects[0]?.pipeline[5]).toMatchObject({ approval: 'required', merge: 'auto' });
  });

  it('leaves no undefined behind and freezes everything', () => {
    const { config } = load(`${ACCOUNT}projects: { api: { repo: ., accounts: [a] } }`);
    const walk = (value: unknown): void => {
      expect(value).not.toBeUndefined();
      if (typeof value !== 'object' || value === null) return;
      expect(Object.isFrozen(value)).toBe(true);
      for (const child of Object.values(value)) walk(child);
    };
    walk(config);
  });

  it('puts the environment over the file over the defaults, and knows the origin of each', () => {
    const { config, origins } = load('port: 1\nmax_attempts: 7\nhome: state', {
      ORCH_PORT: '0',
      ORCH_LEASE_SECONDS: '0.5',
    });
    expect(config).toMatchObject({
      port: 0,
      leaseMs: 500,
      home: '/site/state',
      dbPath: '/site/state/orch.db',
    });
    expect(config.limits.maxAttempts).toBe(7);
    expect(origins).toMatchObject({ port: 'environment', max_attempts: 'file', host: 'default' });
  });

  it.each([
    [{ ORCH_CONFIG: 'conf/o.yaml' }, '/site/conf/o.yaml'],
    [{ ORCH_CONFIG: '~/o.yaml' }, '/home/mara/o.yaml'],
    [{}, '/site/orch.yaml'],
    [{ ORCH_HOME: '/state' }, '/site/orch.yaml'],
  ])('finds its file with %j at %s', (env, path) => {
    const files = {
      '/site/conf/o.yaml': '',
      '/home/mara/o.yaml': '',
      '/site/orch.yaml': '',
      '/state/orch.yaml': '',
    };
    expect(load(null, env, files).file).toBe(path);
  });

  it('falls back to the file in ORCH_HOME', () => {
    expect(load(null, { ORCH_HOME: '/state' }, { '/state/orch.yaml': 'port: 9' }).config.port).toBe(9);
  });

  it('reads AGENT_HOME, and ORCH_AGENT_HOME before it', () => {
    const yaml = 'accounts: { a: { agent: scripted } }';
    expect(load(yaml, { AGENT_HOME: '~/a' }).config.accounts[0]?.home).toBe('/home/mara/a');
    expect(load(yaml, { AGENT_HOME: '/a', ORCH_AGENT_HOME: '/b' }).config.accounts[0]?.home).toBe('/b');
  });

  it.each([
    ['true', true],
    ['YES', true],
    ['on', true],
    ['1', true],
    ['false', false],
    ['no', false],
    ['Off', false],
    [' 0 ', false],
    ['', true],
    ['   ', true],
  ])('reads ORCH_PREFLIGHT_CHECK_AUTH=%j as %s', (text, expected) => {
    expect(load(null, { ORCH_PREFLIGHT_CHECK_AUTH: text }).config.preflight.checkAuth).toBe(expected);
  });

  it('takes a key without a value as unset', () => {
    const { config } = load('port:\naccounts:\nprojects:\nnotify:\nlog_level: ~');
    expect(config).toMatchObject({ port: 8044, accounts: [], projects: [], logLevel: 'info' });
    expect(problemsOf('accounts: { a: }').map((p) => p.key)).toEqual(['accounts.a.agent', 'accounts.a.home']);
  });

  it('understands anchors and merge keys', () => {
    const { config } = load(
      'accounts:\n  a: &base { agent: scripted, home: /srv/a, slots: 3 }\n  b: { <<: *base, home: /srv/b }',
    );
    expect(config.accounts.map(({ home, slots }) => [home, slots])).toEqual([
      ['/srv/a', 3],
      ['/srv/b', 3],
    ]);
  });

  it('reads a prompt from the text or from the file it names', () => {
    const yaml = stages(
      '{ stage: development, prompt: "Do {{ task.title }}" }',
      '{ stage: review, prompt: p/review.md }',
    );
    const { config, files } = load(yaml, {}, { '/site/p/review.md': 'Look closely.' });
    expect(config.projects[0]?.pipeline.map((s) => s.prompt)).toEqual([
      'Do {{ task.title }}',
      'Look closely.',
    ]);
    expect(files).toEqual(['/site/orch.yaml', '/site/secrets.env', '/site/p/review.md']);
    expect(problemsOf(yaml).map((p) => p.key)).toEqual(['projects.api.pipeline[1].prompt']);
  });

  it('warns about an unknown ORCH_ variable, and not about those that are no settings', () => {
    const { warnings } = load(null, {
      ORCH_MAX_CONCURENCY: '3',
      ORCH_RUN_ID: 'x',
      ORCH_SLOT: '1',
      ORCH_PORT_BASE: '1',
      ORCH_SHARED_DIR: 'x',
      ORCH_TEST_REQUIRE: 'browser',
      ORCH_TEST_ANYTHING: '1',
      ORCH_NODE_OPTIONS: '--max-old-space-size=512',
    });
    expect(warnings).toMatchObject([
      { key: 'ORCH_MAX_CONCURENCY', fix: 'did you mean ORCH_MAX_CONCURRENCY?' },
    ]);
  });

  it('warns about what is legal and probably not meant', () => {
    const yaml =
      'api_token: abc\naccounts: { a: { agent: scripted, home: /h }, b: { agent: scripted, home: /h } }';
    const { warnings } = load(yaml, { ORCH_TELEGRAM_BOT_TOKEN: '1:a' });
    expect(warnings.map((w) => w.key)).toEqual(['api_token', 'telegram_chat_id', 'accounts.b.home']);
  });

  it('needs the notifiers and sandboxes of this build', () => {
    const kinds = { ...KINDS, notifiers: ['telegram'], sandboxes: ['bubblewrap'] };
    const sandboxed = 'accounts: { a: { agent: scripted, home: /h, sandbox: bubblewrap } }';
    expect(load(sandboxed, {}, {}, kinds).config.accounts[0]?.sandbox).toBe('bubblewrap');
    expect(() => load('notify: { webhook: { url: "https://x.example", secret: s } }', {}, {}, kinds)).toThrow(
      'notify.webhook: is not available in this version',
    );
  });
});
