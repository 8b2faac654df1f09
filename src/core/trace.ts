/** Traceability of one task: each acceptance criterion, the requirements that serve it, the tests that prove it. */
export interface TraceMatrix {
  /** Head of the branch it was proven at; null before anything was. */
  readonly head: string | null;
  readonly criteria: readonly TraceCriterion[];
}

export interface TraceCriterion {
  readonly id: string;
  readonly text: string;
  /** Ids of the requirements that name it. */
  readonly requirements: readonly string[];
  readonly tests: readonly TraceTest[];
}

export interface TraceTest {
  readonly id: string;
  readonly kind: 'automated' | 'command' | 'manual';
  /** File and name, or the command, or what a person has to look at. */
  readonly what: string;
  readonly state: 'passed' | 'failed' | 'not_proven' | 'missing' | 'ticked' | 'to_tick';
  /** Why it is in that state, in one line; empty when that is plain. */
  readonly detail: string;
}
