import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  stringify,
  type YAMLMap,
} from 'yaml';

const OPTIONS = {
  version: '1.2',
  schema: 'core',
  merge: true,
  prettyErrors: false,
  stringKeys: true,
} as const;

/** What keeps a text from being changed, and what helps. */
export class YamlTrouble extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

/** A value as a file writes it: `15m`, `[a, b]`, `{ kind: local }`. Throws YamlTrouble. */
export function parsedValue(text: string): unknown {
  const document = parse(text);
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch {
    throw new YamlTrouble('it has an alias', 'write the value out');
  }
}

/**
 * The text with one value set, or with the key removed for `undefined`. Whatever else stands there stays to the
 * letter, comments too, wherever the value can be put in its place; else the whole is written anew, comments kept.
 * Throws YamlTrouble.
 */
export function changedText(text: string, path: readonly (string | number)[], value: unknown): string {
  const document = parse(text);
  for (let length = 0; length < path.length; length++) {
    const above = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isAlias(above))
      throw new YamlTrouble('it is written by an alias', 'edit the place that the alias stands for');
    const step = path[length];
    if (isSeq(above) && !(typeof step === 'number' && step <= above.items.length))
      throw new YamlTrouble(
        `the list has ${above.items.length} entries`,
        'name one of them, counted from 0, or the next',
      );
  }
  const pieced = value === undefined ? without(text, document, path) : withValue(text, document, path, value);
  try {
    if (value === undefined) document.deleteIn(path);
    else document.setIn(path, value);
  } catch {
    throw new YamlTrouble('what it is below is no mapping', 'remove that first');
  }
  const meant: unknown = document.toJS({ maxAliasCount: 100 });
  const isRight = pieced !== null && isDeepStrictEqual(read(pieced), meant);
  return isRight ? pieced : document.toString({ lineWidth: 0 });
}

function parse(text: string): Document {
  try {
    const document = parseDocument(text, OPTIONS);
    if (document.errors.length === 0) return document;
  } catch {
    // Deep nesting overflows the parser's stack.
  }
  throw new YamlTrouble('the YAML is not valid', 'put text with special characters in quotes');
}

/** Undefined where it is no YAML any more. */
function read(text: string): unknown {
  try {
    return parse(text).toJS({ maxAliasCount: 100 });
  } catch {
    return undefined;
  }
}

/** By cutting into the text; null where that is not known to be right. */
function withValue(
  text: string,
  document: Document,
  path: readonly (string | number)[],
  value: unknown,
): string | null {
  const there = document.getIn(path, true) as Node | undefined;
  if (there?.range != null)
    return splice(text, there.range[0], there.range[1], inline(value), isBlock(there));
  // The deepest mapping that is there gets the rest as one value.
  for (let length = path.length - 1; length >= 0; length--) {
    const parent = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (parent == null) continue;
    if (!isMap(parent)) return null;
    const nested = path.slice(length + 1).reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    return withPair(text, parent, `${inline(path[length])}: ${inline(nested)}`);
  }
  return null;
}

function withPair(text: string, map: YAMLMap, pair: string): string | null {
  const [first, last] = [map.items[0], map.items.at(-1)];
  const end = last === undefined ? null : endOf(last);
  if (first === undefined || end === null || !isScalar(first.key) || first.key.range == null) return null;
  if (map.flow === true) return `${text.slice(0, end)}, ${pair}${text.slice(end)}`;
  const start = first.key.range[0];
  const indent = ' '.repeat(start - (text.lastIndexOf('\n', start - 1) + 1));
  const at = lineEnd(text, end);
  const head = text.slice(0, at);
  return `${head}${head.endsWith('\n') ? '' : '\n'}${indent}${pair}\n${text.slice(at)}`;
}

function without(text: string, document: Document, path: readonly (string | number)[]): string | null {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent) || parent.flow === true || parent.items.length < 2) return null;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  const end = pair === undefined ? null : endOf(pair);
  if (pair === undefined || end === null || !isScalar(pair.key) || pair.key.range == null) return null;
  const start = text.lastIndexOf('\n', pair.key.range[0] - 1) + 1;
  return `${text.slice(0, start)}${text.slice(lineEnd(text, end))}`;
}

function endOf({ key, value }: Pair): number | null {
  const node = (value ?? key) as Node | null;
  return node?.range?.[1] ?? null;
}

/** After the line break that follows, or at the end. */
function lineEnd(text: string, from: number): number {
  if (from > 0 && text[from - 1] === '\n') return from;
  const found = text.indexOf('\n', from);
  return found === -1 ? text.length : found + 1;
}

/** What stood in lines of its own leaves its line break. */
function splice(text: string, start: number, end: number, value: string, wasBlock: boolean): string {
  const cut = wasBlock && text[end - 1] === '\n' ? end - 1 : end;
  return `${text.slice(0, start)}${value}${text.slice(cut)}`;
}

function isBlock(node: Node): boolean {
  return isCollection(node) && node.flow !== true;
}

/** On one line, as people write it. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, child]) => `${inline(key)}: ${inline(child)}`);
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
  }
  if (typeof value !== 'string') return String(value);
  const plain = stringify(value, { ...OPTIONS, lineWidth: 0 }).trimEnd();
  return /^[\w./@~-][\w./@~ +:=-]*$/.test(plain) && !/:(?: |$)/.test(plain) ? plain : JSON.stringify(value);
}
