/** How often the engine looks without having been told of a change. */
export interface Pace {
  /** The safety net: everything that matters wakes the dispatcher at once. */
  readonly slowTickMs: number;
  /** How soon a changed credentials file is seen. */
  readonly filePollMs: number;
  /** A scheduler that has not ticked for this long is said to be unknown. */
  readonly staleAfterMs: number;
  /** Between two looks at the forge's side of the tasks under way. */
  readonly forgeLookMs: number;
  /** Between two looks at the tracker of a project, and at the comments on its pull requests. */
  readonly trackerLookMs: number;
  /** Between two looks at the logs of live runs: how exact the times of their lines are; null = none. */
  readonly logLookMs: number | null;
  /** Between two measures of what live runs do; null = none. */
  readonly proofLookMs: number | null;
  /** Between two passes of the upkeep; null = none but those that are asked for. */
  readonly upkeepMs: number | null;
}

export const PACE: Pace = {
  slowTickMs: 5000,
  filePollMs: 500,
  staleAfterMs: 30_000,
  forgeLookMs: 10_000,
  trackerLookMs: 60_000,
  logLookMs: 500,
  proofLookMs: 10_000,
  upkeepMs: 60 * 60 * 1000,
};
