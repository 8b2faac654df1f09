import { describe, expect, test } from 'vitest';
import { checkCommit, checkProject, isBranchName, isInnerPath, safeName } from './names.ts';

describe('names from outside', () => {
  test.each(['main', 'orch/demo-1-title', 'a.b', 'feature/ümlaut', 'x-'])('%j is a branch name', (name) => {
    expect(isBranchName(name)).toBe(true);
  });

  test.each([
    '',
    '-x',
    '--upload-pack=x',
    'a..b',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a\\b',
    'a?',
    'a*',
    'a[',
    '@',
    'HEAD',
    'a@{1}',
    '/a',
    'a/',
    'a//b',
    '.a',
    'a/.b',
    'a.lock',
    'a.',
    'refs/heads/a',
    'a\nb',
    'x'.repeat(300),
  ])('%j is no branch name', (name) => {
    expect(isBranchName(name)).toBe(false);
  });

  test('a plain key names its own folder, any other key a slug with a hash', () => {
    expect(safeName('DEMO-1')).toBe('DEMO-1');
    expect(safeName('run_812')).toBe('run_812');
    for (const id of [
      '../../etc',
      '..',
      '.',
      '',
      'a/b',
      '-rf',
      'x.lock',
      'a..b',
      'a\nb',
      'ü',
      'x'.repeat(200),
    ]) {
      expect(safeName(id)).toMatch(/^[A-Za-z0-9][A-Za-z0-9-]*-[0-9a-f]{12}$/);
    }
    expect(safeName('a/b')).not.toBe(safeName('a-b'));
    expect(safeName('a/b')).not.toBe(safeName('a:b'));
  });

  test.each(['', '..', 'a/b', '-x', '.git', 'a..b', 'a b'])('project %j is refused', (name) => {
    expect(() => checkProject(name)).toThrow(expect.objectContaining({ code: 'workspace.invalid_name' }));
  });

  test.each(['HEAD', 'main', 'abc123', '-x', `${'a'.repeat(40)} `, 'A'.repeat(40)])(
    '%j is no commit id',
    (commit) => {
      expect(() => checkCommit(commit)).toThrow(
        expect.objectContaining({ code: 'workspace.invalid_commit' }),
      );
    },
  );

  test('a path inside the repository has no step outside', () => {
    expect(isInnerPath('a/b.md')).toBe(true);
    for (const path of ['', '/a', '../a', 'a/../b', 'a//b', './a', 'a\0'])
      expect(isInnerPath(path)).toBe(false);
  });
});
