import { AppError } from '../core/errors.ts';
import { Secret } from '../lib/secret.ts';

/** Credentials answer one host only; `host` is `name` or `name:port` as it stands in the URL. */
export interface Credentials {
  readonly host: string;
  readonly username: string;
  readonly password: string | Secret;
}

export interface RemoteUrl {
  /** Without user name and password; safe on a command line and in a log. */
  readonly url: string;
  /** The only transport git may use for it. */
  readonly protocol: 'file' | 'ssh' | 'http' | 'https';
  /** What an askpass prompt must name, e.g. `https://forge.example:3000`; null without HTTP. */
  readonly origin: string | null;
  readonly credentials: { readonly username: string; readonly password: Secret } | null;
}

const SCP_LIKE = /^[A-Za-z0-9][A-Za-z0-9._-]*@([A-Za-z0-9][A-Za-z0-9.-]*):(?!-)[^\s]+$/;
/** No empty host and no backslash: there git and the URL standard read different hosts. */
const ONE_READING = /^(?:file:\/\/[^\\\s]*|[a-z]+:\/\/[^/\\\s]+(?:\/[^\\\s]*)?)$/;

/**
 * Judges a repository URL from the configuration: an absolute path, `file://`, `ssh://`, `http(s)://`
 * or `user@host:path`. Everything else (`ext::`, options, other transports) is refused. A user name
 * and password inside the URL are taken out of it, because arguments are visible to every process.
 */
export function parseRemoteUrl(url: string, credentials?: Credentials): RemoteUrl {
  if (url === '' || url.startsWith('-') || /[\u0000-\u001f\u007f]/.test(url))
    throw refused(url, 'it is empty, an option, or has control characters');
  if (url.startsWith('/')) return local(url);
  if (SCP_LIKE.test(url)) return { url, protocol: 'ssh', origin: null, credentials: null };
  const parsed = ONE_READING.test(url) ? URL.parse(url) : null;
  switch (parsed?.protocol) {
    case 'file:':
      if (parsed.host !== '' && parsed.host !== 'localhost')
        throw refused(url, 'a file URL cannot name another host');
      return local(url);
    case 'ssh:':
      return ssh(url, parsed);
    case 'http:':
    case 'https:':
      return http(parsed, credentials);
    default:
      throw refused(url, 'its transport is not allowed');
  }
}

function local(url: string): RemoteUrl {
  return { url, protocol: 'file', origin: null, credentials: null };
}

function ssh(url: string, parsed: URL): RemoteUrl {
  const user = decodeURIComponent(parsed.username);
  if (parsed.hostname === '' || parsed.hostname.startsWith('-') || user.startsWith('-'))
    throw refused(url, 'its host or user begins with "-"');
  if (parsed.password !== '') throw refused(mask(parsed), 'ssh takes no password; use a key');
  return { url, protocol: 'ssh', origin: null, credentials: null };
}

function http(parsed: URL, credentials: Credentials | undefined): RemoteUrl {
  if (parsed.hostname === '' || parsed.hostname.startsWith('-'))
    throw refused(mask(parsed), 'it names no host');
  const protocol = parsed.protocol === 'https:' ? 'https' : 'http';
  const inUrl =
    parsed.username === ''
      ? null
      : {
          username: decodeURIComponent(parsed.username),
          password: new Secret(decodeURIComponent(parsed.password)),
        };
  const origin = `${protocol}://${parsed.host}`;
  const given = credentials !== undefined && sameHost(credentials.host, parsed) ? credentials : null;
  const password = given?.password instanceof Secret ? given.password : new Secret(given?.password ?? '');
  return {
    url: mask(parsed),
    protocol,
    origin,
    credentials: given === null ? inUrl : { username: given.username, password },
  };
}

function sameHost(host: string, parsed: URL): boolean {
  const wanted = host.toLowerCase();
  return (
    wanted === parsed.host ||
    (wanted === parsed.hostname && parsed.port === '') ||
    wanted === `${parsed.hostname}:${defaultPort(parsed)}`
  );
}

function defaultPort(parsed: URL): string {
  return parsed.port !== '' ? parsed.port : parsed.protocol === 'https:' ? '443' : '80';
}

function mask(parsed: URL): string {
  const copy = new URL(parsed);
  copy.username = '';
  copy.password = '';
  return copy.toString();
}

function refused(url: string, why: string): AppError {
  return new AppError(`repository URL ${JSON.stringify(url)} is refused: ${why}`, {
    code: 'workspace.invalid_url',
    hint: 'use an absolute path, file://, ssh://, https://, http:// or user@host:path',
  });
}
