import type { Job, Task } from '../core/model.ts';
import type { Said } from '../core/question.ts';

/** Part of the store port: what people look at that no single row tells. Reads only. */
export interface ReportStore {
  /** Queued jobs that nothing of their own holds, in the order in which projects take turns from now on. */
  nextUp(limit: number): Promise<readonly Job[]>;
  /** Runs that ended at an instant or later, by verdict, and tasks that did. Costs what ended, not what there is. */
  ended(since: number): Promise<Ended>;
  /** Those runs by verdict and by hours since that instant, from 0 on. */
  endedPerHour(
    since: number,
  ): Promise<readonly { readonly hour: number; readonly verdict: string; readonly runs: number }[]>;
  /** Tasks that ended at an instant or later, the latest first. */
  endedTasks(since: number, limit: number): Promise<readonly Task[]>;
  /** Messages that wait to be delivered, by destination; absent = none. */
  undelivered(): Promise<ReadonlyMap<string, number>>;
  /** Questions of a task and their answers, oldest first; as long as messages are kept. */
  said(taskKey: string): Promise<readonly Said[]>;
  /** When a run of each account last ended well; absent = never. */
  lastSuccess(): Promise<ReadonlyMap<string, number>>;
  /** How long a run of each stage of a project usually takes, by its newest that ended well; absent = too few. */
  usual(project: string): Promise<ReadonlyMap<string, number>>;
  /** What runs consumed that ended in a span, by what `by` names and by UTC day. Failed and cancelled ones count. */
  usage(query: UsageQuery): Promise<readonly UsageRow[]>;
  /** Tasks that were done in a span, by who or what worked on them, with all that their runs there took, whenever it was. */
  finished(query: Omit<UsageQuery, 'plans'>): Promise<readonly FinishedRow[]>;
}

export interface Ended {
  readonly runs: readonly {
    readonly verdict: string;
    readonly runs: number;
    readonly microUsd: number;
    readonly unknownCosts: number;
  }[];
  readonly tasksDone: number;
  readonly tasksCancelled: number;
}

export const USAGE_BY = ['project', 'account', 'model', 'stage', 'task'] as const;

export interface UsageQuery {
  readonly by: (typeof USAGE_BY)[number];
  readonly since: number;
  readonly until: number;
  readonly project: string | null;
  /** Accounts on a plan: what their runs cost is a list price that nobody pays. */
  readonly plans: readonly string[];
}

export interface UsageRow {
  /** Of the group; null where it is not known. */
  readonly key: string | null;
  /** Days since 1970, UTC. */
  readonly day: number;
  readonly runs: number;
  readonly failed: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly turns: number;
  readonly microUsd: number;
  /** Of `microUsd`, what runs of accounts on a plan took. */
  readonly planMicroUsd: number;
  /** Runs whose cost nobody told; not part of `microUsd`. */
  readonly unknownCosts: number;
}

export interface FinishedRow {
  /** Of the group; null where it is not known. */
  readonly key: string | null;
  /** A task that several keys worked on counts with each of them. */
  readonly tasks: number;
  readonly microUsd: number;
  readonly unknownCosts: number;
}
