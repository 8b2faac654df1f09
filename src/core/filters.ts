import type { Job, Run, Task } from './model.ts';

/** Of every list: where to go on, and whether the newest come first. */
interface Paging {
  readonly after?: number;
  readonly limit: number;
  readonly newestFirst?: boolean;
}

export interface JobFilter extends Paging {
  readonly status?: readonly Job['status'][];
  readonly project?: string;
  readonly taskId?: number;
  readonly stage?: string;
  readonly account?: string;
  /** Role. */
  readonly agent?: string;
  /** Part of the branch, the error, or of its task's key or title; any case. */
  readonly q?: string;
}

export interface RunFilter extends Paging {
  readonly jobId?: number;
  readonly taskId?: number;
  readonly status?: Run['status'];
  readonly project?: string;
  readonly account?: string;
  readonly agent?: string;
  readonly verdict?: readonly string[];
  /** Started at this instant or after. */
  readonly since?: number;
}

export interface TaskFilter extends Paging {
  readonly status?: readonly Task['status'][];
  readonly project?: string;
  readonly stage?: string;
  readonly label?: string;
  /** Changed at this instant or after. */
  readonly changedSince?: number;
  /** Part of the key or the title; any case. */
  readonly q?: string;
}
