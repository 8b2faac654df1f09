import { describe, expect, it } from 'vitest';
import type { LogLineWire } from '../../../src/http/contract.ts';
import { rowsOf } from './rows.ts';

const line = (seq: number, ...parts: LogLineWire['parts']): LogLineWire => ({
  seq,
  next: seq + 10,
  at: null,
  parts,
  masked: 0,
  whole: true,
});

describe('rows of a log', () => {
  it('puts the answers of a tool under its call, over the end of a page too', () => {
    const first = rowsOf([line(0, { kind: 'tool', tool: 'Bash', text: 'npm test' })], null);
    const second = rowsOf(
      [line(10, { kind: 'result', text: 'one\ntwo' }), line(20, { kind: 'says', text: 'Done.' })],
      first.under,
    );
    expect(first.rows).toMatchObject([{ key: '0.0.0', tool: 'Bash', under: null }]);
    expect(second.rows).toMatchObject([
      { key: '10.0.0', text: 'one', under: '0.0.0' },
      { key: '10.0.1', text: 'two', under: '0.0.0' },
      { key: '20.0.0', text: 'Done.', under: null },
    ]);
    expect(second.under).toBeNull();
  });

  it('marks a line whose end was left out', () => {
    const { rows } = rowsOf([{ ...line(0, { kind: 'text', text: 'long' }), whole: false }], null);
    expect(rows.map(({ text }) => text)).toEqual(['long …']);
  });
});
