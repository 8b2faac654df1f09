import type { AppError } from '../../core/errors.ts';
import type { AgentAccount, AgentRequest, Invocation, ToolProfile } from '../agent.ts';
import { checkedValue, invalidValue, NAME, UUID } from '../start-values.ts';
import { configDirOf } from './credential-files.ts';

/** Linux limits one argument to 128 KiB. */
const MAX_INSTRUCTION_BYTES = 96 * 1024;
const CUT_NOTE = '\n\n[The rest of these instructions was cut: they are longer than 96 KiB.]';

const GIT_READS = ['log', 'diff', 'show', 'status', 'blame', 'ls-files', 'rev-parse', 'merge-base'];

interface ToolRules {
  readonly offered: readonly string[];
  readonly allowed: readonly string[];
  readonly refused: readonly string[];
  readonly mode: string;
}

/** What the model is offered, and what it may do without being asked (nobody is there to answer). */
const TOOLS: Readonly<Record<ToolProfile, ToolRules>> = {
  read: {
    offered: ['Read', 'Glob', 'Grep', 'Write', 'Edit', 'Bash'],
    // `Edit(...)` is the rule for every tool that writes files. `default` refuses whatever is not listed.
    allowed: [
      'Read',
      'Glob',
      'Grep',
      'Edit(.orch-work/**)',
      ...GIT_READS.map((command) => `Bash(git ${command}:*)`),
    ],
    // The reading commands of git have an option that writes, anywhere.
    refused: ['Bash(git * --output*)'],
    mode: 'default',
  },
  write: {
    offered: ['Read', 'Glob', 'Grep', 'Edit', 'Write', 'Bash'],
    allowed: ['Read', 'Glob', 'Grep', 'Edit', 'Write', 'Bash'],
    refused: [],
    mode: 'acceptEdits',
  },
};

/** Off or bounded for every run, whatever the account says. */
const ENFORCED_ENV: Readonly<Record<string, string>> = {
  // Clock times in messages are printed in the zone of the process.
  TZ: 'UTC',
  LANG: 'C.UTF-8',
  DISABLE_AUTOUPDATER: '1',
  DISABLE_TELEMETRY: '1',
  DISABLE_ERROR_REPORTING: '1',
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  CLAUDE_CODE_DISABLE_AUTO_MEMORY: '1',
  // Retrying is ours, where others are not kept waiting for three minutes.
  CLAUDE_CODE_MAX_RETRIES: '2',
};

/** Defaults that an account may change. */
const DEFAULT_ENV: Readonly<Record<string, string>> = {
  API_TIMEOUT_MS: '600000',
  CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS: '300000',
};

/**
 * How the CLI is started for one attempt. The prompt goes to stdin. A repository's own settings are
 * switched off (they could run commands and redirect the key); its instructions come with the request.
 * Throws `agent.invalid_request` when a value from outside is none that the CLI would take.
 */
export function invocationOf(request: AgentRequest): Invocation {
  const { account, session, tools } = request;
  const profile = TOOLS[tools];
  // Reviews never need it, and it would let them write.
  const isBypassed = request.bypassPermissions && tools === 'write';
  const argv = [
    account.bin,
    '-p',
    ...['--output-format', 'stream-json'],
    '--verbose',
    ...['--setting-sources', 'user'],
    '--strict-mcp-config',
    ...[`--${session.resume ? 'resume' : 'session-id'}`, checked('session', session.id, UUID)],
    ...['--permission-mode', isBypassed ? 'bypassPermissions' : profile.mode],
    ...['--tools', profile.offered.join(',')],
    ...['--allowedTools', profile.allowed.join(',')],
    ...(profile.refused.length === 0 ? [] : ['--disallowedTools', profile.refused.join(',')]),
    ...option('model', request.model),
    ...option('fallback-model', request.fallbackModel),
    ...option('effort', request.effort),
    ...limit('max-turns', request.maxTurns, Number.isSafeInteger(request.maxTurns)),
    ...limit('max-budget-usd', request.maxBudgetUsd, Number.isFinite(request.maxBudgetUsd)),
    ...instructions(request.instructions),
  ];
  const env = {
    ...DEFAULT_ENV,
    ...environmentOf(account),
    ...ENFORCED_ENV,
    // The CLI refuses to bypass as root unless it is told that a sandbox holds it.
    ...(isBypassed ? { IS_SANDBOX: '1' } : {}),
  };
  return { argv, env, stdin: request.prompt };
}

/**
 * The account's own variables. A blank or relative `CLAUDE_CONFIG_DIR` would send the CLI looking for
 * settings and login in the worktree, so it is left out or made absolute.
 */
export function environmentOf(account: AgentAccount): Record<string, string> {
  const { CLAUDE_CONFIG_DIR: _, ...env } = account.env;
  const configDir = configDirOf(account);
  return { ...env, HOME: account.home, ...(configDir === null ? {} : { CLAUDE_CONFIG_DIR: configDir }) };
}

function option(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`--${name}`, checked(name, value, NAME)];
}

function limit(name: string, value: number | undefined, isValid: boolean): string[] {
  if (value === undefined) return [];
  if (!isValid || value <= 0) throw invalid(name, String(value));
  return [`--${name}`, String(value)];
}

/** As one argument with its option, so that instructions that begin with a dash stay words. */
function instructions(text: string): string[] {
  // An argument ends at the first NUL.
  const words = text.replaceAll('\0', '');
  if (words.trim() === '') return [];
  const bytes = Buffer.from(words);
  if (bytes.length <= MAX_INSTRUCTION_BYTES) return [`--append-system-prompt=${words}`];
  const kept = bytes
    .subarray(0, MAX_INSTRUCTION_BYTES - CUT_NOTE.length)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  return [`--append-system-prompt=${kept}${CUT_NOTE}`];
}

function checked(name: string, value: string, pattern: RegExp): string {
  return checkedValue('Claude Code', name, value, pattern);
}

function invalid(name: string, value: string): AppError {
  return invalidValue('Claude Code', name, value);
}
