import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bringBack, readReports, setAside } from './reports.ts';

const GREEN = '<testsuite><testcase name="works"/></testsuite>';
let root: string;
let clone: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orch-reports-'));
  clone = join(root, 'API-1');
  mkdirSync(clone);
});
afterEach(() => rmSync(root, { recursive: true }));

const put = (path: string, text = GREEN) => {
  mkdirSync(dirname(join(clone, path)), { recursive: true });
  writeFileSync(join(clone, path), text);
};
const names = async (patterns: string[]) => {
  const { cases, problems } = await readReports(clone, patterns);
  return [...cases.map((each) => each.name), ...problems];
};

describe('the reports of the checks', () => {
  it('are read by pattern, in any folder below it', async () => {
    put('reports/a.xml');
    put('packages/x/target/surefire-reports/TEST-x.xml');
    put('reports/deep/b.xml');
    put('other.xml');
    expect(await names(['reports/*.xml'])).toEqual(['works']);
    expect(await names(['./reports/**/*.xml', '**/surefire-reports/TEST-*.xml'])).toEqual([
      'works',
      'works',
      'works',
    ]);
  });

  it('that are not there are said to be missing', async () => {
    put('other.xml');
    expect(await names(['reports/*.xml', 'junit.xml'])).toEqual([
      'the checks wrote no reports/*.xml, junit.xml',
    ]);
  });

  it('that cannot be read are problems, and the others count', async () => {
    put('reports/a.xml', 'not ok 1');
    put('reports/b.xml');
    put('reports/c.xml', `<a>${' '.repeat(11 * 1024 * 1024)}</a>`);
    expect(await names(['reports/*.xml'])).toEqual([
      'works',
      expect.stringMatching(/^reports\/a\.xml is not readable: /),
      'reports/c.xml is too large',
    ]);
  });

  it('are never read through a symlink', async () => {
    mkdirSync(join(root, 'elsewhere'));
    writeFileSync(join(root, 'elsewhere', 'a.xml'), GREEN);
    symlinkSync(join(root, 'elsewhere'), join(clone, 'reports'));
    symlinkSync(join(root, 'elsewhere', 'a.xml'), join(clone, 'junit.xml'));
    expect(await names(['reports/*.xml', 'junit.xml'])).toEqual([expect.stringContaining('wrote no')]);
    await setAside(clone, ['reports/*.xml', 'junit.xml']);
    expect(existsSync(join(root, 'elsewhere', 'a.xml'))).toBe(true);
  });

  it('leave the clone as it was: what lay there is out of the way for the checks, and back after them', async () => {
    put('reports/old.xml', 'planted');
    put('reports/kept.txt', 'text');
    put('node_modules/x/reports/dep.xml', 'dependency');
    const patterns = ['**/reports/*.xml'];
    await setAside(clone, patterns);
    expect(existsSync(join(clone, 'reports/old.xml'))).toBe(false);
    expect(readFileSync(join(clone, 'node_modules/x/reports/dep.xml'), 'utf8')).toBe('dependency');
    put('reports/new.xml');
    put('reports/old.xml');
    expect(await names(patterns)).toEqual(['works', 'works']);
    await bringBack(clone, patterns);
    expect(readdirSync(join(clone, 'reports')).sort()).toEqual(['kept.txt', 'old.xml']);
    expect(readFileSync(join(clone, 'reports/old.xml'), 'utf8')).toBe('planted');
    expect(readdirSync(root)).toEqual(['API-1']);
  });

  it('lose nothing when Orch goes away between the two', async () => {
    put('reports/old.xml', 'mine');
    await setAside(clone, ['reports/*.xml']);
    await setAside(clone, ['reports/*.xml']);
    await bringBack(clone, ['reports/*.xml']);
    expect(readFileSync(join(clone, 'reports/old.xml'), 'utf8')).toBe('mine');
  });

  it('are not brought back through a symlink that took their folder’s place', async () => {
    put('reports/old.xml', 'mine');
    await setAside(clone, ['reports/*.xml']);
    mkdirSync(join(root, 'elsewhere'));
    rmSync(join(clone, 'reports'), { recursive: true });
    symlinkSync(join(root, 'elsewhere'), join(clone, 'reports'));
    await bringBack(clone, ['reports/*.xml']);
    expect(readdirSync(join(root, 'elsewhere'))).toEqual([]);
  });
});
