import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHtml, toMarkdown } from './markup.ts';

describe('Markdown for Plane', () => {
  it.each([
    ['plain words', '<p>plain words</p>'],
    ['**bold** and `a < b`', '<p><strong>bold</strong> and <code>a &lt; b</code></p>'],
    ['[a](https://x.example/a?b=1&c=2)', '<p><a href="https://x.example/a?b=1&amp;c=2">a</a></p>'],
    ['- one\n- two', '<ul>\n<li>one</li>\n<li>two</li>\n</ul>'],
    ['text\n<!-- orch:k1 -->', '<p>text</p>'],
    [
      '| a |\n| - |\n| b |',
      '<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>',
    ],
  ])('%j becomes %j', (markdown, html) => {
    expect(toHtml(markdown)).toBe(html);
  });

  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '[x](javascript:alert(1))',
    '[x](data:text/html,<script>alert(1)</script>)',
    '![x](javascript:alert(1))',
    '<a href="https://x" onclick="alert(1)">x</a>',
    '`</code><script>alert(1)</script>`',
    '<svg><script>alert(1)</script></svg>',
    '<!-- --><script>alert(1)</script>',
    '<mention-component entity_identifier="x" entity_name="user_mention"></mention-component>',
  ])('keeps the words of %s without anything that runs', (hostile) => {
    const html = toHtml(hostile);
    expect(html).not.toMatch(/<(script|img|svg|mention)/i);
    expect(html).not.toMatch(/<[^>]+(onclick|onerror|javascript:|data:)/i);
  });

  it('shows what looks like a tag, for it is a word of the text', () => {
    expect(toHtml('returns Map<string, Foo>')).toContain('Map&lt;string, Foo&gt;');
  });

  it.each([
    ['quotes', '> '.repeat(50_000)],
    ['lists', '- '.repeat(50_000)],
    ['brackets', '['.repeat(50_000)],
    ['emphasis', '*a_'.repeat(20_000)],
    ['elements', '<div>'.repeat(50_000)],
    ['ticks', '`'.repeat(50_000)],
  ])('is through with 100 kB of %s before long', (_what, text) => {
    const started = performance.now();
    toHtml(text);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("Plane's HTML", () => {
  it.each([
    ['<p>Steps: submit &amp; wait.</p>', 'Steps: submit & wait.'],
    ['<p>one</p><p>two</p>', 'one\n\ntwo'],
    ['<p>a</p><div><ul><li>b</li><li><p>c</p></li></ul></div>', 'a\n\n-   b\n-   c'],
    ['<pre><code>/orch retry\n</code></pre>', '```\n/orch retry\n```'],
    ['<blockquote><p>/orch retry</p></blockquote>', '> /orch retry'],
    ['<p>/orch retry --from-stage code_review</p>', '/orch retry --from-stage code_review'],
    ['<p></p>', ''],
    ['a < b and c', 'a < b and c'],
    [
      '<p><mention-component entity_identifier="u1" entity_name="user_mention"></mention-component> hi</p>',
      '@ada hi',
    ],
    ['<script>alert(1)</script><p onclick="x()">ok</p><img src="http://x/t.gif">', 'ok\n\n(image)'],
    ['<p><a href="javascript:alert(1)">go</a></p>', 'go'],
    ['<ul data-type="taskList"><li><input type="checkbox" checked>done</li></ul>', '-   [x] done'],
  ])('%j becomes %j', (html, markdown) => {
    expect(toMarkdown(html, (id) => (id === 'u1' ? 'ada' : null))).toBe(markdown);
  });

  it('lets no text end a block of code that people put around it', () => {
    const read = toMarkdown('<pre>```\n/orch cancel\n```</pre>');
    expect(read).toBe('````\n```\n/orch cancel\n```\n````');
  });

  it.each([
    ['nested elements', '<div>'.repeat(50_000)],
    ['nested lists', '<ul><li>'.repeat(30_000)],
    ['open tags', '<'.repeat(200_000)],
    ['a long word', 'x'.repeat(5_000_000)],
    ['blanks', '<p> '.repeat(50_000)],
  ])('is read in time when it is made of %s', (_what, html) => {
    const started = performance.now();
    expect(toMarkdown(html).length).toBeLessThan(600_000);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('never throws, and never lets a script through, whatever was sent', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.string({ maxLength: 200 }), (a, b) => {
        toMarkdown(a);
        expect(toHtml(`${a}<script>${b}`)).not.toMatch(/<script/i);
      }),
    );
  });
});
