import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TraceMatrix } from './trace.ts';
import { pullRequestBody } from './trace-markdown.ts';

const matrix = (text: string, what = 'test/a.test.js: greets', detail = ''): TraceMatrix => ({
  head: '9c41f0e1234567',
  criteria: [
    {
      id: 'AC-1',
      text,
      requirements: ['TR-1', 'TR-2'],
      tests: [
        { id: 'TC-1', kind: 'automated', what, state: 'passed', detail },
        { id: 'TC-2', kind: 'manual', what: 'open the page', state: 'to_tick', detail: '' },
      ],
    },
  ],
});
const body = (trace: TraceMatrix | null, text = '') => pullRequestBody({ key: 'API-1', body: text, trace });
/** The row of AC-1, cut into cells where a renderer would cut it. */
const cells = (trace: TraceMatrix) =>
  (
    body(trace)
      .split('\n')
      .find((line) => line.startsWith('| **AC-1**')) ?? ''
  ).split(/(?<!\\)\|/);

describe('the text of a pull request', () => {
  it('has the matrix first, then the item', () => {
    expect(body(matrix('greets by name'), 'Please greet.')).toBe(`**Criteria and tests**, proven at 9c41f0e

| Criterion | Requirements | Tests |
| --- | --- | --- |
| **AC-1** greets by name | TR-1, TR-2 | ✓ passed **TC-1** test/a.test.js: greets<br>▲ to tick **TC-2** open the page |

---

Please greet.`);
  });

  it('is the item alone where nothing is traced', () => {
    expect(body(null, 'Please greet.')).toBe('Please greet.');
  });

  it('says so before anything is proven, and why a test is not', () => {
    expect(body({ ...matrix('x'), head: null })).toContain('nothing is proven yet');
    expect(body(matrix('x', 'a', 'the project names no reports'))).toContain(
      'a (the project names no reports)',
    );
  });

  it.each([
    ['a bar', 'a | b', 'a \\| b'],
    ['an escaped bar', 'a \\| b', 'a \\\\\\| b'],
    ['lines', 'a\n\n| x | y |\r\nb', 'a \\| x \\| y \\| b'],
    ['HTML', '<img src=x onerror=alert(1)><!--', '&lt;img src=x onerror=alert\\(1\\)&gt;&lt;\\!--'],
    ['an entity', '&lt;b&gt;', '&amp;lt;b&amp;gt;'],
    ['a link', '[click](javascript:x)', '\\[click\\]\\(javascript:x\\)'],
    ['an address', 'see https://example.org', 'see https:\u200b//example.org'],
    ['a mention', 'thanks @mara', 'thanks @\u200bmara'],
    ['a closing reference', 'fixes #12', 'fixes #\u200b12'],
    ['code', '`rm -rf` **now**', '\\`rm -rf\\` \\*\\*now\\*\\*'],
  ])('cannot be broken by %s', (_name, text, shown) => {
    expect(cells(matrix(text))[1]).toBe(` **AC-1** ${shown} `);
    expect(cells(matrix('x', text))[3]).toContain(shown);
  });

  it('keeps four columns and one line a criterion, whatever the texts are', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (text, what, detail) => {
        const row = cells(matrix(text, what, detail));
        expect(row).toHaveLength(5);
        expect(body(matrix(text, what, detail)).split('\n')).toHaveLength(6);
      }),
    );
  });

  it('stays under the limits of forges', () => {
    const criteria = Array.from({ length: 200 }, (_, i) => ({
      ...(matrix('long '.repeat(200)).criteria[0] as TraceMatrix['criteria'][number]),
      id: `AC-${i}`,
    }));
    const text = body({ head: null, criteria }, 'x'.repeat(200_000));
    expect(text.length).toBeLessThan(60_000);
    expect(text).toMatch(/\d+ more: `orch task show API-1`/);
  });
});
