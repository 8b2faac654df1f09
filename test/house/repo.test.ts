import { spawnSync } from 'node:child_process';
import { existsSync, globSync, lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { missingPlatformPackages, unmarkedPrebuilt } from '../../scripts/complete-lockfile.mjs';
import { projectRoot } from '../support/requirements.ts';

const MAX_LINES = 400;

/** Longer files that are one idea all the same, each with its reason. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'src/store/sqlite/migrations.ts': 'one list, of which nothing that has shipped may change or move',
  'web/src/copy.ts': 'every word of the page in one place, ready to be translated',
};

/** Built from parts, so that this file does not hold what it looks for. */
const MACHINE_TRACES: Readonly<Record<string, RegExp>> = {
  'a path of the machine it was written on': new RegExp(`(?<![\\w.-])/(?:${['wo', 'ro'].join('rk|')}ot)/`),
  'a package registry host': new RegExp(
    [
      'registry\\.npm' + 'js\\.(?:org|com)',
      'registry\\.yarn' + 'pkg\\.com',
      'npm' + 'mirror\\.com',
      'jfrog' + '\\.io',
      'arti' + 'factory',
    ].join('|'),
    'i',
  ),
};

const files = trackedFiles();
const texts = new Map(
  files
    .map((file) => [file, readFileSync(join(projectRoot, file), 'utf8')] as const)
    .filter(([, text]) => !text.includes('\0')),
);

describe('the repository', () => {
  test('was looked at', () => {
    expect(texts.size).toBeGreaterThan(20);
    expect(texts.has('package.json')).toBe(true);
  });

  test.each(Object.entries(MACHINE_TRACES))('no file holds %s', (_what, pattern) => {
    expect(matches(texts, pattern)).toEqual([]);
  });

  test('the lockfile names no place to download from', () => {
    const lock = JSON.parse(texts.get('package-lock.json') ?? '') as {
      packages: Record<string, { resolved?: string }>;
    };
    expect(Object.keys(lock.packages).length).toBeGreaterThan(1);
    expect(Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  test('the lockfile holds the packages of every platform, or npm ci fails on all of them', () => {
    const lock = JSON.parse(texts.get('package-lock.json') ?? '') as { packages: Record<string, object> };
    const missing = [...missingPlatformPackages(lock.packages).keys()];
    expect(missing, 'run: node scripts/complete-lockfile.mjs').toEqual([]);
  });

  test('the lockfile says which packages are prebuilt, or npm builds them with headers from the network', () => {
    const lock = JSON.parse(texts.get('package-lock.json') ?? '') as { packages: Record<string, object> };
    const manifestOf = (path: string): { gypfile?: boolean } | null => {
      const file = join(projectRoot, path, 'package.json');
      return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { gypfile?: boolean }) : null;
    };
    expect(manifestOf('node_modules/better-sqlite3')).toMatchObject({ gypfile: false });
    expect(unmarkedPrebuilt(lock.packages, manifestOf), 'run: node scripts/complete-lockfile.mjs').toEqual(
      [],
    );
  });

  test(`no source file is longer than ${MAX_LINES} lines`, () => {
    const long = [...sources()]
      .map(([file, text]) => ({ file, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > MAX_LINES);
    expect(long.filter(({ file }) => LONG_FILES[file] === undefined)).toEqual([]);
    expect(Object.keys(LONG_FILES).filter((file) => !long.some((entry) => entry.file === file))).toEqual([]);
  });

  test('no test is focused, and none asserts a constant', () => {
    const tests = pick((file) => /\.(test|contract)\.ts$/.test(file));
    expect(tests.size).toBeGreaterThan(0);
    expect(matches(tests, /\b(?:it|test|describe|suite)\.only\b/)).toEqual([]);
    expect(matches(tests, new RegExp(`expect\\((?:${['true', 'false', '1'].join('|')})\\)`))).toEqual([]);
  });

  test('no source file switches a layer rule off', () => {
    expect(
      matches(
        sources(),
        /oxlint-disable(?!.*\bno-control-regex\b).*(?:no-restricted|no-cycle)|(?:oxlint|eslint)-disable\s*(?:\*\/)?$/m,
      ),
    ).toEqual([]);
  });

  test('no source file keeps mutable state in its module', () => {
    expect(matches(sources(), /^(?:export )?let /m)).toEqual([]);
  });

  test('every script that starts with a #! line may be executed', () => {
    const scripts = [...texts]
      .filter(([file, text]) => text.startsWith('#!') && !file.includes('fixtures/'))
      .map(([file]) => file);
    expect(scripts).toContain('bin/orch');
    expect(scripts.filter((file) => (lstatSync(join(projectRoot, file)).mode & 0o111) === 0)).toEqual([]);
  });
});

/** What git tracks or would track; a copy without git is read whole. */
function trackedFiles(): string[] {
  const git = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  const listed =
    git.status === 0
      ? git.stdout.split('\0').filter((file) => file !== '')
      : globSync('**/*', {
          cwd: projectRoot,
          exclude: ['node_modules', 'dist', '.cache', 'coverage', '.git', '.orch'],
        }).concat('.ci/run', '.gitignore');
  return listed.filter((file) => lstatSync(join(projectRoot, file), { throwIfNoEntry: false })?.isFile());
}

function sources(): Map<string, string> {
  return pick((file) => /^(src|web)\/.*\.tsx?$/.test(file) && !/\.(test|contract)\.tsx?$/.test(file));
}

function pick(wanted: (file: string) => boolean): Map<string, string> {
  return new Map([...texts].filter(([file]) => wanted(file)));
}

function matches(among: ReadonlyMap<string, string>, pattern: RegExp): string[] {
  return [...among].flatMap(([file, text]) => {
    const at = text.search(pattern);
    return at === -1 ? [] : [`${file}:${text.slice(0, at).split('\n').length}`];
  });
}
