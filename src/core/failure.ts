import { NO_USAGE, type Usage } from './usage.ts';

/** The closed set of things a run can come to. What each does to the job: `core/job.ts`. */
export const VERDICTS = [
  'success',
  'no_change',
  'permanent',
  'timeout',
  'stalled',
  'transient',
  'auth',
  'usage_limit',
  'lost',
  'cancelled',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Who stopped the process, if we or somebody did. `stall` and `timeout` are our own limits. */
export type StoppedBy = 'cancel' | 'timeout' | 'stall' | 'outside';

/** How a process ended, as the supervisor recorded it. `vanished`: no exit record, process gone. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stoppedBy: StoppedBy | null;
  readonly vanished: boolean;
}

/** What an agent adapter reads out of a finished run's logs. Instants are epoch milliseconds. */
export interface Judgement {
  readonly verdict: Verdict;
  /** One line in plain words, e.g. `empty run log`, `Not logged in · Please run /login`. */
  readonly reason: string;
  /** Stable name of the adapter rule that decided, e.g. `claude.result.usage_limit`. */
  readonly rule: string;
  /** True when a valid, error-free result object was found, whatever the evidence says later. */
  readonly resultOk: boolean;
  /** When the plan limit resets; unclamped; null when the log does not say. */
  readonly resetAt: number | null;
  /** A stated Retry-After; null when the log does not state one. */
  readonly retryAfterMs: number | null;
  readonly usage: Usage;
  /** Cumulative cost as the CLI printed it (it includes resumed runs of the same session). */
  readonly sessionCostUsd: number | null;
  readonly sessionId: string | null;
  /** True when the model really answered (tokens > 0, not synthetic): proof that a sign-in works. */
  readonly realAnswer: boolean;
  /** It ended at a limit that it was given (turns, budget): the session can go on. */
  readonly ownLimit: boolean;
  /** Tools that were refused, as `Tool(first words of the input)`. */
  readonly denials: readonly string[];
  /** The agent's closing words (untrusted), at most a few KiB. */
  readonly answer: string;
  /** `structured_output` of the result, if any (untrusted). */
  readonly structured: unknown;
  /** Plan windows as last reported, utilisation 0..1. */
  readonly windows: readonly PlanWindow[];
  /** CLI version as the log states it, if it does. */
  readonly cliVersion: string | null;
  /** Stable mark of structured output that no rule knows, equal for the same shape again; null when one did. */
  readonly unknownShape: string | null;
}

export interface PlanWindow {
  readonly name: string;
  readonly utilization: number | null;
  readonly resetAt: number | null;
}

/** The judgement of something other than an agent's log: a command, a merge, trouble of our own. */
export function notRun(verdict: Verdict, reason: string, rule: string): Judgement {
  return {
    verdict,
    reason,
    rule,
    resultOk: verdict === 'success',
    resetAt: null,
    retryAfterMs: null,
    usage: NO_USAGE,
    sessionCostUsd: null,
    sessionId: null,
    realAnswer: false,
    ownLimit: false,
    denials: [],
    answer: '',
    structured: null,
    windows: [],
    cliVersion: null,
    unknownShape: null,
  };
}
