import { describe, expect, it } from 'vitest';
import { parseXml } from './xml.ts';

describe('XML from outside', () => {
  it('is read with its own text per element, and its five entities', () => {
    expect(
      parseXml(
        '<?xml version="1.0"?><!-- c --><a x="&lt;1&gt; &amp; &quot;2&quot;">t<b/><![CDATA[<u>]]></a>',
      ),
    ).toEqual({
      name: 'a',
      attributes: { x: '<1> & "2"' },
      text: 't<u>',
      children: [{ name: 'b', attributes: {}, text: '', children: [] }],
    });
  });

  it('may hold the colour codes that runners put into messages', () => {
    expect(parseXml('<a m="\u001b[31mred\u001b[39m"/>').attributes).toEqual({ m: '[31mred[39m' });
  });

  it.each([
    ['is empty', ''],
    ['is no XML', 'ok 1 - works'],
    ['ends early', '<a><b></a>'],
    ['expands entities of its own', '<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;">]><a>&z;</a>'],
    ['reads a file', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    ['nests without end', `${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}`],
    ['nests deeper than any report', `${'<a>'.repeat(200)}${'</a>'.repeat(200)}`],
  ])('that %s is an error of one line', (_name, text) => {
    const message = (() => {
      try {
        parseXml(text);
        return null;
      } catch (error) {
        return error instanceof Error ? error.message : '';
      }
    })();
    expect(message).toMatch(/^[^\n]+$/);
  });

  it('keeps no more of a text than a message needs', () => {
    expect(parseXml(`<a>${'x'.repeat(5000)}</a>`).text).toHaveLength(2000);
  });
});
