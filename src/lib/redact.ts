const MASK = '[secret]';
/** A shorter value of the environment would be found in ordinary words. */
const MIN_SECRET_CHARS = 8;

export interface RedactOptions {
  /** Values that are secret here, such as those of an account's environment. */
  readonly secrets: readonly string[];
  /** Folders that would name a person or a machine. */
  readonly homes: readonly string[];
}

/** What a secret's name looks like, in variables and in JSON. */
const NAMES = String.raw`[\w.-]{0,64}(?:token|secret|passw(?:or)?d|passphrase|api[_-]?key|apikey|authorization|credential|cookie|private[_-]?key)[\w.-]{0,64}`;
/** What may stand between the lines of a key, also as JSON writes it. */
const LINE_END = String.raw`(?:\s|\\[nr])`;

/**
 * Whole forms first, then what a name gives away. Each keeps the JSON around it valid, and has bounds, so
 * that no text makes it slow.
 */
const RULES: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(
      String.raw`-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:${LINE_END}{1,4}[A-Za-z0-9+/=]{1,256})*(?:${LINE_END}{0,4}-----END [A-Z ]{0,40}PRIVATE KEY-----)?`,
      'g',
    ),
    MASK,
  ],
  [/\b(Bearer|Basic)\s{1,4}[\w+/=.~-]{8,}/gi, `$1 ${MASK}`],
  [/\beyJ[\w-]{8,4096}\.[\w-]{1,4096}(?:\.[\w-]*)?/g, MASK],
  [/\b(?:sk|pk|rk)[-_][\w-]{12,}/g, MASK],
  [/\b(?:gh[pousr]_|github_pat_|orch_pat_|glpat-|xox[abeoprs]-|ya29\.|AIza|hf_|npm_)[\w.-]{10,}/g, MASK],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, MASK],
  [/\b\d{6,12}:[\w-]{30,}/g, MASK],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/"'\\@]{1,512}@/gi, `$1${MASK}@`],
  [new RegExp(String.raw`(\\"${NAMES}\\"\s{0,8}:\s{0,8}\\")(?!\[secret\])[^"\\]+`, 'gi'), `$1${MASK}`],
  [new RegExp(String.raw`("${NAMES}"\s{0,8}:\s{0,8}")(?!\[secret\])(?:[^"\\]|\\.)+`, 'gi'), `$1${MASK}`],
  [new RegExp(String.raw`\b(${NAMES}=)(?!\[secret\])[^\s"'\\&;,]+`, 'gi'), `$1${MASK}`],
];
/** What names a person or a machine, and is no secret to those who may look at a run. */
const PRIVATE: typeof RULES = [
  [/[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g, '[e-mail]'],
  [/\/(?:home|Users)\/[^/\s"'\\:]+/g, '[home]'],
];

/**
 * A text for people to look at and to pass on: keys, tokens, passwords, e-mail addresses and homes are
 * taken out. It knows forms and names, so what looks like none of them stays.
 */
export function redact(text: string, { secrets, homes }: RedactOptions): string {
  let clean = replaceAll(text, worthMasking(secrets), MASK);
  // Longest first: a home may lie in another.
  clean = replaceAll(
    clean,
    homes.filter((home) => home.length > 1),
    '[home]',
  );
  for (const [pattern, replacement] of [...RULES, ...PRIVATE]) clean = clean.replace(pattern, replacement);
  return clean;
}

/** A text for those who may look at a run: secrets alone are taken out. `masked` counts them. */
export function maskSecrets(text: string, secrets: readonly string[]): { text: string; masked: number } {
  let clean = replaceAll(text, worthMasking(secrets), MASK);
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement);
  return { text: clean, masked: clean === text ? 0 : countOf(clean) - countOf(text) };
}

function countOf(text: string): number {
  return text.split(MASK).length - 1;
}

function worthMasking(secrets: readonly string[]): string[] {
  return [...new Set(secrets)].filter((value) => value.length >= MIN_SECRET_CHARS);
}

function replaceAll(text: string, values: readonly string[], by: string): string {
  let replaced = text;
  for (const value of values.toSorted((a, b) => b.length - a.length)) {
    // As it stands, and as it stands in a string of JSON.
    for (const form of new Set([value, JSON.stringify(value).slice(1, -1)]))
      replaced = replaced.replaceAll(form, by);
  }
  return replaced;
}
