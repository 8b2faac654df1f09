import type { Judgement, ProcessEnd } from '../core/failure.ts';
import type { SignIn } from '../core/sign-in.ts';

/** One agent home as configured: where the CLI's own files live and what its environment adds. */
export interface AgentAccount {
  readonly id: string;
  /** HOME of the CLI. */
  readonly home: string;
  /** Binary to start; a bare name is looked up on PATH. */
  readonly bin: string;
  /** Extra environment of this account (may hold secrets; never logged). */
  readonly env: Readonly<Record<string, string>>;
  /** Overrides the default place of the stored login. */
  readonly credentialsPath?: string;
}

/** `read` may look and write `.orch-work/`; `write` may also edit files and run commands. */
export type ToolProfile = 'read' | 'write';

export interface AgentRequest {
  readonly account: AgentAccount;
  readonly runId: string;
  readonly worktree: string;
  readonly prompt: string;
  /** The repository's own instructions (from the base branch), passed on verbatim; may be empty. */
  readonly instructions: string;
  readonly session: { readonly id: string; readonly resume: boolean };
  readonly tools: ToolProfile;
  /** Bypass is only asked for inside a sandbox or with `unsafe: true`. */
  readonly bypassPermissions: boolean;
  readonly model?: string;
  readonly fallbackModel?: string;
  readonly effort?: string;
  readonly maxTurns?: number;
  readonly maxBudgetUsd?: number;
}

/** What the launcher starts: argv[0] is the binary; `env` is added to the allow-listed base environment. */
export interface Invocation {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Written to `prompt.md` and given on stdin. */
  readonly stdin: string;
}

/** A finished run to be judged from its files; they may be gigabytes and are read from the end. */
export interface FinishedRun {
  readonly stdoutPath: string;
  readonly stderrPath: string | null;
  readonly end: ProcessEnd;
  /** Epoch milliseconds; reset times printed as clock times are relative to it. */
  readonly startedAt: number;
  /** IANA zone the CLI ran in. */
  readonly timeZone: string;
}

/** What can be told of a CLI from files alone. Adapters hold the vendor's wording and file formats; nothing else does. */
export interface AgentReader {
  readonly kind: string;
  /**
   * Versions of the CLI that the judging was made from, as `version` gives them; null: it has no vendor
   * whose next version could speak otherwise.
   */
  readonly recordedVersions: readonly string[] | null;
  /** Judges the sign-in from local files and the account's environment only: no network, nothing written. Never throws. */
  signIn(account: AgentAccount, options: { now: number; expirySkewMs: number }): Promise<SignIn>;
  /** Files whose change can change the sign-in; they may not exist yet. */
  credentialFiles(account: AgentAccount): readonly string[];
  /** The exact command with which a person signs this account in. */
  loginCommand(account: AgentAccount): string;
  /** Judges a finished run by its end and its logs alone (the repository is looked at elsewhere). Constant memory. Never throws for bad logs. */
  judge(run: FinishedRun): Promise<Judgement>;
  /**
   * One line of its log in words; null for a line that is none of its events, empty for one that tells a person
   * nothing. Never throws. Left out: lines are shown as they are.
   */
  readonly readable?: (line: string) => readonly LogPart[] | null;
  /**
   * What one line of its log tells of a model's message and its use; null for any other line. Never throws.
   * Left out: its log tells use at the end alone.
   */
  readonly turn?: (line: string) => AgentTurn | null;
}

/** A message of the model, as a log tells it while the run goes on. Several lines may tell of one message. */
export interface AgentTurn {
  readonly id: string;
  /** Tokens that the model had not seen before: input and what was written to its cache. */
  readonly newInputTokens: number;
}

/** A piece of a log line as a person reads it. */
export interface LogPart {
  /** What the model says; a tool it calls; what came back; the run's end; trouble; what the CLI itself tells. */
  readonly kind: 'says' | 'thinks' | 'tool' | 'result' | 'end' | 'error' | 'system';
  readonly text: string;
  /** Of a call: its tool. */
  readonly tool?: string;
}

/**
 * A coding-agent CLI that runs can be given to. How it is spoken to is the adapter's own: an invocation
 * may as well start a program that speaks the Agent Client Protocol to the CLI, as long as it ends with
 * the process and leaves a log to judge.
 */
export interface Agent extends AgentReader {
  /** Runs `--version`; at most 10 s. Throws AppError `agent.unavailable`. Safe to repeat. */
  version(account: AgentAccount): Promise<string>;
  /** Whether a session can still be resumed, judged from local files. Never throws. */
  canResume(account: AgentAccount, sessionId: string): Promise<boolean>;
  invocation(request: AgentRequest): Invocation;
}
