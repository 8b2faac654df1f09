import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matrixOf } from './trace.ts';
import { readTrace, traceDemand } from './trace-file.ts';

const GOOD = {
  acs: [
    { id: 'AC-1', text: 'greets by name' },
    { id: 'AC-2', text: 'looks good' },
  ],
  trs: [{ id: 'TR-3.1', text: 'one function', acs: ['AC-1', 'AC-2'] }],
  tcs: [
    { id: 'TC-1', acs: ['AC-1'], kind: 'automated', file: './test/greet.test.js', name: 'greets by name' },
    { id: 'TC-2', acs: ['AC-1'], kind: 'command', command: 'sh check.sh' },
    { id: 'TC-3', acs: ['AC-2'], kind: 'manual', name: 'open the page' },
  ],
};
const read = (document: unknown) => readTrace(JSON.stringify(document));
const problems = (document: unknown) => {
  const found = read(document);
  return found.kind === 'bad' ? found.problems.join('\n') : found.kind;
};
const withTest = (fields: object) => ({ ...GOOD, tcs: [{ id: 'TC-9', acs: ['AC-1'], ...fields }] });

describe('trace.json', () => {
  it('is read with its paths made plain and each text on one line', () => {
    expect(
      read({ ...GOOD, acs: [{ id: 'AC-1', text: ' greets\n by\u001b[31m name\u202e ' }, GOOD.acs[1]] }),
    ).toEqual({
      kind: 'read',
      trace: {
        acs: [
          { id: 'AC-1', text: 'greets by [31m name' },
          { id: 'AC-2', text: 'looks good' },
        ],
        trs: GOOD.trs,
        tcs: [
          {
            id: 'TC-1',
            acs: ['AC-1'],
            kind: 'automated',
            file: 'test/greet.test.js',
            name: 'greets by name',
          },
          { id: 'TC-2', acs: ['AC-1'], kind: 'command', command: 'sh check.sh' },
          { id: 'TC-3', acs: ['AC-2'], kind: 'manual', name: 'open the page' },
        ],
      },
    });
  });

  it('may hold more fields than are known, and nothing but criteria', () => {
    expect(read({ schema: 'mine', acs: [{ ...GOOD.acs[0], priority: 'high' }] })).toEqual({
      kind: 'read',
      trace: { acs: [GOOD.acs[0]], trs: [], tcs: [] },
    });
  });

  it('that is not there is absent', () => {
    expect(readTrace(null)).toEqual({ kind: 'absent' });
  });

  it.each<[string, unknown, RegExp]>([
    ['a list', [], /trace\.json is an object/],
    ['without criteria', { trs: [] }, /trace\.json: acs /],
    ['with a criterion without text', { acs: [{ id: 'AC-1' }] }, /acs\[0\]\.text is a text/],
    ['with an empty text', { acs: [{ id: 'AC-1', text: ' \n' }] }, /acs\[0\]\.text is empty/],
    ['with an id that is an option', { acs: [{ id: '--yes', text: 'x' }] }, /acs\[0\]\.id is letters/],
    ['with an id of two words', { acs: [{ id: 'AC 1', text: 'x' }] }, /such as AC-1/],
    ['with the same criterion twice', { acs: [GOOD.acs[0], GOOD.acs[0]] }, /AC-1 is there more than once/],
    [
      'with the same test twice',
      { ...GOOD, tcs: [GOOD.tcs[1], GOOD.tcs[1]] },
      /TC-2 is there more than once/,
    ],
    [
      'with a requirement for a criterion that is not there',
      { ...GOOD, trs: [{ id: 'TR-1', text: 'x', acs: ['AC-7'] }] },
      /TR-1 names AC-7, which is not in acs/,
    ],
    [
      'with a test for a criterion that is not there',
      withTest({ kind: 'manual', acs: ['AC-1', 'AC-8'] }),
      /TC-9 names AC-8/,
    ],
    ['with a test for nothing', withTest({ kind: 'manual', acs: [] }), /TC-9 names no criterion/],
    [
      'with a test of no known kind',
      withTest({ kind: 'magic' }),
      /tcs\[0\]\.kind is automated, command or manual/,
    ],
    [
      'with an automated test without a file',
      withTest({ kind: 'automated', name: 'x' }),
      /TC-9 is automated/,
    ],
    [
      'with an automated test without a name',
      withTest({ kind: 'automated', file: 'a.js' }),
      /TC-9 is automated/,
    ],
    ['with a command test without one', withTest({ kind: 'command' }), /TC-9 is a command/],
    ['with a command of two lines', withTest({ kind: 'command', command: 'a\nb' }), /TC-9 .*one plain line/],
    [
      'with too many criteria',
      { acs: Array.from({ length: 201 }, (_, i) => ({ id: `AC-${i}`, text: 'x' })) },
      /200/,
    ],
  ])('%s is bad, and says why', (_name, document, why) => {
    expect(problems(document)).toMatch(why);
  });

  it('that is not JSON says so', () => {
    expect(readTrace('{acs:')).toEqual({ kind: 'bad', problems: ['trace.json is not JSON'] });
  });

  it.each([
    '../secret',
    '/etc/passwd',
    'a/../../b',
    'a//b',
    '.git/config',
    '.orch-work/trace.json',
    'a\\b',
    'a\u0000b',
    'src/',
    '.',
  ])('with the file %s does not stay in the repository', (file) => {
    expect(problems(withTest({ kind: 'automated', file, name: 'x' }))).toMatch(
      /no path inside the repository/,
    );
  });

  it('cannot make the matrix explode', () => {
    const acs = Array.from({ length: 200 }, (_, i) => ({ id: `AC-${i}`, text: 'x' }));
    const tcs = Array.from({ length: 11 }, (_, i) => ({
      id: `TC-${i}`,
      kind: 'manual',
      acs: acs.map((ac) => ac.id),
    }));
    expect(problems({ acs, tcs })).toMatch(/more than 2000 times/);
  });

  it('tells ten problems at most, each on one line', () => {
    const found = read({ acs: Array.from({ length: 40 }, () => ({ id: 'x\ny', text: '' })) });
    if (found.kind !== 'bad') throw new Error('was read');
    expect(found.problems).toHaveLength(11);
    expect(found.problems.at(-1)).toMatch(/^and \d+ more$/);
    expect(found.problems.every((line) => !line.includes('\n'))).toBe(true);
  });

  it('never throws, and what it reads has each criterion once in the matrix', () => {
    const id = fc.oneof(fc.constantFrom('AC-1', 'AC-2', 'AC-3', 'TC-1'), fc.string());
    const acs = fc.array(id, { maxLength: 3 });
    const loose = fc.record(
      {
        acs: fc.array(fc.record({ id, text: fc.string() }), { maxLength: 4 }),
        trs: fc.array(fc.record({ id, text: fc.string(), acs }), { maxLength: 3 }),
        tcs: fc.array(
          fc.record(
            {
              id,
              acs,
              kind: fc.constantFrom('automated', 'command', 'manual'),
              file: fc.string(),
              name: fc.string(),
              command: fc.string(),
            },
            { requiredKeys: ['id', 'acs', 'kind'] },
          ),
          { maxLength: 4 },
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          loose.map((value) => JSON.stringify(value)),
        ),
        (content) => {
          const found = readTrace(content);
          if (found.kind !== 'read') return;
          const matrix = matrixOf(found.trace, null);
          expect(matrix.criteria.map((ac) => ac.id)).toEqual(found.trace.acs.map((ac) => ac.id));
          expect(new Set(matrix.criteria.map((ac) => ac.id)).size).toBe(matrix.criteria.length);
        },
      ),
    );
  });
});

describe('what a stage must show in trace.json', () => {
  const trace = read(GOOD);
  const NOTHING = { judged: [], before: null };
  const before = {
    head: null,
    criteria: [{ id: 'AC-1', text: 'greets by name', requirements: [], tests: [] }],
  };

  it.each(['analyst', 'architect', 'tester'])('the %s may do without the file, and has it right', (role) => {
    expect(traceDemand(role, readTrace(null), NOTHING)).toBeNull();
    expect(traceDemand(role, readTrace('x'), NOTHING)).toBe('trace.json is not JSON');
    expect(traceDemand(role, trace, NOTHING)).toBeNull();
  });

  it.each(['developer', 'reviewer', 'deployer'])('the %s shows nothing there', (role) => {
    expect(traceDemand(role, readTrace(null), NOTHING)).toBeNull();
  });

  it.each(['architect', 'tester'])('the %s cannot take away what was traced', (role) => {
    expect(traceDemand(role, readTrace(null), { judged: [], before })).toMatch(/no longer has AC-1/);
  });

  it('each requirement of an architecture names criteria', () => {
    expect(traceDemand('architect', read({ acs: GOOD.acs }), NOTHING)).toBeNull();
    const loose = read({ ...GOOD, trs: [{ id: 'TR-1', text: 'x', acs: [] }] });
    expect(traceDemand('architect', loose, NOTHING)).toMatch(/name no criterion: TR-1/);
  });

  it('testing has a test case for every criterion', () => {
    const bare = read({ ...GOOD, tcs: GOOD.tcs.slice(0, 2) });
    expect(traceDemand('tester', bare, NOTHING)).toMatch(/without a test case.*AC-2/);
  });

  it('testing judges no criterion that is not there', () => {
    expect(traceDemand('tester', trace, { judged: ['AC-1', 'AC-9'], before: null })).toMatch(
      /does not have: AC-9/,
    );
  });

  it.each(['architect', 'tester'])(
    'the %s can neither drop nor reword a criterion of the analysis',
    (role) => {
      const dropped = read({ acs: [{ id: 'AC-5', text: 'x' }] });
      expect(traceDemand(role, dropped, { judged: [], before })).toMatch(
        /no longer has AC-1.*"greets by name"/,
      );
      const reworded = read({ ...GOOD, acs: [{ id: 'AC-1', text: 'greets' }, GOOD.acs[1]] });
      expect(traceDemand(role, reworded, { judged: [], before })).toMatch(
        /AC-1 .* reworded; it was "greets by name"/,
      );
      expect(traceDemand(role, trace, { judged: [], before })).toBeNull();
    },
  );

  it('the analyst may begin anew', () => {
    expect(
      traceDemand('analyst', read({ acs: [{ id: 'AC-5', text: 'x' }] }), { judged: [], before }),
    ).toBeNull();
  });
});
