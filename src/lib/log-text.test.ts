import { expect, it } from 'vitest';
import { cleanLine, plainLine } from './log-text.ts';

it.each([
  ['plain text stays', 'npm test  ok\t1', 'npm test  ok\t1'],
  ['colours stay, and are closed at the end', '\x1b[31mred', '\x1b[31mred\x1b[0m'],
  ['what is closed is not closed again', '\x1b[1;32mok\x1b[0m rest', '\x1b[1;32mok\x1b[0m rest'],
  ['the short form closes too', '\x1b[32mok\x1b[m', '\x1b[32mok\x1b[m'],
  ['cursor moves go', 'a\x1b[2K\x1b[1Gb\x1b[?25lc', 'abc'],
  [
    'titles and links go, their text stays',
    '\x1b]0;title\x07see \x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\',
    'see here',
  ],
  ['a string without an end goes', 'a\x1b]0;never ends', 'a'],
  ['a progress line keeps its last frame', '10 %\r50 %\r100 %\r', '100 %'],
  ['a Windows line end is none', 'text\r', 'text'],
  ['an empty last frame is not the last', 'done\r\x1b[K\r', 'done'],
  ['other escapes go', '\x1b7a\x1b(Bb\x1bMc', 'abc'],
  ['a lone escape at the end goes', 'a\x1b', 'a'],
  ['other controls are shown, not obeyed', 'a\x00b\x08c\x9bd', 'a·b·c·d'],
  ['text cannot be turned around', 'user\u202e gnp.exe', 'user· gnp.exe'],
])('%s', (_name, line, clean) => {
  expect(cleanLine(line)).toBe(clean);
  expect(cleanLine(cleanLine(line))).toBe(clean);
});

it('plain lines have no colours', () => {
  expect(plainLine('\x1b[1;32mok\x1b[0m \x1b[38;5;208mrest')).toBe('ok rest');
});

it('no line makes it slow', () => {
  const from = performance.now();
  for (const part of ['\x1b]', '\x1b[', '\r', '\x1b[0;', '\x1bP']) cleanLine(part.repeat(100_000));
  expect(performance.now() - from).toBeLessThan(2000);
});
