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

/** The text with lines set, replaced or (null) removed; others stay as they are. Null: there is no file and no need of one. */
export function withSecrets(
  text: string | null,
  changes: Readonly<Record<string, string | null>>,
): string | null {
  const names = Object.keys(changes);
  if (names.length === 0) return text;
  const kept = (text ?? '')
    .split('\n')
    .filter((line) => line !== '' && changes[LINE.exec(line)?.[1] ?? ''] !== null);
  const lines = kept.map((line) => {
    const name = LINE.exec(line)?.[1] ?? '';
    return Object.hasOwn(changes, name) ? `${name}=${changes[name]}` : line;
  });
  const there = new Set(kept.map((line) => LINE.exec(line)?.[1]));
  const added = names.filter((name) => changes[name] !== null && !there.has(name));
  return [...lines, ...added.map((name) => `${name}=${changes[name]}`), ''].join('\n');
}
