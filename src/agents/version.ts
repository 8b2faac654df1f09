import { AppError } from '../core/errors.ts';
import { type ProgramEnd, runProgram } from '../lib/program.ts';
import type { AgentAccount } from './agent.ts';
import { oneLine } from './one-line.ts';

const TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 64 * 1024;

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
  const ended = await runProgram(account.bin, ['--version'], {
    env: { PATH: searchPath, ...env },
    timeoutMs,
    maxStdoutBytes: MAX_OUTPUT_BYTES,
    maxStderrBytes: MAX_OUTPUT_BYTES,
    ownGroup: true, // what a wrapper script started ends with it
  });
  if (ended.timedOut) throw unavailable(account, product, `did not answer within ${timeoutMs / 1000} s`);
  if (ended.exitCode !== 0)
    throw unavailable(account, product, oneLine(ended.stderr.toString('utf8')) || wayOf(ended));
  return versionIn(ended.stdout.toString('utf8'));
}

function wayOf({ exitCode, signal, errorCode }: ProgramEnd): string {
  if (errorCode !== null) return `could not be started (${errorCode})`;
  return signal === null ? `ended with exit code ${exitCode}` : `was ended by ${signal}`;
}

/** `2.1.330 (Claude Code)` -> `2.1.330`. An answer of another form is still an answer. */
function versionIn(output: string): string {
  const number = /\b\d+\.\d+\.\d+[\w.+-]*/.exec(output)?.[0];
  const firstLine = oneLine(output.split('\n', 1)[0] ?? '', 60);
  return number ?? (/^[\w .()-]+$/.test(firstLine) ? firstLine : 'unknown');
}

function unavailable(account: AgentAccount, product: string, why: string): AppError {
  return new AppError(`${account.bin} --version: ${why}`, {
    code: 'agent.unavailable',
    hint: `Install ${product}, or set \`bin\` of the account ${account.id} to its path.`,
    facts: { account: account.id, bin: account.bin },
  });
}
