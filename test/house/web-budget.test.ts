import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../support/requirements.ts';

/** What a browser has to fetch, compressed as the server sends it. The tests' own start builds the page. */

const KB = 1000;
const BUDGETS = { script: 180 * KB, style: 30 * KB, route: 60 * KB } as const;
const web = join(projectRoot, 'dist/web');

function size(file: string): number {
  return gzipSync(readFileSync(join(web, file))).length;
}

/** What a script imports at once, with what these import. */
function withImports(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(join(web, file), 'utf8');
  for (const [, name] of text.matchAll(/(?:from|import)\s*["'`]\.\/([\w.-]+\.js)["'`]/g))
    withImports(`assets/${name}`, seen);
  return seen;
}

function sum(files: Iterable<string>): number {
  return [...files].reduce((total, file) => total + size(file), 0);
}

describe('the built page', () => {
  const index = readFileSync(join(web, 'index.html'), 'utf8');
  const entries = [...index.matchAll(/(?:src|href)="\/(assets\/[\w.-]+\.js)"/g)].map(([, name = '']) => name);
  const first = entries.reduce((seen, entry) => withImports(entry, seen), new Set<string>());

  test(`starts with at most ${BUDGETS.script / KB} kB of script`, () => {
    expect(entries.length).toBeGreaterThan(0);
    expect(sum(first)).toBeLessThanOrEqual(BUDGETS.script);
  });

  test(`starts with at most ${BUDGETS.style / KB} kB of style`, () => {
    const styles = [...index.matchAll(/href="\/(assets\/[\w.-]+\.css)"/g)].map(([, name = '']) => name);
    expect(styles.length).toBeGreaterThan(0);
    expect(sum(styles)).toBeLessThanOrEqual(BUDGETS.style);
  });

  test(`needs at most ${BUDGETS.route / KB} kB more for any one of its other pages`, () => {
    const scripts = globSync('assets/*.js', { cwd: web });
    expect(scripts.length).toBeGreaterThan(5);
    const heavy = scripts
      .map((script) => ({ script, bytes: sum([...withImports(script)].filter((file) => !first.has(file))) }))
      .filter(({ bytes }) => bytes > BUDGETS.route);
    expect(heavy).toEqual([]);
  });

  test('brings no script, style or address of elsewhere in its index, and nothing inline', () => {
    expect(index).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|style=|https?:\/\//);
  });
});
