import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
/** Fonts are compressed already. */
const COMPRESSED = new Set(['.html', '.js', '.css', '.svg']);

export interface WebFile {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Null where it would save nothing. */
  readonly gzip: Uint8Array<ArrayBuffer> | null;
  /** Its name holds a hash of what it contains. */
  readonly isHashed: boolean;
}

export interface WebFiles {
  /** By the path in the address, `/assets/index-1a2b3c.js`; null when the page has no such file. */
  file(path: string): WebFile | null;
  /** Null when the page was not built. */
  readonly index: WebFile | null;
  /** Names this build: another one means that an open page is old. */
  readonly build: string;
}

/** Reads the built page whole: it is small, and a rebuild under a running service then changes nothing. */
export function readWebFiles(directory: string): WebFiles {
  const files = new Map<string, WebFile>();
  if (existsSync(directory)) {
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      const extension = extname(entry.name);
      const type = TYPES[extension];
      if (!entry.isFile() || type === undefined) continue;
      const file = join(entry.parentPath, entry.name);
      const bytes = new Uint8Array(readFileSync(file));
      const path = `/${relative(directory, file).split(sep).join('/')}`;
      files.set(path, {
        type,
        bytes,
        gzip: COMPRESSED.has(extension) ? new Uint8Array(gzipSync(bytes)) : null,
        isHashed: path.startsWith('/assets/'),
      });
    }
  }
  const stamp = join(directory, 'stamp.txt');
  return {
    file: (path) => files.get(path) ?? null,
    index: files.get('/index.html') ?? null,
    build: existsSync(stamp) ? readFileSync(stamp, 'utf8').trim() : 'none',
  };
}
