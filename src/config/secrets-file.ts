import { dirname, join } from 'node:path';
import type { Environment } from './environment.ts';

/** Beside orch.yaml, for its owner's eyes only: `ORCH_GITEA_TOKEN=...`, one a line. The environment wins over it. */
const NAME = 'secrets.env';
const LINE = /^\s*(?:export\s+)?(ORCH_[A-Z0-9_]+)\s*=\s*(.*?)\s*$/;

export interface SecretsFile {
  readonly path: string;
  readonly text: string;
  readonly values: Environment;
}

export function secretsPath(configPath: string): string {
  return join(dirname(configPath), NAME);
}

/**
 * The variables of the file beside a configuration; null when there is none. One that only another user may
 * read (systemd reads it for the service, as root) counts as none.
 */
export function readSecrets(
  configPath: string,
  readFile: (path: string) => string | null,
): SecretsFile | null {
  const path = secretsPath(configPath);
  let text: string | null;
  try {
    text = readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM'))
      return null;
    throw error;
  }
  return text === null ? null : { path, text, values: valuesIn(text) };
}

function valuesIn(text: string): Environment {
  const found = text.split(/\r?\n/).flatMap((line) => {
    const [, name, value = ''] = LINE.exec(line) ?? [];
    return name === undefined ? [] : [[name, value.replace(/^(["'])(.*)\1$/, '$2')] as const];
  });
  return Object.fromEntries(found);
}
