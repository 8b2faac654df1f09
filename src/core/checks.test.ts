import { describe, expect, it } from 'vitest';
import {
  changedScripts,
  countTestCases,
  failureLines,
  filesThatDefine,
  newFailures,
  reportsNoTests,
} from './checks.ts';

describe('a check that ran no test', () => {
  it.each([
    ['node', 'ℹ tests 0\nℹ suites 0\nℹ pass 0\nℹ fail 0\n'],
    ['node, TAP', '# tests 0\n# pass 0\n# fail 0\n'],
    ['node, all skipped', '# tests 3\n# pass 0\n# fail 0\n# skipped 3\n'],
    ['TAP', 'TAP version 13\n1..0\n'],
    ['unittest', 'Ran 0 tests in 0.000s\n\nOK\n'],
    ['pytest', 'collected 0 items\n\n===== no tests ran in 0.01s =====\n'],
    ['pytest, all skipped', 'collected 5 items\n\ntest_a.py sssss\n\n===== 5 skipped in 0.02s =====\n'],
    ['jest', 'No tests found, exiting with code 0\n'],
    ['vitest', 'No test files found, exiting with code 0\n'],
    ['vitest, all skipped', ' Test Files  1 skipped (1)\n      Tests  5 skipped (5)\n'],
    ['mocha', '\n  0 passing (1ms)\n'],
    ['phpunit', 'No tests executed!\n'],
    ['cargo', 'running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured\n'],
    ['go', '?   \texample.org/a\t[no test files]\n'],
    [
      'go, none matches',
      'testing: warning: no tests to run\nPASS\nok  \texample.org/a\t0.002s [no tests to run]\n',
    ],
    ['surefire', 'Tests run: 0, Failures: 0, Errors: 0, Skipped: 0\n'],
    ['rspec', '0 examples, 0 failures\n'],
    ['minitest', '0 runs, 0 assertions, 0 failures, 0 errors, 0 skips\n'],
    ['ctest', 'No tests were found!!!\n'],
    ['in colour', '\u001b[32m0 passing\u001b[0m\n'],
  ])('is seen: %s', (_runner, output) => {
    expect(reportsNoTests(output)).toBe(true);
  });

  it.each([
    ['node', 'ℹ tests 4\nℹ pass 4\nℹ fail 0\nℹ skipped 0\n'],
    ['unittest', 'Ran 4 tests in 0.000s\n\nOK\n'],
    ['pytest', '===== 3 passed, 2 skipped in 0.02s =====\n'],
    ['jest', 'Tests:       1 skipped, 4 passed, 5 total\n'],
    ['vitest', '      Tests  5 passed (5)\n'],
    ['mocha', '  3 passing (1ms)\n  1 pending\n'],
    ['phpunit', 'OK (4 tests, 9 assertions)\n'],
    [
      'cargo',
      'running 0 tests\ntest result: ok. 0 passed\nrunning 2 tests\ntest result: ok. 2 passed; 0 failed\n',
    ],
    ['go', 'ok  \texample.org/a\t0.002s\n?   \texample.org/b\t[no test files]\n'],
    ['go, cached', 'ok  \texample.org/a\t(cached)\n'],
    ['surefire', 'Tests run: 4, Failures: 0, Errors: 0, Skipped: 0\n'],
    ['rspec', '4 examples, 0 failures\n'],
    ['TAP', '1..2\nok 1 - adds\nok 2 - subtracts\n'],
    ['a workspace of which one package has none', 'No tests found\n 12 passed (12)\n'],
    ['a linter', 'Checked 258 files in 222ms. No fixes applied.\n'],
    ['silence', ''],
  ])('is not any other: %s', (_runner, output) => {
    expect(reportsNoTests(output)).toBe(false);
  });
});

describe('failures of a check', () => {
  it('are new when the base does not have them, whatever their numbers', () => {
    const base = failureLines('FAIL a.test.ts > adds (12 ms)\n1 failed in 3.2 s\nok b\n');
    expect(newFailures('FAIL a.test.ts > adds (90 ms)\n1 failed in 4.0 s\n', base)).toEqual([]);
    expect(
      newFailures('FAIL a.test.ts > adds (9 ms)\nFAIL b.test.ts > splits (1 ms)\n2 failed in 1 s\n', base),
    ).toEqual(['FAIL b.test.ts > splits (# ms)']);
  });
});

describe('the files that define a check', () => {
  it.each([
    ['sh check.sh', ['check.sh'], []],
    ['./scripts/check --fast', ['scripts/check'], []],
    ['CI=1 timeout 60 bash ./ci/run.sh a', ['ci/run.sh'], []],
    ['npm test', [], ['package.json']],
    ['npm ci && npm run lint -- --fix', [], ['package.json']],
    ['make test', ['Makefile', 'makefile', 'GNUmakefile'], []],
    ['node --test', [], []],
    ['pytest -q', [], []],
    ['grep -q 2 src/new.js', [], []],
    ['node scripts/verify.mjs; composer test', ['scripts/verify.mjs'], ['composer.json']],
  ])('of %j', (command, scripts, manifests) => {
    expect(filesThatDefine([command])).toEqual({ scripts, manifests });
  });

  it('a manifest defines it by its scripts: changed or removed ones count, new ones do not', () => {
    const before = JSON.stringify({ scripts: { test: 'vitest', lint: 'eslint' }, dependencies: {} });
    expect(changedScripts(before, JSON.stringify({ scripts: { test: 'true', lint: 'eslint' } }))).toEqual([
      'test',
    ]);
    expect(changedScripts(before, JSON.stringify({ scripts: { test: 'vitest' } }))).toEqual(['lint']);
    expect(
      changedScripts(
        before,
        JSON.stringify({ scripts: { test: 'vitest', lint: 'eslint', fmt: 'x' }, dependencies: { a: '1' } }),
      ),
    ).toEqual([]);
    expect(changedScripts(before, 'broken')).toEqual(['test', 'lint']);
    expect(changedScripts('broken', before)).toEqual([]);
  });
});

it.each([
  ["it('a', () => {});\ntest.only('b');\nit.skip('c');\nxit('d');\nawait it(`e`)", 3],
  ['def test_a():\n    pass\nasync def test_b(x):\n    def helper(): pass', 2],
  ['func TestA(t *testing.T) {}\nfunc helper() {}', 1],
  ['@Test void a() {}\n@ParameterizedTest void b() {}', 2],
  ['public function testA(): void {}\n#[Test] public function b() {}', 2],
  ['#[test]\nfn a() {}\n#[tokio::test]\nasync fn b() {}', 2],
  ["it 'adds' do\nend", 1],
  ["const tested = 1; submit(x); regexp.test(y)\nimport { test } from 'node:test';", 0],
])('test cases are counted in %j', (text, count) => {
  expect(countTestCases(text)).toBe(count);
});
