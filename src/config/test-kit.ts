import { expect } from 'vitest';
import { AppError } from '../core/errors.ts';
import { type LoadedConfig, loadConfig } from './load.ts';
import type { Kinds, Problem } from './types.ts';

/** What a build plugs in, for the tests of this folder. */
export const KINDS: Kinds = {
  agents: ['claude-code', 'scripted'],
  trackers: [{ kind: 'local', keys: {}, needs: [] }],
  forges: [{ kind: 'local', keys: {}, needs: [] }],
  notifiers: ['telegram', 'webhook'],
};

type Files = Readonly<Record<string, string>>;

/** Loads `/site/orch.yaml` of that text, among other files; nothing is read from the disk. */
export function load(
  yaml: string | null,
  env: Record<string, string> = {},
  files: Files = {},
  kinds = KINDS,
): LoadedConfig {
  const all: Files = yaml === null ? files : { '/site/orch.yaml': yaml, ...files };
  return loadConfig({
    env: { HOME: '/home/mara', ...env },
    cwd: '/site',
    kinds,
    readFile: (path) => all[path] ?? null,
  });
}

/** What is wrong with it; none for a good one. Any other error is a bug. */
export function problemsOf(
  yaml: string | null,
  env: Record<string, string> = {},
  files: Files = {},
  kinds = KINDS,
): Problem[] {
  try {
    load(yaml, env, files, kinds);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.code).toBe('config.invalid');
    return error.facts.problems as Problem[];
  }
}

/** The account of `stages()`. */
export const ACCOUNT = 'accounts: { a: { agent: scripted, home: /srv/a } }\n';

/** A project whose pipeline has these stages. */
export function stages(...lines: string[]): string {
  return `${ACCOUNT}projects:\n  api:\n    repo: .\n    accounts: [a]\n    pipeline:\n${lines.map((line) => `      - ${line}\n`).join('')}`;
}
