import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Webhook } from './webhook.ts';

/** How a header writes the HMAC-SHA256 of the bytes: as bare hex, or as `sha256=` and hex. */
export type SignatureForm = 'hex' | 'sha256=';

const HEX_LENGTH = 64;

/**
 * The signed half of a webhook, by its headers in lower case: `signedBy({ 'x-plane-signature': 'hex' })`. Vendors
 * that sign otherwise write their own.
 */
export function signedBy(
  headers: Readonly<Record<string, SignatureForm>>,
): Pick<Webhook, 'signatureHeaders' | 'isSigned'> {
  return {
    signatureHeaders: Object.keys(headers),
    isSigned(header, value, body, secret) {
      const form = headers[header];
      if (form === undefined || secret === '') return false;
      const prefix = form === 'hex' ? '' : form;
      if (!value.startsWith(prefix)) return false;
      return isEqual(value.slice(prefix.length).toLowerCase(), hmacOf(body, secret));
    },
  };
}

/** The HMAC-SHA256 of exactly these bytes, as lower-case hex. */
export function hmacOf(body: Uint8Array, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}

/** The length of a signature is no secret; its content is compared in constant time. */
function isEqual(given: string, wanted: string): boolean {
  if (given.length !== HEX_LENGTH) return false;
  const bytes = Buffer.from(given);
  return bytes.length === HEX_LENGTH && timingSafeEqual(bytes, Buffer.from(wanted));
}
