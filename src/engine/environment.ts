import { mkdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { parseEnv } from 'node:util';
import { AppError, messageOf } from '../core/errors.ts';

/** How this user reaches other machines. */
const PROXY = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'] as const;
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
  ...PROXY,
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

/** What ssh and https need to reach a remote as this user. */
export function networkEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const names = ['SSH_AUTH_SOCK', 'SSL_CERT_FILE', ...PROXY];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/**
 * Variables of a project's commands and agents: `workspace.env`, then those of `workspace.env_file`,
 * read anew each time since they may have changed. Throws `workspace.setup_failed`.
 */
export async function projectVariables(project: {
  readonly env: Readonly<Record<string, string>>;
  readonly envFile: string | null;
}): Promise<Readonly<Record<string, string>>> {
  if (project.envFile === null) return project.env;
  const text = await readFile(project.envFile, 'utf8').catch((error: unknown) => {
    throw new AppError(`cannot read workspace.env_file ${project.envFile}: ${messageOf(error)}`, {
      code: 'workspace.setup_failed',
      hint: 'put the file there, or correct workspace.env_file',
    });
  });
  const read = Object.entries(parseEnv(text)).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { ...project.env, ...Object.fromEntries(read) };
}

/** HOME of a project's setup, checks and commands: kept between runs for caches, shared with no agent. */
export async function commandHome(worktreesDir: string, project: string): Promise<string> {
  const home = join(worktreesDir, project, '.home');
  await mkdir(home, { recursive: true, mode: 0o700 });
  return home;
}
