import type { Context } from 'hono';
import type { WebFile, WebFiles } from '../web-files.ts';

const A_YEAR = 'public, max-age=31536000, immutable';
/** Paths that are never the page's: an unknown one below them is a plain 404. */
const NOT_THE_PAGE = /^\/(api|webhooks|assets|healthz|readyz|metrics)(\/|$)/;
const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Orch</title>
<body><h1>The page is not built</h1><p>Run <code>npm run build</code> in Orch's folder, then start it again. The API and the CLI work without it.</p></body></html>`;

/**
 * The page: its hashed files for a year, its index never kept, and the index too for every address that a
 * person opens in a browser (the page has its own routes). Nothing here is secret; the data is behind the API.
 * Null for what is not the page's.
 */
export function servePage(c: Context, web: WebFiles): Response | null {
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return null;
  const { path } = c.req;
  const file = path === '/index.html' ? null : web.file(path);
  if (file !== null) return send(c, file, file.isHashed ? A_YEAR : 'no-cache');
  // The address itself is the page to whoever asks, a probe without wishes too.
  if (path !== '/' && (NOT_THE_PAGE.test(path) || !isNavigation(c))) return null;
  if (web.index !== null) return send(c, web.index, 'no-store');
  return c.html(NOT_BUILT, 503, { 'cache-control': 'no-store' });
}

/** A person's browser asks for HTML; a script that mistook an address is told so instead. */
function isNavigation(c: Context): boolean {
  const mode = c.req.header('sec-fetch-mode');
  if (mode !== undefined && mode !== 'navigate') return false;
  return (c.req.header('accept') ?? '').includes('text/html');
}

function send(c: Context, file: WebFile, cacheControl: string): Response {
  const isZipped = file.gzip !== null && /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  return c.body(isZipped && file.gzip !== null ? file.gzip : file.bytes, 200, {
    'content-type': file.type,
    'cache-control': cacheControl,
    vary: 'accept-encoding',
    ...(isZipped ? { 'content-encoding': 'gzip' } : {}),
  });
}
