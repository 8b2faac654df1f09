import type { RawPath } from './paths.ts';

/** Why a file of the working tree is not committed, or not salvaged (`ignored`: by the project's own rules). */
export type LeftOutReason =
  | 'copied'
  | 'secret'
  | 'build_folder'
  | 'too_large'
  | 'nested_repository'
  | 'unreadable'
  | 'ignored'
  | 'unusual_name';

export interface LeftOut {
  readonly path: string;
  readonly reason: LeftOutReason;
}

/** Untracked files above this are not committed by Orch; an agent that means it commits them itself. */
export const MAX_COMMITTED_BYTES = 1024 * 1024;

/** Made by tools and never by hand: rebuilt, not kept. */
const REBUILT_FOLDERS = new Set([
  'node_modules',
  'bower_components',
  '__pycache__',
  '.venv',
  '.tox',
  '.nox',
  '.pytest_cache',
  '.mypy_cache',
  '.ruff_cache',
  '.gradle',
  '.next',
  '.nuxt',
  '.turbo',
  '.parcel-cache',
  '.svelte-kit',
  '.terraform',
  '.cache',
]);

/**
 * Usually output, sometimes source: left out only while the repository tracks nothing inside. `build`,
 * `out`, `bin`, `obj`, `vendor` and `lib` are not here, because people write code in such folders.
 */
const OUTPUT_FOLDERS = new Set(['dist', 'target', 'coverage', 'htmlcov', 'venv']);

const SECRET_NAMES = [
  /^\.env(?:\..+)?$/,
  /\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk)$/,
  /^id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?$/,
  /^\.?credentials(?:\.json)?$/,
  /^client_secret.*\.json$/,
  /^service[-_]account.*\.json$/,
  /^\.netrc$|^_netrc$/,
  /^\.pypirc$/,
  /^\.git-credentials$/,
  /^\.htpasswd$/,
  /^terraform\.tfstate(?:\.backup)?$/,
];
const SAMPLE_ENV = /^\.env\.(?:example|sample|template|dist|defaults)$/;
/** Harmless without a token inside. */
const TOKEN_FILES = /^\.(?:npmrc|yarnrc|yarnrc\.yml)$/;
const TOKEN_WORDS = /_auth(?:token)?\s*=|_password\s*=|npmauthtoken\s*:/i;

export function isSecretName(path: string): boolean {
  const name = lastPart(path).toLowerCase();
  return !SAMPLE_ENV.test(name) && SECRET_NAMES.some((pattern) => pattern.test(name));
}

/** Whether only its content tells if the file holds a secret. */
export function mayHoldToken(path: string): boolean {
  return TOKEN_FILES.test(lastPart(path).toLowerCase());
}

export function holdsToken(content: string): boolean {
  return TOKEN_WORDS.test(content);
}

/** The outermost folder of the path that is rebuilt by tools, with its trailing slash; null if none. */
export function rebuiltFolder(path: RawPath): RawPath | null {
  return folderNamed(path, isRebuiltName);
}

export function isRebuiltName(name: string): boolean {
  return REBUILT_FOLDERS.has(name);
}

/** As `rebuiltFolder`, with output folders of which `isTracked` knows no file. */
export function buildFolder(path: RawPath, isTracked: (folder: RawPath) => boolean): RawPath | null {
  return folderNamed(
    path,
    (name, folder) => REBUILT_FOLDERS.has(name) || (OUTPUT_FOLDERS.has(name) && !isTracked(folder)),
  );
}

/** Whether the path is one of the listed ones, or inside a listed folder. */
export function isListed(path: string, listed: readonly string[]): boolean {
  return listed.some((entry) => {
    const clean = entry.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
    return clean !== '' && (path === clean || path.startsWith(`${clean}/`));
  });
}

function folderNamed(path: RawPath, matches: (name: string, folder: RawPath) => boolean): RawPath | null {
  const parts = path.split('/');
  for (let end = 1; end < parts.length; end += 1) {
    const folder = `${parts.slice(0, end).join('/')}/` as RawPath;
    if (matches(parts[end - 1] ?? '', folder)) return folder;
  }
  return null;
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
