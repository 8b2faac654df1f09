import type { DispatchState, Reason } from './dispatch-state.ts';
import { isPaused } from './dispatch-state.ts';
import type { Job, Task } from './model.ts';

/** What happened since a person last looked, what waits for them, and what comes next. Instants are epoch ms. */
export interface Brief {
  readonly since: number;
  readonly until: number;
  readonly merged: readonly BriefTask[];
  /** Smallest change first: what is quickly looked at is not left waiting. */
  readonly approvals: readonly (BriefTask & {
    readonly commit: string | null;
    readonly changed: Changed | null;
  })[];
  readonly questions: readonly BriefTask[];
  /** Tasks that need somebody, and jobs without a task that failed. */
  readonly failures: readonly (BriefTask & { readonly error: string })[];
  /** Accounts that are held, and pauses. */
  readonly holds: readonly { readonly title: string; readonly until: number | null }[];
  /** Plan windows as last reported. */
  readonly windows: readonly {
    readonly account: string;
    readonly name: string;
    readonly utilization: number | null;
    readonly resetAt: number | null;
  }[];
  readonly next: readonly { readonly name: string; readonly stage: string; readonly reason: string }[];
  readonly running: number;
  readonly queued: number;
}

export interface BriefTask {
  readonly key: string;
  readonly project: string;
  readonly title: string;
  readonly detail: string;
  readonly at: number;
}

export interface Changed {
  readonly files: number;
  readonly added: number;
  readonly deleted: number;
}

export interface BriefInput {
  readonly since: number;
  readonly now: number;
  /** Done since, and those that need somebody. */
  readonly tasks: readonly Task[];
  /** Jobs without a task that failed since. */
  readonly lonelyFailures: readonly Job[];
  readonly changed: ReadonlyMap<string, Changed>;
  readonly state: DispatchState | null;
  readonly windows: Brief['windows'];
  readonly next: readonly { readonly job: Job; readonly key: string | null; readonly reason: Reason }[];
  readonly running: number;
  readonly queued: number;
}

const MAX_LINES = 50;

export function briefOf(input: BriefInput): Brief {
  const { since, now, tasks, state } = input;
  const waits = (isIt: (code: string) => boolean) =>
    tasks.filter(({ status, reason }) => status === 'needs_you' && isIt(reason?.code ?? ''));
  const isQuestion = (code: string) => code === 'question.pending';
  const isApproval = (code: string) => code === 'approval.pending';
  return {
    ...{ since, until: now, running: input.running, queued: input.queued, windows: input.windows },
    merged: tasks
      .filter(({ status, updatedAt }) => status === 'done' && updatedAt >= since)
      .map((task) => ({
        ...lineOf(task),
        detail: task.pr === null ? 'no change was needed' : `pull request ${task.pr.number}`,
      }))
      .slice(0, MAX_LINES),
    approvals: waits(isApproval)
      .map((task) => ({ ...lineOf(task), commit: task.head, changed: input.changed.get(task.key) ?? null }))
      .sort((a, b) => sizeOf(a.changed) - sizeOf(b.changed) || a.at - b.at)
      .slice(0, MAX_LINES),
    questions: waits(isQuestion).map(lineOf).slice(0, MAX_LINES),
    failures: [
      ...waits((code) => !isQuestion(code) && !isApproval(code)).map((task) => ({
        ...lineOf(task),
        error: firstLine(task.reason?.detail ?? ''),
      })),
      ...input.lonelyFailures.map((job) => ({
        ...{ key: `job_${job.id}`, project: job.project, title: job.agent ?? 'job', detail: '' },
        ...{ at: job.finishedAt ?? job.createdAt, error: firstLine(job.error ?? '') },
      })),
    ].slice(0, MAX_LINES),
    holds: state === null ? [] : holdsOf(state, now),
    next: input.next.map(({ job, key, reason }) => ({
      ...{ name: key ?? `job_${job.id}`, stage: job.stage ?? job.agent ?? '', reason: reason.title },
    })),
  };
}

function holdsOf(state: DispatchState, now: number): Brief['holds'] {
  const pauses = state.pauses
    .filter((pause) => isPaused(pause, now))
    .map(({ scope, id, by, until }) => ({
      title: `${scope === 'all' ? 'Dispatch' : `${scope} ${id}`} is paused by ${by}`,
      until,
    }));
  const accounts = [...state.accounts].flatMap(([id, gate]) =>
    gate.kind === 'closed' ? [{ title: `${id}: ${gate.code}`, until: gate.clearsAt }] : [],
  );
  return [...pauses, ...accounts];
}

function lineOf({ key, project, title, reason, updatedAt }: Task): BriefTask {
  return { key, project, title, detail: reason?.detail ?? '', at: updatedAt };
}

/** What nobody could measure comes last. */
function sizeOf(changed: Changed | null): number {
  return changed === null ? Number.POSITIVE_INFINITY : changed.added + changed.deleted;
}

function firstLine(text: string): string {
  return (
    text
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? ''
  );
}

export interface BriefSection {
  readonly title: string;
  readonly lines: readonly string[];
}

/** The same sections for CLI and chat; those with nothing in them are left out. */
export function briefSections(brief: Brief, time: (at: number) => string): BriefSection[] {
  const until = (at: number | null) => (at === null ? '' : ` until ${time(at)}`);
  const sections: BriefSection[] = [
    { title: 'Merged', lines: brief.merged.map(({ key, title }) => `${key} ${title}`) },
    {
      title: 'Waiting for you',
      lines: brief.approvals.map(({ key, title, changed, commit }) =>
        [
          `${key} ${title}`,
          changed === null ? '' : `${changed.files} files +${changed.added} −${changed.deleted}`,
          commit?.slice(0, 7) ?? '',
        ]
          .filter((part) => part !== '')
          .join(' · '),
      ),
    },
    { title: 'Questions', lines: brief.questions.map(({ key, detail }) => `${key}: ${firstLine(detail)}`) },
    { title: 'Failures', lines: brief.failures.map(({ key, error }) => `${key}: ${error}`) },
    {
      title: 'Plan windows',
      lines: brief.windows.map(
        ({ account, name, utilization, resetAt }) =>
          `${account} ${name}: ${utilization === null ? 'unknown' : `${Math.round(utilization * 100)} %`}${resetAt === null ? '' : `, resets ${time(resetAt)}`}`,
      ),
    },
    { title: 'Held', lines: brief.holds.map(({ title, until: at }) => `${title}${until(at)}`) },
    { title: 'Next', lines: brief.next.map(({ name, stage, reason }) => `${name} ${stage}: ${reason}`) },
  ];
  return sections.filter(({ lines }) => lines.length > 0);
}

export function briefHeadline(brief: Brief, time: (at: number) => string): string {
  const { merged, approvals, questions, failures, running, queued } = brief;
  const needs = approvals.length + questions.length + failures.length;
  return `Since ${time(brief.since)}: ${merged.length} merged, ${needs === 0 ? 'nothing needs you' : `${needs} ${needs === 1 ? 'needs' : 'need'} you`}, ${running} running, ${queued} queued.`;
}
