import { expect, it } from 'vitest';
import { csv } from './csv.ts';

it('cells are quoted where they must be, and no cell is a formula', () => {
  expect(
    csv(
      ['a', 'b'],
      [
        ['x,"y"', null],
        ['=1+1', -3],
        ['@x', { k: 1 }],
        ['line\nend', true],
      ],
    ),
  ).toBe('a,b\r\n"x,""y""",\r\n\'=1+1,-3\r\n\'@x,"{""k"":1}"\r\n"line\nend",true\r\n');
});
