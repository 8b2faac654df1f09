import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { isJsonObject, type JsonObject } from './json-documents.ts';

const MAX_BYTES = 1024 * 1024;

/** A small JSON file as found: its object, or why there is none. */
export type LocalFile =
  | { readonly kind: 'object'; readonly value: JsonObject }
  | { readonly kind: 'missing' | 'unreadable' | 'too_large' | 'not_json'; readonly value: null };

/**
 * Reads a JSON object file without ever writing, blocking on a pipe or reading more than 1 MiB. Never
 * throws. With `allowMark` a byte order mark is passed over: the CLI does so in its settings, not in its
 * credentials.
 */
export async function readLocalFile(path: string, { allowMark = false } = {}): Promise<LocalFile> {
  const file = await readText(path);
  if (file.kind !== 'text') return { kind: file.kind, value: null };
  return parseObject(allowMark ? file.text.replace(/^\uFEFF/, '') : file.text);
}

/** The words of a small file; null when there is none to read. As careful as `readLocalFile`. */
export async function readLocalText(path: string): Promise<string | null> {
  const file = await readText(path);
  return file.kind === 'text' ? file.text : null;
}

type TextFile =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' | 'unreadable' | 'too_large' };

async function readText(path: string): Promise<TextFile> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) return { kind: 'unreadable' };
    if (stats.size > MAX_BYTES) return { kind: 'too_large' };
    const bytes = Buffer.alloc(stats.size);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return { kind: 'text', text: bytes.subarray(0, bytesRead).toString('utf8') };
  } catch (error) {
    return { kind: ['ENOENT', 'ENOTDIR'].includes(codeOf(error)) ? 'missing' : 'unreadable' };
  }
}

function parseObject(text: string): LocalFile {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? { kind: 'object', value } : { kind: 'not_json', value: null };
  } catch {
    // The CLI takes such a file for none; so do we, and say which kind of none.
    return { kind: 'not_json', value: null };
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
