/** What a closed set of callers may branch on; never match on message text. */
export interface AppErrorFacts {
  /** Stable dotted code, e.g. `config.invalid`, `workspace.clone_failed`. */
  readonly code: string;
  /** The exact next thing an operator can do. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Facts kept as fields (status, exitCode, path ...), safe to print. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** An error that an operator can act on: stable `code`, plain `message`, `hint` with the fix. */
export class AppError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(message: string, { code, hint, cause, facts }: AppErrorFacts) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AppError';
    this.code = code;
    this.hint = hint;
    this.facts = facts ?? {};
  }
}

/** The words of any thrown thing, for logs and reasons. Never empty. */
export function messageOf(error: unknown): string {
  if (error instanceof Error && error.message !== '') return error.message;
  const text = String(error);
  return text === '' ? 'unknown error' : text;
}
