import { delimiter } from 'node:path';

/** Names of our own environment that processes of a run may see. Everything else stays with us. */
const ALLOWED = [
  'PATH',
  'LANG',
  'LC_ALL',
  'USER',
  'LOGNAME',
  'SHELL',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
] as const;

/** The environment that agents, setup, checks and commands start from: allow-listed, none of our secrets. */
export function allowedEnvironment(
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ALLOWED) {
    const value = own[name];
    if (value !== undefined && value !== '') kept[name] = value;
  }
  return {
    PATH: ['/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    LANG: 'C.UTF-8',
    ...kept,
    TZ: 'UTC',
  };
}
