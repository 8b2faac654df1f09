import { spawnSync } from 'node:child_process';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../support/requirements.ts';

/** One row of "Who may import whom" in style.md: a file, imports it may write, imports it must not. */
interface Row {
  readonly file: string;
  readonly allowed: readonly string[];
  readonly forbidden: readonly string[];
}

const portNames = [
  ...['trackers/tracker', 'forges/forge', 'agents/agent', 'notifiers/notifier', 'store/store'],
  'webhooks/webhook',
];
const PORTS = [...portNames, 'stages/stage'].map((port) => `../${port}.ts`);
const ADAPTERS = [
  '../trackers/plane/client.ts',
  '../forges/gitea/forge.ts',
  '../agents/codex/codex.ts',
  '../notifiers/telegram.ts',
  '../stages/human.ts',
  '../store/sqlite/store.ts',
];
const TOP = [
  '../app.ts',
  '../registry.ts',
  '../cli/main.ts',
  '../config/load.ts',
  '../http/server.ts',
  '../engine/worker.ts',
];
const deeper = (paths: readonly string[]) => paths.map((path) => `../${path}`);
const without = (paths: readonly string[], ...dropped: string[]) =>
  paths.filter((path) => !dropped.includes(path));

const rows: Row[] = [
  {
    file: 'src/core/task.ts',
    allowed: ['zod', './job.ts'],
    forbidden: ['node:fs', 'hono', '../lib/clock.ts', ...PORTS, ...ADAPTERS, ...TOP, '../workspace/git.ts'],
  },
  {
    file: 'src/lib/clock.ts',
    allowed: ['node:fs', 'pino', './assert.ts'],
    forbidden: [
      '../core/errors.ts',
      '../clients/gitea.ts',
      ...PORTS,
      ...ADAPTERS,
      ...TOP,
      '../launcher/launch.ts',
    ],
  },
  {
    file: 'src/clients/gitea.ts',
    allowed: ['zod', '../lib/clock.ts', './page.ts'],
    forbidden: ['../core/errors.ts', ...PORTS, ...ADAPTERS, ...TOP, '../workspace/git.ts'],
  },
  ...portNames.map((port) => ({
    file: `src/${port}.ts`,
    allowed: ['zod', '../core/task.ts'],
    forbidden: [
      './other.ts',
      '../lib/clock.ts',
      '../clients/gitea.ts',
      '../workspace/git.ts',
      ...without(PORTS, `../${port}.ts`),
      ...ADAPTERS,
      ...TOP,
    ],
  })),
  {
    file: 'src/stages/stage.ts',
    allowed: [
      '../core/task.ts',
      'type:../agents/agent.ts',
      'type:../forges/forge.ts',
      'type:../workspace/git.ts',
      'type:../launcher/launch.ts',
    ],
    forbidden: [
      '../agents/agent.ts',
      '../workspace/git.ts',
      '../launcher/launch.ts',
      'type:../trackers/tracker.ts',
      'type:../store/store.ts',
      '../lib/clock.ts',
      './human.ts',
      ...ADAPTERS,
      ...TOP,
    ],
  },
  ...['trackers/plane', 'forges/gitea', 'agents/codex', 'store/sqlite', 'webhooks/plane'].map((home) => {
    const port = PORTS.find((path) => path.startsWith(`../${home.split('/')[0]}/`)) ?? '';
    return {
      file: `src/${home}/thing.ts`,
      allowed: ['zod', './own.ts', './sub/own.ts', `../${basename(port)}`, '../shared.ts', ...toolbox(2)],
      forbidden: [
        '../another/thing.ts',
        '../../workspace/git.ts',
        '../../launcher/launch.ts',
        ...deeper(without(PORTS, port)),
        ...deeper(ADAPTERS.filter((path) => !path.startsWith(`../${home}/`))),
        ...deeper(TOP),
      ],
    };
  }),
  {
    file: 'src/agents/codex/parse/lines.ts',
    allowed: ['./own.ts', '../codex.ts', '../../agent.ts', ...toolbox(3)],
    forbidden: [
      '../../claude-code/judge.ts',
      '../../../forges/forge.ts',
      '../../../engine/worker.ts',
      '../../../app.ts',
    ],
  },
  {
    file: 'src/agents/shared.ts',
    allowed: ['./agent.ts', './other.ts', ...toolbox(1)],
    forbidden: ['./codex/codex.ts', '../forges/forge.ts', ...TOP],
  },
  {
    file: 'src/trackers/local/tracker.ts',
    allowed: ['../tracker.ts', '../../store/store.ts'],
    forbidden: [
      '../../workspace/git.ts',
      '../../store/sqlite/store.ts',
      '../plane/client.ts',
      '../../engine/worker.ts',
    ],
  },
  {
    file: 'src/forges/local/forge.ts',
    allowed: ['../forge.ts', '../../workspace/git.ts'],
    forbidden: [
      '../../store/store.ts',
      '../../launcher/launch.ts',
      '../gitea/forge.ts',
      '../../engine/worker.ts',
    ],
  },
  {
    file: 'src/notifiers/webhook.ts',
    allowed: ['./notifier.ts', ...toolbox(1)],
    forbidden: ['./telegram.ts', '../forges/forge.ts', '../workspace/git.ts', ...TOP],
  },
  {
    file: 'src/stages/agent-stage.ts',
    allowed: [
      './stage.ts',
      '../agents/agent.ts',
      '../forges/forge.ts',
      '../workspace/git.ts',
      '../launcher/launch.ts',
      ...toolbox(1),
    ],
    forbidden: [
      './human.ts',
      '../trackers/tracker.ts',
      '../store/store.ts',
      '../agents/codex/codex.ts',
      ...TOP,
    ],
  },
  {
    file: 'src/workspace/git.ts',
    allowed: ['node:fs', 'execa', './names.ts', '../core/errors.ts', '../lib/clock.ts'],
    forbidden: ['../clients/gitea.ts', '../launcher/launch.ts', ...PORTS, ...ADAPTERS, ...TOP],
  },
  {
    file: 'src/launcher/launch.ts',
    allowed: [
      './stream.ts',
      '../core/errors.ts',
      '../lib/clock.ts',
      '../workspace/git.ts',
      '../agents/agent.ts',
    ],
    forbidden: ['../clients/gitea.ts', ...without(PORTS, '../agents/agent.ts'), ...ADAPTERS, ...TOP],
  },
  {
    file: 'src/engine/attempt.ts',
    allowed: [
      './settle.ts',
      '../core/task.ts',
      '../lib/clock.ts',
      '../workspace/git.ts',
      '../launcher/launch.ts',
      ...PORTS,
    ],
    forbidden: ['../clients/gitea.ts', ...ADAPTERS, ...without(TOP, '../engine/worker.ts')],
  },
  {
    file: 'src/http/server.ts',
    allowed: [
      'hono',
      './contract.ts',
      './routes/jobs.ts',
      '../core/task.ts',
      '../lib/clock.ts',
      '../engine/worker.ts',
      ...PORTS,
    ],
    forbidden: [
      '../workspace/git.ts',
      ...ADAPTERS,
      ...without(TOP, '../engine/worker.ts', '../http/server.ts'),
    ],
  },
  {
    file: 'src/http/routes/jobs.ts',
    allowed: [
      '../contract.ts',
      './other.ts',
      '../../engine/worker.ts',
      '../../core/task.ts',
      ...deeper(PORTS),
    ],
    forbidden: [...deeper(ADAPTERS), '../../app.ts', '../../config/load.ts', '../../cli/main.ts'],
  },
  {
    file: 'src/http/contract.ts',
    allowed: ['zod', '../core/task.ts'],
    forbidden: [
      'node:fs',
      'hono',
      './server.ts',
      '../lib/clock.ts',
      ...PORTS,
      ...ADAPTERS,
      ...without(TOP, '../http/server.ts'),
    ],
  },
  {
    file: 'src/config/load.ts',
    allowed: ['./schema.ts', '../registry.ts', '../core/errors.ts', '../lib/secret.ts'],
    forbidden: ['../app.ts', '../engine/worker.ts', '../http/server.ts', '../cli/main.ts', ...ADAPTERS],
  },
  {
    file: 'src/cli/main.ts',
    allowed: [
      'commander',
      './doctor.ts',
      '../app.ts',
      '../config/load.ts',
      '../http/contract.ts',
      '../core/task.ts',
      '../lib/clock.ts',
    ],
    forbidden: [
      '../registry.ts',
      '../http/server.ts',
      '../engine/worker.ts',
      '../workspace/git.ts',
      ...PORTS,
      ...ADAPTERS,
    ],
  },
  ...['app', 'registry'].map((name) => ({
    file: `src/${name}.ts`,
    allowed: ['./store/sqlite/store.ts', './engine/worker.ts', './notifiers/telegram.ts', './config/load.ts'],
    forbidden: [
      './cli/main.ts',
      '../test/fakes/clock.ts',
      './agents/agent.contract.ts',
      './core/test-kit.ts',
      'node:process',
    ],
  })),
  {
    file: 'web/main.ts',
    allowed: ['react', './page.ts', 'type:../src/http/contract.ts'],
    // Its schemas would bring all of zod into the bundle; of the rest not even the types are its business.
    forbidden: [
      '../src/http/contract.ts',
      '../src/http/server.ts',
      'type:../src/core/task.ts',
      '../src/core/task.ts',
      '../src/app.ts',
    ],
  },
  {
    file: 'web/src/pages/now.ts',
    allowed: ['type:../../../src/http/contract.ts', '../page.ts'],
    forbidden: ['../../../src/engine/worker.ts'],
  },
  // A file that fits no row may import nothing of ours, so a new folder cannot escape the table.
  { file: 'src/novelty/thing.ts', allowed: ['zod'], forbidden: ['./own.ts', '../core/task.ts'] },
  { file: 'src/agents/a/b/c/deep.ts', allowed: ['zod'], forbidden: ['./own.ts', '../../../../core/task.ts'] },
  // Detours that would hide where an import leads.
  {
    file: 'src/core/detour.ts',
    allowed: [],
    forbidden: [
      './../engine/worker.ts',
      './sub/../../engine/worker.ts',
      '..',
      './job.test.ts',
      '#engine/worker.ts',
    ],
  },
];

/** One planted file for each import, so that a bite can be told from its neighbour's. */
const plants = rows.flatMap(({ file, allowed, forbidden }) => [
  ...allowed.map((specifier) => ({ file, specifier, bites: false })),
  ...forbidden.map((specifier) => ({ file, specifier, bites: true })),
]);

let scratch = '';
let bitten: ReadonlySet<string> = new Set();
let looked = 0;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'orch-layers-'));
  cpSync(join(projectRoot, 'oxlint.config.ts'), join(scratch, 'oxlint.config.ts'));
  symlinkSync(join(projectRoot, 'node_modules'), join(scratch, 'node_modules'));
  for (const [file, lines] of Map.groupBy(plants, (plant) => plant.file)) {
    plant(file, lines.map(({ specifier }, index) => importLine(specifier, index)).join('\n'));
  }
  plant(
    'src/engine/reads-environment.ts',
    'export const a = process.env.A;\nexport const { env } = process;\n',
  );
  plant('src/config/reads-environment.ts', 'export const a = process.env.A;\n');
  plant('src/core/reads-clock.ts', 'export const a = Date.now();\nsetTimeout(() => a, 1);\n');
  plant('src/engine/loop-a.ts', "import { b } from './loop-b.ts';\nexport const a = () => b;\n");
  plant('src/engine/loop-b.ts', "import { a } from './loop-a.ts';\nexport const b = () => a;\n");
  plant('src/engine/prints.ts', "console.log('x');\n");
  plant('src/cli/prints.ts', "console.log('x');\n");
  plant('src/engine/loads.ts', "export const load = () => import('../forges/gitea/forge.ts');\n");
  plant('src/engine/names.ts', "export type T = import('../forges/gitea/forge.ts').T;\n");
  plant('src/engine/passes-on.ts', "export { t } from '../forges/gitea/forge.ts';\n");
  const result = oxlint(scratch);
  looked = result.looked;
  bitten = new Set(result.findings.map(({ rule, file, line }) => `${rule} ${file}:${line}`));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('layers', () => {
  test('every planted file was looked at', () => {
    expect(looked).toBe(globSync('{src,web}/**/*.ts', { cwd: scratch }).length + 1);
  });

  test.each(rows)('$file imports what its row allows and nothing else', ({ file }) => {
    const mine = plants.filter((planted) => planted.file === file);
    const judged = mine.map(({ specifier }, index) => ({
      specifier,
      bites: bitten.has(`eslint(no-restricted-imports) ${file}:${index + 1}`),
    }));
    expect(judged).toEqual(mine.map(({ specifier, bites }) => ({ specifier, bites })));
  });

  test.each([
    ['loads', 'eslint(no-restricted-imports)'],
    ['names', 'typescript(consistent-type-imports)'],
    ['passes-on', 'eslint(no-restricted-imports)'],
  ])('an adapter cannot be reached another way either: engine/%s.ts', (name, rule) => {
    expect(bitten).toContain(`${rule} src/engine/${name}.ts:1`);
  });

  test('process.env is read in config alone', () => {
    expect(bitten).toContain('eslint(no-restricted-properties) src/engine/reads-environment.ts:1');
    expect(bitten).toContain('eslint(no-restricted-properties) src/engine/reads-environment.ts:2');
    expect(bitten).not.toContain('eslint(no-restricted-properties) src/config/reads-environment.ts:1');
  });

  test('core reads no clock and sets no timer', () => {
    expect(bitten).toContain('eslint(no-restricted-properties) src/core/reads-clock.ts:1');
    expect(bitten).toContain('eslint(no-restricted-globals) src/core/reads-clock.ts:2');
  });

  test('a cycle is found', () => {
    expect(bitten).toContain('import(no-cycle) src/engine/loop-a.ts:1');
  });

  test('only the CLI prints', () => {
    expect(bitten).toContain('eslint(no-console) src/engine/prints.ts:1');
    expect(bitten).not.toContain('eslint(no-console) src/cli/prints.ts:1');
  });
});

describe('the real tree', () => {
  test('holds the layers, and was looked at', () => {
    const { looked: files, findings } = oxlint(projectRoot);
    expect(files).toBeGreaterThanOrEqual(globSync('src/**/*.ts', { cwd: projectRoot }).length);
    expect(files).toBeGreaterThan(0);
    const layers = ['eslint(no-restricted-imports)', 'import(no-cycle)', 'eslint(no-restricted-properties)'];
    expect(findings.filter(({ rule }) => layers.includes(rule))).toEqual([]);
  });

  test('no nested file is called app.ts or registry.ts, which rules tell by their text', () => {
    expect(globSync('src/*/**/{app,registry}.ts', { cwd: projectRoot })).toEqual([]);
  });

  test('core never asks for the present moment', () => {
    const files = globSync('src/core/**/*.ts', { cwd: projectRoot }).filter(
      (file) => !file.endsWith('.test.ts'),
    );
    expect(files.length).toBeGreaterThan(0);
    expect(
      files.filter((file) => /new Date\(\)/.test(readFileSync(join(projectRoot, file), 'utf8'))),
    ).toEqual([]);
  });
});

function toolbox(depth: number): string[] {
  return ['core/errors.ts', 'lib/clock.ts', 'clients/gitea.ts'].map((path) => '../'.repeat(depth) + path);
}

function importLine(specifier: string, index: number): string {
  const [, type, path] = /^(type:)?(.*)$/.exec(specifier) ?? [];
  return `import ${type ? 'type ' : ''}{ a${index} } from '${path}';`;
}

function plant(file: string, text: string): void {
  mkdirSync(dirname(join(scratch, file)), { recursive: true });
  writeFileSync(join(scratch, file), text);
}

interface Finding {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
}

function oxlint(folder: string): { looked: number; findings: Finding[] } {
  const binary = join(projectRoot, 'node_modules/oxlint/bin/oxlint');
  const { stdout, stderr } = spawnSync(process.execPath, [binary, '--format', 'json'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  expect(stderr).toBe('');
  const report = JSON.parse(stdout) as {
    number_of_files: number;
    diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[];
  };
  return {
    looked: report.number_of_files,
    findings: report.diagnostics.map(({ code, filename, labels }) => ({
      rule: code,
      file: filename,
      line: labels[0]?.span.line ?? 0,
    })),
  };
}
