import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hmacOf, signedBy } from './signature.ts';

const vendor = signedBy({ 'x-signature': 'hex', 'x-hub-signature-256': 'sha256=' });
const body = Buffer.from('{\n  "a": "ü"\n}');
const hex = hmacOf(body, 'secret');

describe('a signature', () => {
  it('is one of exactly these bytes under this secret, in the form that its header has', () => {
    expect(vendor.signatureHeaders).toEqual(['x-signature', 'x-hub-signature-256']);
    expect(vendor.isSigned('x-signature', hex, body, 'secret')).toBe(true);
    expect(vendor.isSigned('x-signature', hex.toUpperCase(), body, 'secret')).toBe(true);
    expect(vendor.isSigned('x-hub-signature-256', `sha256=${hex}`, body, 'secret')).toBe(true);
  });

  it.each([
    ['an empty one', 'x-signature', ''],
    ['an empty one behind its prefix', 'x-hub-signature-256', 'sha256='],
    ['one without its prefix', 'x-hub-signature-256', hex],
    ['one with a prefix that it does not have', 'x-signature', `sha256=${hex}`],
    ['one of another hash', 'x-hub-signature-256', `sha1=${hex}`],
    ['half of one', 'x-signature', hex.slice(0, 32)],
    ['one with something behind it', 'x-signature', `${hex}0`],
    ['one of a header that nobody knows', 'x-other', hex],
    ['letters that are longer as bytes', 'x-signature', 'ü'.repeat(64)],
  ])('is not %s', (_what, header, value) => {
    expect(vendor.isSigned(header, value, body, 'secret')).toBe(false);
  });

  it('never counts without a secret, even where it would be right', () => {
    expect(vendor.isSigned('x-signature', hmacOf(body, ''), body, '')).toBe(false);
  });

  it('is none of other bytes or under another secret', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1 }),
        fc.string({ minLength: 1 }),
        fc.nat(),
        (bytes, secret, at) => {
          const signature = hmacOf(bytes, secret);
          expect(vendor.isSigned('x-signature', signature, bytes, secret)).toBe(true);
          const other = Uint8Array.from(bytes, (byte, i) => (i === at % bytes.length ? byte ^ 1 : byte));
          expect(vendor.isSigned('x-signature', signature, other, secret)).toBe(false);
          expect(vendor.isSigned('x-signature', signature, bytes, `${secret}x`)).toBe(false);
        },
      ),
    );
  });
});
