import { expect, it } from 'vitest';
import { inBytes } from './bytes.ts';

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 kB'],
  [1.4 * 1024 ** 2, '1 MB'],
  [999 * 1024 ** 2, '999 MB'],
  [1.25 * 1024 ** 3, '1.3 GB'],
  [250 * 1024 ** 3, '250 GB'],
  [5000 * 1024 ** 4, '5000 TB'],
])('%d bytes are told as %s', (bytes, text) => {
  expect(inBytes(bytes)).toBe(text);
});
