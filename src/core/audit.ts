/** One thing a person (or Orch in a person's name) did. Written with the change itself. */
export interface Audit {
  readonly by: string;
  readonly surface: Surface;
  /** A name of `core/roles.ts` where it is one; older entries have words of their own. */
  readonly action: string;
  readonly target: string;
  readonly at: number;
  /** Names what asked for it, such as one message of a chat: a command that comes again with it changes nothing. */
  readonly once?: string;
  /** What it was and what it became, in a few fields; left out where the target says it all. */
  readonly before?: AuditFacts;
  readonly after?: AuditFacts;
}

export const SURFACES = ['cli', 'web', 'api', 'telegram', 'tracker', 'forge', 'orch'] as const;
export type Surface = (typeof SURFACES)[number];

export type AuditFacts = Readonly<Record<string, string | number | boolean | null>>;

/** As it is read back. */
export interface AuditEntry extends Omit<Audit, 'before' | 'after' | 'once'> {
  readonly id: number;
  readonly before: AuditFacts | null;
  readonly after: AuditFacts | null;
}

export interface AuditFilter {
  readonly by?: string;
  readonly action?: string;
  readonly surface?: Surface;
  /** Part of the target, any case. */
  readonly target?: string;
  /** Tasks, jobs and runs: entries about any of them. */
  readonly about?: readonly string[];
  readonly since?: number;
  readonly until?: number;
  /** Entries before this id: the newest come first. */
  readonly after?: number;
  readonly limit: number;
}

/** What of a job and its task an entry tells. */
export function workFacts(
  task: { readonly status: string; readonly stage: string } | null,
  job: {
    readonly id: number;
    readonly status: string;
    readonly hold: string | null;
    readonly account: string | null;
  },
): AuditFacts {
  return {
    job: `job_${job.id}`,
    status: job.status,
    hold: job.hold,
    account: job.account,
    ...(task === null ? {} : { task: task.status, stage: task.stage }),
  };
}
