import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { AppError } from '../core/errors.ts';
import type { AgentAccount } from './agent.ts';
import { oneLine } from './one-line.ts';

const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_CHARS = 64 * 1024;

export interface VersionQuestion {
  /** What a person would have to install, such as `Claude Code`. */
  readonly product: string;
  /** The PATH on which a bare `bin` is looked up: the one that the launcher gives its runs. */
  readonly searchPath: string;
  /** All that the binary gets to see beside PATH. */
  readonly env: Readonly<Record<string, string>>;
  /** Default: 10 s. */
  readonly timeoutMs?: number;
}

/**
 * Asks the binary for its version with nothing in its environment but the account's own. Throws
 * `agent.unavailable` when it cannot be started, fails, or does not answer in time.
 */
export async function askVersion(
  account: AgentAccount,
  { product, searchPath, env, timeoutMs = TIMEOUT_MS }: VersionQuestion,
): Promise<string> {
  const child = execa(account.bin, ['--version'], {
    extendEnv: false,
    env: { PATH: searchPath, ...env },
    stdin: 'ignore',
    reject: false,
    maxBuffer: MAX_OUTPUT_CHARS,
    // Its own process group, so that what a wrapper script started ends with it.
    detached: true,
  });
  const timer = new AbortController();
  const late = delay(timeoutMs, 'late' as const, { signal: timer.signal }).catch(() => 'stopped' as const);
  const ended = await Promise.race([child, late]);
  timer.abort();
  if (ended === 'late' || ended === 'stopped') {
    killGroup(child.pid);
    throw unavailable(account, product, `did not answer within ${timeoutMs / 1000} s`);
  }
  if (ended.exitCode !== 0)
    throw unavailable(account, product, oneLine(ended.stderr) || oneLine(ended.shortMessage ?? 'failed'));
  return versionIn(ended.stdout);
}

/** `2.1.330 (Claude Code)` -> `2.1.330`. An answer of another form is still an answer. */
function versionIn(output: string): string {
  const number = /\b\d+\.\d+\.\d+[\w.+-]*/.exec(output)?.[0];
  const firstLine = oneLine(output.split('\n', 1)[0] ?? '', 60);
  return number ?? (/^[\w .()-]+$/.test(firstLine) ? firstLine : 'unknown');
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended in the same moment.
  }
}

function unavailable(account: AgentAccount, product: string, why: string): AppError {
  return new AppError(`${account.bin} --version: ${why}`, {
    code: 'agent.unavailable',
    hint: `Install ${product}, or set \`bin\` of the account ${account.id} to its path.`,
    facts: { account: account.id, bin: account.bin },
  });
}
