import { Buffer } from 'node:buffer';

/**
 * File names on Linux are bytes, not text. Lists from git are kept with one character per byte
 * (latin1), so that a name that is not UTF-8 goes back to git and to the file system unchanged.
 */
export type RawPath = string & { readonly __raw: unique symbol };

export function rawPath(text: string): RawPath {
  return Buffer.from(text, 'utf8').toString('latin1') as RawPath;
}

export function joinRaw(...parts: readonly (RawPath | '')[]): RawPath {
  return parts
    .filter((part) => part !== '')
    .join('/')
    .replace(/\/{2,}/g, '/') as RawPath;
}

/** The NUL-separated list that git's `-z` prints. */
export function splitRaw(output: Uint8Array): RawPath[] {
  const parts = Buffer.from(output).toString('latin1').split('\0');
  if (parts.at(-1) === '') parts.pop();
  return parts as RawPath[];
}

/** The NUL-separated list that git's `-z --stdin` reads. */
export function packRaw(paths: readonly RawPath[]): Buffer {
  return Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1');
}

/** For people and JSON; bytes that are not UTF-8 become U+FFFD. */
export function shownPath(path: RawPath): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

/** For node's file functions: the absolute path as the bytes it really has. */
export function onDisk(root: string, path: RawPath): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`, 'utf8'), Buffer.from(path, 'latin1')]);
}
