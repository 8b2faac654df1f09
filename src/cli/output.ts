import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';
import { processEnvironment } from '../config/process.ts';
import { AppError, messageOf } from '../core/errors.ts';

/** Exit codes of the CLI, as documented in `orch help`. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  cancelled: 3,
  auth: 4,
  unsuccessful: 5,
  unreachable: 6,
  needsYou: 7,
  interrupted: 130,
} as const;

/** Leaves the command with a code after its output was printed. */
export class Exit extends Error {
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export interface Output {
  readonly json: boolean;
  /** Human text on stdout; silent with `--json`. */
  text(line: string): void;
  /** The one object of a command. */
  object(value: object): void;
  /** Progress on stderr; silent with `--json`. */
  progress(line: string): void;
  /** One object a line, for streams. */
  line(value: object): void;
}

export function createOutput(json: boolean): Output {
  return {
    json,
    text: (line) => {
      if (!json) process.stdout.write(`${line}\n`);
    },
    object: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0)}\n`);
    },
    progress: (line) => {
      if (!json) process.stderr.write(`${line}\n`);
    },
    line: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value)}\n`);
    },
  };
}

/** Prints an error the one way: what, then the exact next command. Returns the exit code. */
export function printError(error: unknown, json: boolean): number {
  const code = error instanceof AppError ? error.code : 'orch.internal';
  const hint = error instanceof AppError ? error.hint : undefined;
  if (json)
    process.stderr.write(
      `${JSON.stringify({ error: { code, title: messageOf(error), hint: hint ?? null } })}\n`,
    );
  else {
    process.stderr.write(`${pc.red('error:')} ${messageOf(error)}\n`);
    if (hint !== undefined) process.stderr.write(`${pc.cyan('hint:')} ${hint}\n`);
    if (
      !(error instanceof AppError) &&
      error instanceof Error &&
      processEnvironment()['ORCH_LOG_LEVEL'] === 'debug'
    )
      process.stderr.write(`${error.stack}\n`);
  }
  return exitCodeOf(code);
}

function exitCodeOf(code: string): number {
  if (code.startsWith('usage.')) return EXIT.usage;
  if (code.startsWith('auth.')) return EXIT.auth;
  if (code === 'server.unreachable') return EXIT.unreachable;
  return EXIT.failed;
}

/** Columns with two spaces between; headers dimmed. Widths count what is seen, not colour codes. */
export function table(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headers.map((header, i) => Math.max(seen(header), ...rows.map((row) => seen(row[i] ?? ''))));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell + ' '.repeat(Math.max(0, (widths[i] ?? 0) - seen(cell))))
      .join('  ')
      .trimEnd();
  return [pc.dim(line(headers)), ...rows.map(line)].join('\n');
}

function seen(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** How a check came out, in one character. */
export const MARKS = {
  ok: pc.green('✓'),
  warning: pc.yellow('!'),
  error: pc.red('✗'),
  skipped: '–',
} as const;

const ICONS: Record<string, string> = {
  queued: '○',
  waiting: '◷',
  needs_you: '▲',
  running: '●',
  active: '●',
  failed: '✗',
  done: '✓',
  cancelled: '⊘',
  ended: '✓',
};

/** A state is icon + word, never colour alone. */
export function state(word: string): string {
  const text = `${ICONS[word] ?? '·'} ${word.replace('_', ' ')}`;
  switch (word) {
    case 'needs_you':
      return pc.yellow(text);
    case 'failed':
      return pc.red(text);
    case 'done':
      return pc.green(text);
    case 'running':
    case 'active':
      return pc.blue(text);
    case 'waiting':
      return pc.cyan(text);
    default:
      return text;
  }
}

/** A clock time in the local zone, for people. */
export function localTime(isoText: string | null): string {
  if (isoText === null) return '–';
  const at = new Date(isoText);
  const sameDay = at.toDateString() === new Date().toDateString();
  const time = at.toTimeString().slice(0, 8);
  return sameDay ? time : `${isoText.slice(0, 10)} ${time.slice(0, 5)}`;
}
