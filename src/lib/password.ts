import { createHash, randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';

/** argon2id with the package's defaults, which are OWASP's least: 19 MiB, 2 passes, 1 lane. */
export function hashPassword(password: string): Promise<string> {
  return hash(password);
}

/** Of no password: a sign-in under an unknown name then takes as long as any other. */
const NOBODY =
  '$argon2id$v=19$m=19456,t=2,p=1$b3JjaC1ub2JvZHktc2FsdA$K6tLNyYhN7pM3sHf5Qm8rQh1Yv8vS0mGxF0wVvCq0e8';

/** False for a wrong password, and for a hash that is none; never throws. `null` = there is no such user. */
export async function isPassword(password: string, hashed: string | null): Promise<boolean> {
  const matches = await verify(hashed ?? NOBODY, password).catch(() => false);
  return matches && hashed !== null;
}

/** What only its holder knows: 256 random bits, as text. */
export function newSecret(prefix = ''): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** Letters and digits that nobody takes for another; 40 bits, for a code that is soon used and cannot be tried often. */
const CODE_LETTERS = 'ABCDEFGHJKMNPQRSTVWXYZ0123456789';

/** For a person to type: `7K3F-9QXM`. */
export function newCode(): string {
  const letters = [...randomBytes(8)].map((byte) => CODE_LETTERS[byte % CODE_LETTERS.length]);
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`;
}

/** As it is compared: without case, dashes and spaces. */
export function plainCode(code: string): string {
  return code.toUpperCase().replace(/[^A-Z0-9]/g, '');
}

/** What the store keeps of a secret. It is random and long: nothing slower is needed. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
