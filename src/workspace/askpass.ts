import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RemoteUrl } from './url.ts';

/**
 * Answers git's prompt only when it names exactly the configured scheme, host and port; a redirect
 * or a rewritten URL gets nothing. The secret is in the environment of that one git process, never
 * in an argument and never in a file.
 */
const SCRIPT = `#!/bin/sh
# Written by Orch. Prompts look like: Username for 'https://host:port':
case "$1" in
  *"'"*"'"*) ;;
  *) exit 1 ;;
esac
url=\${1#*"'"}
url=\${url%"'"*}
scheme=\${url%%://*}
rest=\${url#*://}
authority=\${rest%%/*}
host=\${authority##*@}
[ -n "$ORCH_GIT_ORIGIN" ] && [ "$scheme://$host" = "$ORCH_GIT_ORIGIN" ] || exit 1
case "$1" in
  Username*) printf '%s\\n' "$ORCH_GIT_USERNAME" ;;
  Password*) printf '%s\\n' "$ORCH_GIT_PASSWORD" ;;
  *) exit 1 ;;
esac
`;

/** Puts the script there; safe to repeat, also for two processes at once. Returns its path. */
export async function writeAskpass(dir: string): Promise<string> {
  const path = join(dir, 'askpass.sh');
  await writeOurs(path, SCRIPT, 0o700);
  return path;
}

/** The variables that let git sign in at the URL's own host; none without credentials. */
export function askpassEnv(script: string, remote: RemoteUrl): Record<string, string> {
  if (remote.credentials === null || remote.origin === null) return {};
  return {
    GIT_ASKPASS: script,
    ORCH_GIT_ORIGIN: remote.origin,
    ORCH_GIT_USERNAME: remote.credentials.username,
    ORCH_GIT_PASSWORD: remote.credentials.password.reveal(),
  };
}

/** Makes a file of ours hold exactly this text, whatever was there; a reader never sees half of it. */
export async function writeOurs(path: string, text: string, mode = 0o600): Promise<void> {
  const present = await readFile(path, 'utf8').catch(() => null); // absent or unreadable: written anew
  if (present === text) return;
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, text, { mode });
  await chmod(draft, mode);
  await rename(draft, path);
}
