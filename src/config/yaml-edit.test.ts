import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { changedText, parsedValue, YamlTrouble } from './yaml-edit.ts';

describe('a value in a YAML text', () => {
  it.each([
    ['a scalar', 'a: 1 # one\nb: 2\n', ['a'], 3, 'a: 3 # one\nb: 2\n'],
    ['a block list', 'a:\n  - x # first\n  - y\n# after\nb: 2\n', ['a'], ['z'], 'a:\n  [z]\n# after\nb: 2\n'],
    ['an entry of a list', 'a: [x,  y]\n', ['a', 1], 'z', 'a: [x,  z]\n'],
    [
      'a new key of a block',
      'p:\n    a: 1 # one\n\nq: 2\n',
      ['p', 'b'],
      'x',
      'p:\n    a: 1 # one\n    b: x\n\nq: 2\n',
    ],
    ['a new key in braces', 'p: { a: 1 }\n', ['p', 'b'], true, 'p: { a: 1, b: true }\n'],
    ['a new key below new keys', 'p: 1\n', ['q', 'r', 's'], null, 'p: 1\nq: { r: { s: null } }\n'],
    ['a new key after no line break', 'p: 1', ['q'], '1', 'p: 1\nq: "1"\n'],
    ['nothing yet', '', ['q'], 'a: b', 'q: "a: b"\n'],
    ['a removed key', 'a: 1\nb:\n  - x\n  - y\nc: 3 # c\n', ['b'], undefined, 'a: 1\nc: 3 # c\n'],
    ['a removed key that is not there', 'a: 1\n', ['b'], undefined, 'a: 1\n'],
    ['windows line breaks', 'a: 1\r\nb: 2\r\n', ['a'], 2, 'a: 2\r\nb: 2\r\n'],
  ])('is put in its place: %s', (_what, text, path, value, expected) => {
    expect(changedText(text, path, value)).toBe(expected);
  });

  it('is what the parser reads afterwards, and no other changed, whatever is there', () => {
    const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    const key = fc.constantFrom('a', 'b', 'on', 'x y', '"q"', '#', '-', 'null', '1');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.dictionary(
        key,
        fc.oneof({ maxDepth: 3 }, scalar, fc.array(scalar, { maxLength: 3 }), tie('tree')),
        { maxKeys: 4 },
      ),
    }));
    fc.assert(
      fc.property(
        tree,
        fc.array(key, { minLength: 1, maxLength: 3 }),
        fc.oneof(scalar, fc.array(scalar)),
        fc.constantFrom('flow', 'block'),
        (data, path, value, style) => {
          const options = { version: '1.2', schema: 'core', stringKeys: true } as const;
          const text = stringify(data, {
            ...options,
            lineWidth: 0,
            collectionStyle: style,
          });
          let made: string;
          try {
            made = changedText(text, path, value);
          } catch (error) {
            expect(error).toBeInstanceOf(YamlTrouble);
            return;
          }
          const expected = structuredClone<Record<string, unknown>>(data);
          let at = expected;
          for (const step of path.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
          at[path.at(-1) ?? ''] = value;
          expect(parse(made, options)).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is an entry of a list, or the next one, and never leaves a gap', () => {
    expect(changedText('a: [x]\n', ['a', 1], 'y')).toBe('a: [ x, y ]\n');
    for (const path of [
      ['a', 2],
      ['a', '0'],
      ['a', 'b', 'c'],
    ])
      expect(() => changedText('a: [x]\n', path, 'y')).toThrow(YamlTrouble);
  });

  it('is read as a file would have it', () => {
    expect(['15m', '"1"', '[a, 2]', '{ kind: local }', 'true', ''].map(parsedValue)).toEqual([
      '15m',
      '1',
      ['a', 2],
      { kind: 'local' },
      true,
      null,
    ]);
    for (const text of ['[a', 'a: b: c', '*x', '"']) expect(() => parsedValue(text)).toThrow(YamlTrouble);
  });
});
