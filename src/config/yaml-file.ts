import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { messageOf } from '../core/errors.ts';
import type { Finding } from './problems.ts';

const MAX_CHARACTERS = 1024 * 1024;
const MAX_DEPTH = 32;
/** One mistake can upset the parser on every line after it. */
const MAX_SYNTAX_PROBLEMS = 10;

/** What a configuration file says, and on which line it says it. */
export interface YamlFile {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly findings: readonly (Finding & { readonly line: number | null })[];
  lineOf(path: readonly PropertyKey[]): number | null;
}

/** Our words for the parser's codes: its own messages quote the text, which may hold a secret. */
const WORDS: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias cannot have an anchor or a tag',
  BAD_ALIAS: 'this alias is not valid',
  BAD_COLLECTION_TYPE: 'this tag does not fit a list or mapping',
  BAD_DIRECTIVE: 'this directive is not known',
  BAD_DQ_ESCAPE: 'a double-quoted text has an escape that YAML does not know; use single quotes',
  BAD_INDENT: 'the indentation is wrong, or a bracket is not closed',
  BAD_SCALAR_START: 'a plain text cannot start with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping cannot start here; put text with ": " in quotes',
  BLOCK_IN_FLOW: 'a block cannot stand inside brackets',
  DUPLICATE_KEY: 'this key is there twice',
  MISSING_CHAR: 'a character is missing, such as a closing quote or a space after ":"',
  MULTILINE_IMPLICIT_KEY: 'a key has to be on one line; is a ":" missing?',
  MULTIPLE_DOCS: 'the file holds more than one document',
  NON_STRING_KEY: 'a key has to be plain text',
  TAB_AS_INDENT: 'tabs cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'this tag is not known',
  UNEXPECTED_TOKEN: 'this is not expected here',
};

/** Parses YAML 1.2 (core schema, anchors and `<<` allowed). Never throws; what is wrong is a finding. */
export function parseYaml(text: string, file = 'orch.yaml'): YamlFile {
  const unusable = (problem: string, fix: string): YamlFile => ({
    ...EMPTY,
    findings: [{ path: [file], problem, fix, hideValue: true, line: null }],
  });
  if (text.length > MAX_CHARACTERS) return unusable('is larger than 1 MiB', 'is this the right file?');
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      merge: true,
      prettyErrors: false,
      stringKeys: true,
      lineCounter: lines,
    });
    const errors = [...document.errors, ...document.warnings];
    if (errors.length > 0) {
      const places = new Map(errors.map((error) => [error.pos[0], error]));
      const shown = [...places.values()].slice(0, MAX_SYNTAX_PROBLEMS);
      return { ...EMPTY, findings: shown.map((error) => syntaxFinding(error, lines, file)) };
    }
    const raw: unknown = document.toJS({ maxAliasCount: 100 });
    const shape = shapeProblem(raw, []);
    if (shape !== null) return unusable(shape, 'write it out without nesting or aliases');
    if (raw === null || raw === undefined) return EMPTY;
    if (typeof raw !== 'object' || Array.isArray(raw))
      return unusable('is not a mapping', 'write keys, such as "port: 8044"');
    return {
      raw: raw as Readonly<Record<string, unknown>>,
      findings: [],
      lineOf: (path) => lineOf(document, lines, path),
    };
  } catch (error) {
    // Deep nesting overflows the parser's stack, and an alias without an anchor shows only in toJS.
    const alias = /alias/i.test(messageOf(error));
    return unusable(
      alias ? 'has an alias without its anchor, or too many aliases' : 'is nested too deeply',
      'write the values out',
    );
  }
}

const EMPTY: YamlFile = { raw: {}, findings: [], lineOf: () => null };

function syntaxFinding(
  error: YAMLError,
  lines: LineCounter,
  file: string,
): Finding & { line: number | null } {
  const { line, col } = lines.linePos(error.pos[0]);
  const words = WORDS[error.code] ?? 'the YAML is not valid';
  const problem = `line ${line}, column ${col}: ${words}`;
  return { path: [file], problem, fix: `correct line ${line}`, hideValue: true, line };
}

function shapeProblem(value: unknown, above: readonly unknown[]): string | null {
  if (typeof value !== 'object' || value === null) return null;
  if (above.includes(value)) return 'has an alias that contains itself';
  if (above.length >= MAX_DEPTH) return 'is nested too deeply';
  if (Object.hasOwn(value, '__proto__')) return 'has a key that cannot be used (__proto__)';
  for (const child of Object.values(value)) {
    const problem = shapeProblem(child, [...above, value]);
    if (problem !== null) return problem;
  }
  return null;
}

/** Line of the key, or of the nearest thing around it that the file spells out (no alias does). */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number | null {
  for (let length = path.length; length > 0; length -= 1) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const step = path[length - 1];
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === step)
      : undefined;
    const node = pair?.key ?? (isSeq(parent) ? parent.get(Number(step), true) : undefined);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return null;
}
