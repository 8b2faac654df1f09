import { describe, expect, it } from 'vitest';
import { parseXml } from '../lib/xml.ts';
import { casesOf, type JUnitCase, resultOf } from './junit.ts';

const cases = (xml: string): JUnitCase[] => casesOf(parseXml(xml));

/** As each runner writes it, cut down: three tests of one file, of which the second fails and the third is skipped. */
const DIALECTS = {
  vitest: {
    file: 'test/greet.test.ts',
    xml: `<?xml version="1.0" encoding="UTF-8" ?>
<testsuites name="vitest tests" tests="3" failures="1" errors="0" time="0.01">
  <testsuite name="test/greet.test.ts" timestamp="2026-01-01T00:00:00.000Z" hostname="h" tests="3" failures="1" errors="0" skipped="1" time="0.005">
    <testcase classname="test/greet.test.ts" name="the greeter &gt; greets by name" time="0.001"></testcase>
    <testcase classname="test/greet.test.ts" name="the greeter &gt; is polite" time="0.003">
      <failure message="expected &apos;Hi&apos; to be &apos;Hello&apos;" type="AssertionError">AssertionError: expected 'Hi'</failure>
    </testcase>
    <testcase classname="test/greet.test.ts" name="the greeter &gt; sings" time="0"><skipped/></testcase>
  </testsuite>
</testsuites>`,
    names: ['greets by name', 'is polite', 'sings'],
  },
  'jest-junit': {
    file: 'test/greet.test.js',
    xml: `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="jest tests" tests="3" failures="1" errors="0" time="1.2">
  <testsuite name="the greeter" errors="0" failures="1" skipped="1" timestamp="2026-01-01T00:00:00" time="0.2" tests="3">
    <testcase classname="the greeter greets by name" name="the greeter greets by name" time="0.002"></testcase>
    <testcase classname="the greeter is polite" name="the greeter is polite" time="0.003">
      <failure>Error: expect(received).toBe(expected)
    at Object.&lt;anonymous&gt; (test/greet.test.js:4:5)</failure>
    </testcase>
    <testcase classname="the greeter sings" name="the greeter sings" time="0"><skipped/></testcase>
  </testsuite>
</testsuites>`,
    names: ['greets by name', 'is polite', 'sings'],
  },
  pytest: {
    file: 'tests/test_greet.py',
    xml: `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3" time="0.1" timestamp="2026-01-01T00:00:00" hostname="h"><testcase classname="tests.test_greet.TestGreet" name="test_name" time="0.001" /><testcase classname="tests.test_greet.TestGreet" name="test_polite[en]" time="0.001"><failure message="assert &#x27;Hi&#x27; == &#x27;Hello&#x27;">def test_polite(self): ...</failure></testcase><testcase classname="tests.test_greet" name="test_sings" time="0.000"><skipped type="pytest.skip" message="later">tests/test_greet.py:9: later</skipped></testcase></testsuite></testsuites>`,
    names: ['test_name', 'test_polite', 'test_sings'],
  },
  phpunit: {
    file: 'tests/GreetTest.php',
    xml: `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="/srv/app/phpunit.xml" tests="3" assertions="2" errors="0" failures="1" skipped="1" time="0.01">
    <testsuite name="Unit" tests="3">
      <testsuite name="Tests\\GreetTest" file="/srv/app/tests/GreetTest.php" tests="3" assertions="2" errors="0" failures="1" skipped="1" time="0.01">
        <testcase name="testName" file="/srv/app/tests/GreetTest.php" line="8" class="Tests\\GreetTest" classname="Tests.GreetTest" assertions="1" time="0.001"/>
        <testsuite name="Tests\\GreetTest::testPolite" tests="1">
          <testcase name="testPolite with data set &quot;en&quot;" file="/srv/app/tests/GreetTest.php" line="12" class="Tests\\GreetTest" classname="Tests.GreetTest" assertions="1" time="0.001">
            <failure type="PHPUnit\\Framework\\ExpectationFailedException">Tests\\GreetTest::testPolite with data set "en"
Failed asserting that two strings are identical.</failure>
          </testcase>
        </testsuite>
        <testcase name="testSings" file="/srv/app/tests/GreetTest.php" line="20" class="Tests\\GreetTest" classname="Tests.GreetTest" assertions="0" time="0"><skipped/></testcase>
      </testsuite>
    </testsuite>
  </testsuite>
</testsuites>`,
    names: ['testName', 'testPolite', 'testSings'],
  },
  surefire: {
    file: 'src/test/java/com/acme/GreetTest.java',
    xml: `<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report-3.0.xsd" version="3.0" name="com.acme.GreetTest" time="0.05" tests="3" errors="1" skipped="1" failures="0">
  <properties><property name="java.version" value="21"/></properties>
  <testcase name="greetsByName" classname="com.acme.GreetTest" time="0.001"/>
  <testcase name="isPolite(String)[1]" classname="com.acme.GreetTest" time="0.002">
    <error message="boom" type="java.lang.IllegalStateException"><![CDATA[java.lang.IllegalStateException: boom]]></error>
    <system-out><![CDATA[hello]]></system-out>
  </testcase>
  <testcase name="sings" classname="com.acme.GreetTest" time="0"><skipped message="later"/></testcase>
</testsuite>`,
    names: ['greetsByName', 'isPolite', 'sings'],
  },
  gtest: {
    file: 'test/greet_test.cc',
    xml: `<testsuites tests="3" failures="1" name="AllTests"><testsuite name="GreetTest" tests="3"><testcase name="Names" file="test/greet_test.cc" line="4" status="run" result="completed" classname="GreetTest" /><testcase name="Polite" status="run" result="completed" classname="GreetTest"><failure message="Expected equality" type=""/></testcase><testcase name="Sings" status="notrun" result="suppressed" classname="GreetTest" /></testsuite></testsuites>`,
    names: ['Names', 'Polite', 'Sings'],
  },
} as const;

describe.each(Object.entries(DIALECTS))('a report of %s', (_runner, { file, xml, names }) => {
  const read = cases(xml);
  it('has its three tests in their states', () => {
    expect(read.map((each) => each.state)).toEqual(['passed', 'failed', 'skipped']);
  });
  it('proves the one that passed, and neither of the others', () => {
    const [good, red, skipped] = names.map((name) => resultOf(read, { file, name }));
    expect(good).toEqual({ kind: 'passed' });
    expect(red).toMatchObject({ kind: 'failed', why: expect.stringMatching(/failed: \S/) });
    expect(skipped).toMatchObject({ kind: 'failed', why: expect.stringContaining('skipped') });
  });
  it('does not prove one that is not there', () => {
    expect(resultOf(read, { file, name: 'reads minds' })).toMatchObject({
      kind: 'missing',
      why: expect.stringContaining('(3 read)'),
    });
  });
});

describe('the name of a test', () => {
  const found = (each: Partial<JUnitCase>, name: string) =>
    resultOf([{ name: '', classname: '', file: null, state: 'passed', message: '', ...each }], {
      file: 'test/a.test.js',
      name,
    }).kind;

  it.each([
    [{ name: 'greets' }, 'greets'],
    [{ name: 'greets[en-1]' }, 'greets'],
    [{ name: 'greets()' }, 'greets'],
    [{ name: 'greets(String, int)[2]' }, 'greets'],
    [{ name: 'greets with data set #0' }, 'greets'],
    [{ name: 'test_it', classname: 'tests.test_a.TestA' }, 'TestA::test_it'],
    [{ name: 'test_it[x]', classname: 'tests.test_a.TestA' }, 'TestA::test_it'],
    [{ name: 'testIt', classname: 'com.acme.ATest' }, 'ATest.testIt'],
    [{ name: 'testIt', classname: 'com.acme.ATest' }, 'com.acme.ATest#testIt'],
    [{ name: 'adds', classname: 'the sum' }, 'the sum adds'],
    [{ name: 'the sum > of two > adds' }, 'adds'],
    [{ name: 'the sum of two adds' }, 'of two adds'],
    [{ name: 'TestSum/of_two' }, 'of_two'],
  ])('%j is meant by "%s"', (each, name) => {
    expect(found(each, name)).toBe('passed');
  });

  it.each([
    [{ name: 'regreets' }, 'greets'],
    [{ name: 'greets by name' }, 'greets by'],
    [{ name: 'greets' }, 'Greets'],
    [{ name: 'adds', classname: 'the sum' }, 'the product adds'],
    [{ name: '' }, 'greets'],
  ])('%j is not meant by "%s"', (each, name) => {
    expect(found(each, name)).toBe('missing');
  });

  const passed = (fields: Partial<JUnitCase>): JUnitCase => ({
    name: 'adds',
    classname: 'sum',
    file: null,
    state: 'passed',
    message: '',
    ...fields,
  });
  const failed = (fields: Partial<JUnitCase>) => passed({ state: 'failed', message: 'boom', ...fields });
  const wanted = { file: 'packages/a/test/sum.test.js', name: 'adds' };

  it('means the exact one before one that only ends so', () => {
    expect(resultOf([failed({ name: 'never adds' }), passed({})], wanted).kind).toBe('passed');
  });
  it('means the test of the named file where reports state one, from wherever they state it', () => {
    const other = failed({ file: 'packages/b/test/sum.test.js' });
    for (const file of ['/build/packages/a/test/sum.test.js', './packages/a/test/sum.test.js'])
      expect(resultOf([other, passed({ file })], wanted).kind).toBe('passed');
    expect(resultOf([failed({ file: 'test/sum.test.js' }), passed({})], wanted).kind).toBe('failed');
  });
  it('is not proven by a test of another file', () => {
    expect(resultOf([passed({ file: 'test/other.test.js' })], wanted)).toEqual({
      kind: 'missing',
      why: '"adds" ran in test/other.test.js, not in packages/a/test/sum.test.js',
    });
  });
  it('that ran several times passed every time', () => {
    const [on, off] = [passed({ name: 'adds[1]' }), failed({ name: 'adds[2]' })];
    expect(resultOf([on, off], wanted).kind).toBe('failed');
    expect(resultOf([on, passed({ name: 'adds[2]', state: 'skipped' })], wanted).kind).toBe('passed');
  });
  it('takes no time to be told from a hostile one', () => {
    const hostile = '(['.repeat(490) + ']adds';
    expect(
      resultOf(
        Array.from({ length: 20_000 }, () => passed({ name: hostile })),
        wanted,
      ).kind,
    ).toBe('missing');
  });
});

describe('a report', () => {
  it('may break its names into lines', () => {
    expect(cases('<testsuite><testcase name="greets  by&#10; name"/></testsuite>')[0]?.name).toBe(
      'greets by name',
    );
  });
  it('of other XML holds no tests', () => {
    expect(cases('<project><dependency/></project>')).toEqual([]);
  });
  it('takes no name from what every object inherits', () => {
    expect(cases('<testsuite><testcase __proto__="x"/></testsuite>')[0]).toMatchObject({
      name: '',
      file: null,
    });
  });
});
