import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createParser, type StreamEvent } from './stream.ts';

function parse(...pieces: string[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = createParser((event) => events.push(event));
  for (const piece of pieces) parser(piece);
  return events;
}

const STREAM =
  ': hello\n\nid: 7\nevent: lines\ndata: {"a":1}\n\ndata: one\ndata: two\r\n\r\nevent: end\ndata:\n\n';

describe('a stream of events', () => {
  it('is cut into events; comments are none, and an id stays until there is another', () => {
    expect(parse(STREAM)).toEqual([
      { id: '7', event: 'lines', data: '{"a":1}' },
      { id: '7', event: 'message', data: 'one\ntwo' },
      { id: '7', event: 'end', data: '' },
    ]);
  });

  it('is the same wherever the network cuts it', () => {
    const plain = STREAM.replaceAll('\r', '');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: plain.length }), { maxLength: 8 }), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), plain.length];
        const pieces = places.slice(1).map((to, i) => plain.slice(places[i], to));
        expect(parse(...pieces)).toEqual(parse(plain));
      }),
    );
  });

  it('gives nothing for an event that has not ended', () => {
    expect(parse('data: half')).toEqual([]);
  });
});
