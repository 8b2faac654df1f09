import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_UNITS, messages, oneMessage, plainOf } from './text.ts';

/** What people and agents may write: mark-up, quotes, controls, halves of characters, long lines. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .array(
      fc.constantFrom(
        '<b>',
        '</pre>',
        '&',
        '&amp;',
        '"',
        '\n',
        '\u202e',
        '\ud83d',
        '😀',
        'x',
        '\0',
        '<a href="',
      ),
      {
        maxLength: 60,
      },
    )
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom('<', '&', '😀', 'long line ', '\n'), fc.integer({ min: 0, max: 9000 }))
    .map(([c, n]) => c.repeat(n)),
);

/** Tags stand in pairs, and every other `<`, `>` or `&` is escaped. */
function isSound(html: string): boolean {
  const open: string[] = [];
  const rest = html.replace(/<(\/?)(b|i|pre)>/g, (_all, slash: string, tag: string) => {
    if (slash === '') open.push(tag);
    else if (open.pop() !== tag) open.push('broken');
    return '';
  });
  return (
    open.length === 0 && !/[<>]/.test(rest) && !/&(?!(?:amp|lt|gt|quot);)/.test(rest) && rest.isWellFormed()
  );
}

describe('a text for telegram', () => {
  it('is sound and never too long, whatever it says', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (title, detail, code) => {
        const all = [
          oneMessage('🔑', { title, detail, code }, 'possibly sent twice'),
          ...messages({ title, detail, code }),
        ];
        for (const html of all) {
          expect(html.length).toBeLessThanOrEqual(MAX_UNITS);
          expect(isSound(html)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('loses nothing when it is split', () => {
    const detail = Array.from({ length: 900 }, (_, n) => `line ${n} <x>`).join('\n');
    const parts = messages({ title: 'T', detail });
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map(plainOf).join('\n')).toBe(`T\n${detail}`);
  });

  it('is shown as it was written, and with nothing that turns it around', () => {
    const html = oneMessage('', { title: 'a & b', detail: '<i>"quoted"</i>\u202eevil' });
    expect(html).toBe('<b>a &amp; b</b>\n&lt;i&gt;&quot;quoted&quot;&lt;/i&gt;evil');
    expect(plainOf(html)).toBe('a & b\n<i>"quoted"</i>evil');
  });
});
