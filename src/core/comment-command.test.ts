import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readComment } from './comment-command.ts';

const command = (body: string) => {
  const read = readComment(body);
  return read.kind === 'command' ? read.command : read;
};

describe('a command in a comment', () => {
  it.each([
    ['/orch retry', { verb: 'retry', note: null }],
    ['/orch retry mock the clock', { verb: 'retry', note: 'mock the clock' }],
    ['Looks wrong.\n\n/orch retry', { verb: 'retry', note: null }],
    ['/orch cancel\r\n', { verb: 'cancel' }],
    ['/orch Approve', { verb: 'approve', commit: null }],
    ['/orch approve 9C41F0E', { verb: 'approve', commit: '9c41f0e' }],
    ['/orch reject too slow\nand too big', { verb: 'reject', reason: 'too slow\nand too big' }],
    ['/orch answer MIT', { verb: 'answer', text: 'MIT' }],
    ['/orch answer\nMIT', { verb: 'answer', text: 'MIT' }],
    ['/orch   why  ', { verb: 'why' }],
    ['> what shall we do?\n\n/orch why', { verb: 'why' }],
    ['```\ncode\n```\n/orch why', { verb: 'why' }],
    ['- ```sh\n  code\n  ```\n\n/orch why', { verb: 'why' }],
    ['a `<!--` is shown\n/orch why', { verb: 'why' }],
    ['<!-- hidden -->\n/orch why', { verb: 'why' }],
  ])('is read in %j', (body, wanted) => {
    expect(command(body)).toEqual(wanted);
  });

  it.each([
    'no command',
    'try /orch retry',
    '/orchestra retry',
    ' /orch retry',
    '    /orch retry',
    '\t/orch retry',
    '> /orch retry',
    '> quoted\n/orch retry',
    '```\n/orch retry\n```',
    '~~~ sh\n/orch retry\n~~~',
    '````\n```\n/orch retry\n````',
    '```\n/orch retry',
    '<!--\n/orch retry\n-->',
    'x <!-- y\n/orch retry -->',
    '<pre>\n/orch retry\n</pre>',
    '<details><blockquote>\n/orch retry\n</blockquote></details>',
  ])('is none in %j', (body) => {
    expect(readComment(body).kind).toBe('words');
  });

  it.each([
    ['/orch', 'no command'],
    ['/orch dance', 'not known'],
    ['/orch reject', 'reason'],
    ['/orch reject   \n  ', 'reason'],
    ['/orch answer', 'text'],
    ['/orch approve of it', 'commit'],
    ['/orch cancel everything', 'nothing more'],
    ['/orch retry\n/orch cancel', 'more than one'],
  ])('is unclear in %j', (body, why) => {
    const read = readComment(body);
    expect(read).toMatchObject({ kind: 'unclear' });
    expect(JSON.stringify(read)).toContain(why);
  });

  it('is never obeyed from within quotes, code or what is hidden, whatever stands around it', () => {
    const words = fc.stringMatching(/^[a-z .]{0,20}$/);
    const wrap = fc.constantFrom<(text: string) => string>(
      (text) => `> ${text}`,
      (text) => `> a\n> ${text}`,
      (text) => `\`\`\`\n${text}\n\`\`\``,
      (text) => `~~~~\n~~~\n${text}\n~~~~`,
      (text) => `    ${text}`,
      (text) => `<!--\n${text}\n-->`,
      (text) => `<pre>\n${text}\n</pre>`,
    );
    const verbs = fc.constantFrom('retry', 'cancel', 'approve', 'reject no', 'answer x', 'why', 'dance', '');
    fc.assert(
      fc.property(words, wrap, verbs, words, (before, around, verb, after) => {
        const body = `${before}\n\n${around(`/orch ${verb}`)}\n\n${after}`;
        expect([body, readComment(body).kind]).toEqual([body, 'words']);
        // What is said in the writer's own words behind it counts.
        expect([body, readComment(`${body}\n\n/orch why`).kind]).toEqual([body, 'command']);
      }),
    );
  });

  it('is read from anything without a fault', () => {
    const piece = fc.constantFrom(
      '/orch',
      ' ',
      '\n',
      '`',
      '```',
      '~~~',
      '>',
      '<!--',
      '-->',
      '<pre>',
      '\t',
      'retry',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        expect(['words', 'command', 'unclear']).toContain(readComment(pieces.join('')).kind);
      }),
    );
  });
});
