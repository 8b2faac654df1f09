// All linting, and with it the layers of style.md ("Who may import whom"). test/house/layers.test.ts plants
// forbidden imports and sees these rules bite. oxlint reads an import's text, not the file it leads to; it
// lets a later row replace an earlier one for the same file.
import { defineConfig, type OxlintOverride } from 'oxlint';

const ADAPTER_FAMILIES = ['trackers', 'forges', 'agents', 'store', 'webhooks'];
const PORTS = [
  'trackers/tracker.ts',
  'forges/forge.ts',
  'agents/agent.ts',
  'notifiers/notifier.ts',
  'stages/stage.ts',
  'store/store.ts',
  'store/user-store.ts',
  'store/report-store.ts',
  'store/feed-store.ts',
  'webhooks/webhook.ts',
];

/** Refused everywhere: detours that would hide where an import leads, and what only tests may use. */
const plainest = {
  regex:
    '^\\./\\.|[^./]/(.*/)?\\.\\.(/|$)|^\\.\\.?/?$|^(/|#|file:)|\\.(test|contract)\\.ts$|/test-kit\\.ts$|(^|/)test/|^(node:)?process$',
  message: 'Write an import in its plainest form; tests, contract suites and node:process stay out of src.',
};

interface Row {
  files: string[];
  /** Shown with every refused import. */
  rule: string;
  /** Paths from src/ that these files may import, beside what `own` allows. */
  sees?: string[];
  /** The layer's own files, as written from these. Default: the same folder and below. */
  own?: string[];
  /** Packages too are refused, except these. */
  packages?: string[];
  /** Folders between src/ and these files. */
  depth?: number;
  /** Patterns that only an `import type` passes. */
  typesOnly?: string;
}

function layer({
  files,
  rule,
  sees = [],
  own = ['./**'],
  packages,
  depth = 1,
  typesOnly,
}: Row): OxlintOverride {
  const allowed = [...(packages ?? []), ...own, ...sees.map((path) => '../'.repeat(depth) + path)];
  const refused = packages === undefined ? ['./**', '../**'] : ['*'];
  const named = typesOnly === undefined ? [] : [{ regex: typesOnly, allowTypeImports: true, message: rule }];
  const group = [
    ...refused,
    ...allowed.map((pattern) => (pattern.startsWith('!') ? pattern.slice(1) : `!${pattern}`)),
  ];
  const patterns = [plainest, ...named, { group, message: rule }];
  return { files, rules: { 'no-restricted-imports': ['error', { patterns }] } };
}

/** The same layer for `<folder>/*.ts` and for one folder further down. */
function folder(path: string, row: Omit<Row, 'files' | 'depth'>): OxlintOverride[] {
  const depth = path.split('/').length;
  return [
    layer({ ...row, files: [`src/${path}/*.ts`], depth }),
    layer({
      ...row,
      files: [`src/${path}/*/*.ts`],
      own: [...(row.own ?? ['./**']), '../*.ts'],
      depth: depth + 1,
    }),
  ];
}

const CORE = 'core imports zod and its own files, nothing else.';
const ADAPTER = 'An adapter sees its own port, core, lib and clients; never another adapter, never engine.';
const STAGE = 'A stage sees the stage, agent and forge ports, workspace, launcher, core, lib and clients.';
const toolbox = ['core/**', 'lib/**', 'clients/**'];
const stageSees = [...toolbox, 'agents/agent.ts', 'forges/forge.ts', 'workspace/**', 'launcher/**'];

const layers: OxlintOverride[] = [
  layer({
    files: ['src/**/*.ts'],
    own: [],
    rule: 'No row of the layer table fits this file: see oxlint.config.ts.',
  }),
  ...folder('core', { rule: CORE, packages: ['zod'] }),
  ...folder('lib', { rule: 'lib imports nothing of ours.' }),
  ...folder('clients', { rule: 'clients import lib.', sees: ['lib/**'] }),

  // Adapters. `../*.ts` is the port and what the family shares, which never sees an adapter itself.
  layer({
    files: ADAPTER_FAMILIES.map((family) => `src/${family}/*.ts`),
    rule: "A family's shared file sees the family's other files, core, lib and clients; never an adapter.",
    own: ['./*.ts'],
    sees: toolbox,
  }),
  ...ADAPTER_FAMILIES.flatMap((family) => [
    ...folder(`${family}/*`, { rule: ADAPTER, own: ['./**', '../*.ts'], sees: toolbox }),
    layer({
      files: [`src/${family}/*/*/*.ts`],
      rule: ADAPTER,
      own: ['./**', '../*.ts', '../../*.ts'],
      sees: toolbox,
      depth: 3,
    }),
  ]),
  ...folder('trackers/local', {
    rule: 'trackers/local is an adapter that may also import the store port.',
    own: ['./**', '../*.ts'],
    sees: [...toolbox, 'store/store.ts'],
  }),
  ...folder('forges/local', {
    rule: 'forges/local is an adapter that may also import workspace.',
    own: ['./**', '../*.ts'],
    sees: [...toolbox, 'workspace/**'],
  }),
  layer({ files: ['src/notifiers/*.ts'], rule: ADAPTER, own: ['./notifier.ts'], sees: toolbox }),
  layer({
    files: ['src/notifiers/*/*.ts'],
    rule: ADAPTER,
    sees: [...toolbox, 'notifiers/notifier.ts'],
    own: ['./**', '../notifier.ts'],
    depth: 2,
  }),
  layer({ files: ['src/stages/*.ts'], rule: STAGE, own: ['./stage.ts'], sees: stageSees }),
  layer({
    files: ['src/stages/*/*.ts'],
    rule: STAGE,
    own: ['./**', '../stage.ts'],
    sees: stageSees,
    depth: 2,
  }),

  // Ports.
  layer({
    files: PORTS.filter((port) => port !== 'stages/stage.ts').map((port) => `src/${port}`),
    rule: 'A port imports core types and nothing else of ours.',
    own: ['./user-store.ts', './report-store.ts'], // parts of the store port, which are ports themselves
    sees: ['core/**'],
  }),
  layer({
    files: ['src/store/store.ts', 'src/store/feed-store.ts'],
    rule: 'The store port is a few files, which import core types and each other.',
    own: ['./store.ts', './feed-store.ts'],
    sees: ['core/**'],
  }),
  layer({
    files: ['src/stages/stage.ts'],
    rule: 'The stage port imports core, and may name (import type) agent, forge, workspace and launcher types.',
    own: [],
    sees: ['core/**', 'agents/agent.ts', 'forges/forge.ts', 'workspace/**', 'launcher/**'],
    typesOnly: '^\\.\\./(agents|forges|workspace|launcher)/',
  }),

  ...folder('workspace', { rule: 'workspace sees core and lib.', sees: ['core/**', 'lib/**'] }),
  ...folder('launcher', {
    rule: 'launcher sees core, lib, workspace and the agent port.',
    sees: ['core/**', 'lib/**', 'workspace/**', 'agents/agent.ts'],
  }),
  ...folder('engine', {
    rule: 'engine sees ports (never adapters), workspace, launcher, core and lib.',
    sees: ['core/**', 'lib/**', 'workspace/**', 'launcher/**', ...PORTS],
  }),
  ...folder('http', {
    rule: 'http sees engine, ports (never adapters), core and lib.',
    sees: ['core/**', 'lib/**', 'engine/**', ...PORTS],
  }),
  layer({
    files: ['src/http/contract.ts'],
    rule: "http/contract.ts sees only core and zod, so the dashboard's bundle stays clean.",
    packages: ['zod'],
    own: ['./contract/**'],
    sees: ['core/**'],
  }),
  layer({
    files: ['src/http/contract/*.ts'],
    rule: "http/contract sees only core and zod, so the dashboard's bundle stays clean.",
    packages: ['zod'],
    sees: ['core/**'],
    depth: 2,
  }),
  ...folder('config', {
    rule: 'config sees registry, core and lib.',
    sees: ['core/**', 'lib/**', 'registry.ts'],
  }),
  ...folder('cli', {
    rule: 'cli sees app, offline, config, http/contract.ts, core and lib.',
    sees: ['core/**', 'lib/**', 'config/**', 'app.ts', 'offline.ts', 'http/contract.ts'],
  }),
  layer({
    files: ['src/registry.ts', 'src/app.ts', 'src/app-runtime.ts', 'src/notifying.ts', 'src/offline.ts'],
    rule: 'registry, app and what stands beside it see everything but cli.',
    own: ['./**', '!./cli/**'],
  }),
  {
    files: ['web/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^(\\.\\./)+src/http/contract\\.ts$',
              allowTypeImports: true,
              message:
                'The dashboard takes types alone from the contract: its schemas would bring all of zod.',
            },
            ...[1, 2, 3, 4, 5].map((depth) => ({
              group: [`${'../'.repeat(depth)}src/**`, `!${'../'.repeat(depth)}src/http/contract.ts`],
              message: 'The dashboard imports only src/http/contract.ts from the server.',
            })),
          ],
        },
      ],
    },
  },
  {
    files: ['**/*.test.ts', '**/*.contract.ts', '**/test-kit.ts'],
    rules: { 'no-restricted-imports': 'off' },
  },
];

const environment = {
  object: 'process',
  property: 'env',
  message: 'process.env is read only in src/config.',
};
const CLOCKS = ['process', 'fetch', 'performance', 'setTimeout', 'setInterval', 'setImmediate'];

export default defineConfig({
  plugins: ['eslint', 'typescript', 'unicorn', 'oxc', 'import', 'node', 'promise', 'vitest'],
  env: { node: true, es2024: true },
  ignorePatterns: ['node_modules', 'dist', '.cache', 'coverage', '.orch', '**/fixtures/**'],
  categories: { correctness: 'error' },
  rules: {
    eqeqeq: ['error', 'always', { null: 'ignore' }],
    'no-console': 'error',
    'no-control-regex': 'off', // names and URLs are refused by their control characters
    'no-empty': 'error',
    'no-restricted-properties': ['error', environment],
    'no-unused-vars': [
      'error',
      { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
    ],
    'no-var': 'error',
    'prefer-const': 'error',
    'import/no-cycle': 'error',
    'import/no-default-export': 'error',
    'import/no-mutable-exports': 'error',
    'import/no-self-import': 'error',
    'typescript/ban-ts-comment': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/no-require-imports': 'error',
    'typescript/no-unnecessary-type-assertion': 'error',
    'typescript/only-throw-error': 'error',
    'typescript/prefer-promise-reject-errors': 'error',
    'typescript/return-await': ['error', 'in-try-catch'],
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'typescript/unbound-method': 'off', // our objects are closures, not classes
    'unicorn/no-useless-spread': 'off', // it groups the entries of long tables
    'unicorn/prefer-node-protocol': 'error',
    // Our tests assert through contract suites and properties, which these cannot see.
    'vitest/expect-expect': 'off',
    'vitest/no-conditional-expect': 'off',
    'vitest/no-conditional-tests': 'off',
    'vitest/no-standalone-expect': 'off',
    'vitest/prefer-snapshot-hint': 'off',
    'vitest/require-mock-type-parameters': 'off',
    'vitest/require-to-throw-message': 'off',
    'vitest/valid-title': 'off',
  },
  overrides: [
    ...layers,
    {
      // Where our own closed sets are decided, `default` may not swallow a member added later.
      files: ['src/core/**/*.ts', 'src/engine/**/*.ts'],
      rules: {
        'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: false }],
      },
    },
    {
      files: ['src/core/**/*.ts'],
      rules: {
        'no-restricted-globals': [
          'error',
          ...CLOCKS.map((name) => ({
            name,
            message: 'core does no I/O and reads no clock: pass the value in.',
          })),
        ],
        'no-restricted-properties': [
          'error',
          environment,
          { object: 'Date', property: 'now', message: 'core reads no clock: pass the time in.' },
          { object: 'Math', property: 'random', message: 'core is deterministic: pass the number in.' },
        ],
      },
    },
    { files: ['src/cli/**/*.ts'], rules: { 'no-console': 'off' } },
    { files: ['src/config/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
    {
      files: [
        '**/*.test.ts',
        '**/*.contract.ts',
        'test/**',
        'bench/**',
        'sim/**',
        'scripts/**',
        'web/**',
        '*.config.ts',
      ],
      rules: {
        'import/no-default-export': 'off',
        'no-console': 'off',
        'no-restricted-globals': 'off',
        'no-restricted-properties': 'off',
        'typescript/restrict-template-expressions': 'off',
      },
    },
  ],
});
