import { expect, it } from 'vitest';
import { hasMarker, marked, withoutMarker } from './marker.ts';

it('marks a text and finds it by its key, whatever the key holds', () => {
  for (const key of ['settle:12:usage', 'a --> b', 'x--y', '<!-- -->', 'ä\n']) {
    const text = marked('Body\n', key);
    expect(text.match(/-->/g)).toHaveLength(1);
    expect(text.split('\n')).toHaveLength(3);
    expect([hasMarker(text, key), hasMarker(text, `${key}2`)]).toEqual([true, false]);
    expect(withoutMarker(text)).toBe('Body');
  }
});

it('leaves a text without a marker as it is', () => {
  expect(withoutMarker('a <!-- b -->')).toBe('a <!-- b -->');
});
