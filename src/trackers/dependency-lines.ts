/** More than people write; each may cost a request. */
const MAX_NAMED = 20;

const LINE =
  /^[ \t]*(?:[-*+][ \t]+)?(?:\*\*)?(?:depends[ \t]+on|blocked[ \t]+by)(?:\*\*)?[ \t]*:?(.{1,500})$/gim;
const NAME = /(?<![\w#/-])(?:#\d{1,9}|[A-Za-z][A-Za-z0-9_]{0,19}-\d{1,9})(?![\w-])/g;

/**
 * Items that a description says have to be done first, for trackers that know no relations: lines such as
 * "Depends on WID-3, WID-4" or "Blocked by #12". Names as written, keys in capitals, each once.
 */
export function dependenciesIn(markdown: string): string[] {
  const named = [...markdown.matchAll(LINE)].flatMap(([, rest = '']) => rest.match(NAME) ?? []);
  return [...new Set(named.map((name) => name.toUpperCase()))].slice(0, MAX_NAMED);
}
