const MAX_REASON_CHARS = 300;

/** Keys and tokens of the vendors, wherever they turn up in a message. */
const CREDENTIAL =
  /\bsk-[A-Za-z0-9_-]{8,}|\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}|\bgh[a-z]_\w{8,}|\bgithub_pat_\w{8,}|\bAIza[\w-]{16,}|\bya29\.[\w.-]{8,}|\beyJ[\w-]{10,}[\w.-]*/g;

/** Words from outside as one short line: no control characters, no credential. */
export function oneLine(words: string, maxChars = MAX_REASON_CHARS): string {
  const line = words
    .slice(0, 16 * maxChars)
    .replace(CREDENTIAL, '[secret]')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length <= maxChars ? line : `${line.slice(0, maxChars - 1)}…`;
}
