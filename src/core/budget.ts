import { incident } from './announce.ts';
import type { Effects, NewOutboxRow, RunChange } from './effects.ts';
import type { Verdict } from './failure.ts';
import { type Job, jobName, type Task } from './model.ts';
import type { Usage } from './usage.ts';

/** Limits of one project; null = none. A budget stops new starts of agents and asks; it never ends a run. */
export interface Budget {
  readonly usdPerTask: number | null;
  readonly usdPerDay: number | null;
  readonly tokensPerDay: number | null;
}

/** What the runs of a project that ended on one UTC day consumed, as far as it is known. */
export interface Spending {
  readonly microUsd: number;
  readonly tokens: number;
  readonly unknownCosts: number;
}

export const NOTHING_SPENT: Spending = { microUsd: 0, tokens: 0, unknownCosts: 0 };

/** From this share on people are warned, once. */
const NEAR_SHARE = 0.8;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The UTC day of an instant, counted from 1970. */
export function dayOf(now: number): number {
  return Math.floor(now / DAY_MS);
}

export function endOfDay(now: number): number {
  return (dayOf(now) + 1) * DAY_MS;
}

/** Every token that the CLI tells of: new input, output, cache read and cache write. */
export function tokensOf(usage: Usage): number {
  return usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
}

/** Ends in the middle of work, where the CLI may have spent what it had no chance to tell. */
const CUT_OFF: readonly Verdict[] = ['timeout', 'stalled', 'lost', 'cancelled'];

/** A cost nobody told is unknown, never 0: unless the run told no token and was not cut off. */
export function costIsUnknown({ usage, verdict, sessionId }: RunChange): boolean {
  if (usage.costUsd !== null) return false;
  return tokensOf(usage) > 0 || (CUT_OFF.includes(verdict) && sessionId !== null);
}

export type BudgetLevel = 'within' | 'near' | 'reached';

/** Where the day of a project stands: by the known part of the cost, and by the tokens. */
export function dayBudget(budget: Budget, spent: Spending): { level: BudgetLevel; detail: string } {
  const limits = [
    {
      share: budget.usdPerDay === null ? 0 : spent.microUsd / (budget.usdPerDay * 1e6),
      detail: `${usd(spent.microUsd)} of ${usd((budget.usdPerDay ?? 0) * 1e6)} today${unknownPart(spent.unknownCosts)}`,
    },
    {
      share: budget.tokensPerDay === null ? 0 : spent.tokens / budget.tokensPerDay,
      detail: `${grouped(spent.tokens)} of ${grouped(budget.tokensPerDay ?? 0)} tokens today`,
    },
  ];
  const [most] = limits.toSorted((a, b) => b.share - a.share);
  return most === undefined || most.share < NEAR_SHARE
    ? { level: 'within', detail: '' }
    : { level: levelOf(most.share), detail: most.detail };
}

/** Before so much of a span is over, its pace is that of a single run. */
const LEAST_KNOWN_MS = 60 * 60 * 1000;

/**
 * Where a span ends at the pace so far: what will have been spent, and when a limit is reached if that is
 * before its end. Null where it cannot be told: too early, nothing spent, no limit, or reached already.
 */
export function paceOf(
  spent: number,
  limit: number | null,
  span: { readonly from: number; readonly to: number; readonly now: number },
): { readonly atEnd: number | null; readonly reachedAt: number | null } {
  const elapsed = span.now - span.from;
  if (spent <= 0 || elapsed < LEAST_KNOWN_MS) return { atEnd: null, reachedAt: null };
  const atEnd = (spent / elapsed) * (span.to - span.from);
  const isAhead = limit !== null && spent < limit && atEnd >= limit;
  return { atEnd, reachedAt: isAhead ? Math.round(span.from + (elapsed * limit) / spent) : null };
}

/** US dollars that the task may still spend; null = no limit. */
export function leftOfTask(
  task: Pick<Task, 'costMicroUsd' | 'budgetFromMicroUsd'>,
  budget: Budget,
): number | null {
  if (budget.usdPerTask === null) return null;
  return budget.usdPerTask - (task.costMicroUsd - task.budgetFromMicroUsd) / 1e6;
}

/**
 * The same effects, but no agent of a task whose budget is spent is let go on: its job waits with
 * `budget.reached` and its task asks. Warns once, where the change crosses the warning share.
 */
export function withinBudget(
  effects: Effects,
  { task, job }: { readonly task: Task | null; readonly job: Job },
  budget: Budget | null,
): Effects {
  if (task === null || budget === null || budget.usdPerTask === null) return effects;
  const from = effects.task?.budgetFromMicroUsd ?? task.budgetFromMicroUsd;
  const cost = task.costMicroUsd + (effects.task?.addCostMicroUsd ?? 0);
  const before = levelOf((task.costMicroUsd - from) / (budget.usdPerTask * 1e6));
  const level = levelOf((cost - from) / (budget.usdPerTask * 1e6));
  if (level === 'within') return effects;
  const unknown = task.unknownCosts + (effects.run !== undefined && costIsUnknown(effects.run) ? 1 : 0);
  const detail = `${usd(cost - from)} of ${usd(budget.usdPerTask * 1e6)} for ${task.key}${unknownPart(unknown)}`;
  const key = `budget:${task.key}`;
  if (level === 'near')
    return before === 'near'
      ? effects
      : withRow(effects, incident(job, key, `${task.key} has spent 80 % of its budget`, detail, false));
  const next = { ...job, ...effects.job };
  const starts = next.status === 'queued' && next.hold === null && next.agent !== null;
  const newJobs = (effects.newJobs ?? []).map((each) =>
    each.hold === null && each.agent !== null ? { ...each, hold: 'budget.reached' } : each,
  );
  if (!starts && newJobs.every((each) => each.hold !== 'budget.reached')) return effects;
  const asked = `${detail}\nNothing more is spent on it. To go on with as much again: orch retry ${task.key}`;
  return withRow(
    {
      ...effects,
      ...(starts ? { job: { ...effects.job, hold: 'budget.reached' } } : {}),
      newJobs,
      task: { ...effects.task, status: 'needs_you', reason: { code: 'budget.reached', detail } },
    },
    incident(job, key, `${task.key} has reached its budget`, asked, true),
  );
}

/** A person's retry of a task whose budget is spent lets it spend as much again. */
export function liftBudget(
  effects: Effects,
  { task, job }: { readonly task: Task | null; readonly job: Job },
  budget: Budget | null,
): Effects {
  if (task === null || budget === null) return effects;
  const left = leftOfTask(task, budget);
  if (job.hold !== 'budget.reached' && (left === null || left > 0)) return effects;
  return withRow(
    { ...effects, task: { ...effects.task, budgetFromMicroUsd: task.costMicroUsd } },
    {
      destination: 'notify',
      key: `resolved:budget:${task.key}:${jobName(job.id)}:${task.costMicroUsd}`,
      orderKey: `notify:budget:${task.key}`,
      availableAt: null,
      message: { kind: 'notify.resolved', incident: `budget:${task.key}` },
    },
  );
}

function withRow(effects: Effects, row: NewOutboxRow): Effects {
  return { ...effects, outbox: [...(effects.outbox ?? []), row] };
}

function levelOf(share: number): BudgetLevel {
  return share >= 1 ? 'reached' : share >= NEAR_SHARE ? 'near' : 'within';
}

function unknownPart(runs: number): string {
  if (runs === 0) return '';
  return `, and the unknown cost of ${runs} ${runs === 1 ? 'run' : 'runs'} beside it`;
}

function usd(microUsd: number): string {
  return `$${(microUsd / 1e6).toFixed(2)}`;
}

function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ' ');
}
