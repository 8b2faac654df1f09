import { describe, expect, it } from 'vitest';
import { pathPattern } from './path-pattern.ts';

describe('a pattern of paths', () => {
  it.each<[string, string[], string[]]>([
    ['src/a.ts', ['src/a.ts'], ['src/a-ts', 'src/a.tsx', 'x/src/a.ts', 'src']],
    ['src/*.ts', ['src/a.ts', 'src/.ts'], ['src/b/a.ts', 'a.ts', 'src/a.js']],
    ['src/**', ['src/a', 'src/b/c.ts'], ['src', 'srcs/a']],
    ['**/*.sql', ['a.sql', 'db/a.sql', 'db/x/a.sql'], ['a.sqlx', 'a.sql/b']],
    ['**/auth/**', ['auth/a', 'src/auth/b/c'], ['auth', 'src/author/a']],
    ['.orch/prompts/*.md', ['.orch/prompts/dev.md'], ['.orch/prompts/deep/no.md', 'orch/prompts/dev.md']],
    ['a?c', ['abc', 'a?c'], ['ac', 'a/c', 'abbc']],
    ['src/**.ts', ['src/a.ts', 'src/b/c.ts'], ['src/a.js']],
    ['*a*b*', ['ab', 'xaybz'], ['ba', 'a/b']],
    ['[x](y)+$^|{}\\', ['[x](y)+$^|{}\\'], ['x']],
    ['über/*', ['über/straße'], ['uber/x']],
    ['', [''], ['a']],
  ])('%s', (pattern, yes, no) => {
    const matches = pathPattern(pattern);
    expect(yes.filter((path) => !matches(path))).toEqual([]);
    expect(no.filter(matches)).toEqual([]);
  });

  it('answers soon, however a path is made to be tried in many ways', () => {
    const path = `${'a/'.repeat(1500)}x`;
    expect(pathPattern(`${'**/a/'.repeat(12)}b`)(path)).toBe(false);
    expect(pathPattern(`${'*a'.repeat(12)}b`)('a'.repeat(3000))).toBe(false);
  });
});
