import { createHash } from 'node:crypto';
import { failureFingerprint } from '../core/fingerprint.ts';
import { isJsonObject, type JsonObject } from './json-documents.ts';

const MAX_DEPTH = 4;
const MAX_PATHS = 200;
const MAX_WORDS = 400;
/** Keys whose value belongs to the shape, where it is a plain name. */
const NAMING = /^(?:type|subtype|name|kind|reason|status|errorType|terminal_reason|stop_reason)$/;

/**
 * Mark of output that no rule knows: which keys it has, what it calls itself, and its words without
 * numbers, ids and quotations. Equal for the same trouble again, so that it is told once.
 */
export function shapeOf(kind: string, event: JsonObject | null, words = ''): string {
  const paths: string[] = [];
  if (event !== null) collect(event, '', 0, paths);
  const said = failureFingerprint(words.slice(0, MAX_WORDS).replace(/(["'`])[^"'`\n]{0,200}\1/g, '"…"'));
  const mark = createHash('sha256')
    .update(JSON.stringify([paths.sort(), said]))
    .digest('hex');
  return `${kind}:${mark.slice(0, 16)}`;
}

function collect(object: JsonObject, path: string, depth: number, paths: string[]): void {
  for (const [key, value] of Object.entries(object)) {
    if (paths.length >= MAX_PATHS) return;
    const named = NAMING.test(key) && typeof value === 'string' && /^[\w.-]{1,60}$/.test(value);
    paths.push(`${path}.${key}=${named ? value : value === null ? 'null' : typeof value}`);
    if (isJsonObject(value) && depth < MAX_DEPTH) collect(value, `${path}.${key}`, depth + 1, paths);
  }
}
