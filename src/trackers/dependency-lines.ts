import { isSameRepository, type RepositoryName } from '../clients/repository-name.ts';

/** More than people write; each may cost a request. */
const MAX_NAMED = 20;

const FENCED = /^[ \t]*(`{3,}(?!`)|~{3,}(?!~))[^`\n]*\n[\s\S]*?(?:^[ \t]*\1[`~]*[ \t]*$|$(?![\s\S]))/gm;
const INLINE_CODE = /(`+).*?\1/g;
const LINE =
  /^[ \t]*(?:[-*+][ \t]+)?(?:\*\*)?(?:depends[ \t]+on|blocked[ \t]+by)(?:\*\*)?[ \t]*:?(.{1,500})$/gim;
const NAME =
  /(?<![\w#/.-])(?:(?:[\w.-]{1,100}\/[\w.-]{1,100})?#\d{1,9}|[A-Za-z][A-Za-z0-9_]{0,19}-\d{1,9})(?![\w-])/g;

/**
 * Items that a description says have to be done first, for trackers that know no relations: lines such as
 * "Depends on WID-3, WID-4" or "Blocked by #12, acme/api#3", outside of code. As written but in capitals, each once.
 */
export function dependenciesIn(markdown: string): string[] {
  const named = [...markdown.replaceAll(FENCED, '').matchAll(LINE)].flatMap(
    ([, rest = '']) => rest.replaceAll(INLINE_CODE, '').match(NAME) ?? [],
  );
  return [...new Set(named.map((name) => name.toUpperCase()))].slice(0, MAX_NAMED);
}

/** Numbers of those that are issues of this repository: `#3`, `owner/name#3`, or `WID-3` in the project `wid`. */
export function issueNumbersIn(markdown: string, project: string, at: RepositoryName): number[] {
  const numbers = dependenciesIn(markdown).flatMap((name) => {
    const [, place = '', number = ''] = /^(.*)[#-](\d+)$/.exec(name) ?? [];
    const isHere = place === '' || place === project.toUpperCase() || isSameRepository(at, place);
    return isHere ? [Number(number)] : [];
  });
  return [...new Set(numbers)].filter((number) => number > 0);
}
