/** One thing that `orch doctor` found out. */
export interface Finding {
  readonly group: string;
  readonly state: 'ok' | 'warning' | 'error' | 'skipped';
  readonly text: string;
  /** What to do about it; null when nothing is to be done. */
  readonly fix: string | null;
}
