import type { NewOutboxRow, OutboxMessage } from './effects.ts';
import type { Verdict } from './failure.ts';
import { type Job, jobName, type Run, runName, type Task } from './model.ts';
import type { Usage } from './usage.ts';
import { usageLine } from './usage-line.ts';

export interface EndOfRun {
  readonly job: Job;
  readonly run: Run;
  readonly task: Task | null;
  readonly verdict: Verdict;
  readonly reason: string;
  /** The job failed each time for the same reason, this one among them. */
  readonly sameEachTime: boolean;
  /** Of the job, afterwards. */
  readonly status: string;
  /** The task went on to another stage, or back to one. */
  readonly moved: boolean;
  readonly usage: Usage;
  readonly usageComments: 'tracker' | 'pr' | 'off';
  /** Mark of an end that no rule of the adapter knows; null when one did. */
  readonly unknownShape: string | null;
  /** Where the redacted end of its log is kept; null = nowhere. */
  readonly shapeLog: string | null;
  /** Why the run got its account held for the CLI's version; null when it did not. */
  readonly unproven: string | null;
}

export const SAME = 'Same error each time.';

/** What the world is told of the end of a run: one incident per job or account, one usage comment per stage done, one word per unknown shape. */
export function announce(end: EndOfRun): NewOutboxRow[] {
  return [...consequences(end), ...unknownShape(end)];
}

/** Told once per shape, for ever: its key is the shape's. */
function unknownShape({ run, reason, unknownShape: shape, shapeLog }: EndOfRun): NewOutboxRow[] {
  if (shape === null) return [];
  const cli = [run.cliKind ?? 'an agent', run.cliVersion ?? ''].join(' ').trim();
  return [
    {
      destination: 'notify',
      key: `notify:shape:${shape}`,
      orderKey: `notify:shape:${shape}`,
      availableAt: null,
      message: {
        kind: 'notify.incident',
        incident: `shape:${shape}`,
        title: `${cli} ended in a way that no rule knows`,
        detail: `${reason}\n${runName(run.id)}: orch logs ${runName(run.id)}${shapeLog === null ? '' : `\nKept, redacted: ${shapeLog}`}`,
        urgent: false,
      },
    },
  ];
}

function consequences(end: EndOfRun): NewOutboxRow[] {
  const { job, run, task, verdict, reason, status } = end;
  const name = task === null ? jobName(job.id) : `${task.key} ${job.stage ?? ''}`.trim();
  if (end.unproven !== null)
    return [
      incident(
        job,
        `account:${run.account}`,
        `Account ${run.account} is held: its CLI is a new version`,
        `${end.unproven}\nNothing is spent while its jobs wait.\n${waysOut(run.account ?? '')}`,
        true,
        { project: null, atOnce: true },
      ),
    ];
  switch (verdict) {
    case 'success': {
      const rows: NewOutboxRow[] = [];
      if (job.error !== null) rows.push(resolved(job, jobName(job.id)));
      if (task !== null && run.agent !== null && end.moved) rows.push(...usageComment(end, task));
      return rows;
    }
    case 'cancelled':
      return [];
    case 'auth':
    case 'usage_limit': {
      const title =
        verdict === 'auth' ? `Account ${run.account} is signed out` : `Usage limit on ${run.account}`;
      return [
        incident(
          job,
          `account:${run.account}`,
          title,
          `${reason}\nNothing is spent while its jobs wait.`,
          verdict === 'auth',
          { event: verdict === 'auth' ? 'needs_you' : 'limit', project: null, atOnce: true },
        ),
      ];
    }
    case 'no_change':
    case 'permanent':
    case 'timeout':
    case 'stalled':
    case 'transient':
    case 'lost': {
      const title = status === 'failed' ? `${name} failed` : `${name}: attempt failed, will retry`;
      const times =
        verdict === 'transient'
          ? `transient failure ${job.transientAttempts + 1}`
          : `attempt ${job.attempts} of ${job.maxAttempts}`;
      const same = end.sameEachTime ? `. ${SAME}` : '';
      const cause = verdict === 'transient' ? run.account : null;
      return [
        incident(job, jobName(job.id), title, `${reason}\n${verdict}, ${times}${same}`, status === 'failed', {
          cause,
        }),
      ];
    }
  }
}

/** What a person can do about an account that is held for the version of its CLI. */
export function waysOut(account: string): string {
  return `orch accounts trust ${account}, or orch accounts use-last-good ${account}`;
}

function usageComment({ job, run, usage, usageComments: where }: EndOfRun, task: Task): NewOutboxRow[] {
  if (where === 'off') return [];
  const body = usageLine(job.stage ?? 'job', run, usage);
  const key = `usage:${runName(run.id)}`;
  if (where === 'pr')
    return [
      {
        destination: `forge:${task.project}`,
        key,
        // Of their own: they wait for the pull request, and must not keep it from being opened.
        orderKey: `usage:${task.project}:${task.key}`,
        availableAt: null,
        message: { kind: 'forge.comment', project: task.project, taskId: task.id, body },
      },
    ];
  return [commentRow(task, key, body)];
}

/** A comment on the work item, in turn with what else it is told; once per key. */
export function commentRow(task: Task, key: string, body: string): NewOutboxRow {
  return {
    destination: `tracker:${task.project}`,
    key,
    orderKey: `item:${task.project}:${task.workItemId}`,
    availableAt: null,
    message: { kind: 'tracker.comment', project: task.project, workItemId: task.workItemId, body },
  };
}

/** For the channels that ask to hear of every run. Safe to repeat: once per run. */
export function startedRow(job: Job, run: Run, task: Task | null): NewOutboxRow {
  const who = run.agent === null ? '' : ` (${run.agent}${run.account === null ? '' : ` on ${run.account}`})`;
  const what = task === null ? jobName(job.id) : `${task.key} ${job.stage ?? ''}`.trim();
  return {
    destination: 'notify',
    key: `notify:started:${runName(run.id)}`,
    orderKey: `notify:started:${runName(run.id)}`,
    availableAt: null,
    message: {
      kind: 'notify.digest',
      event: 'run',
      line: `${what}: ${runName(run.id)} started${who}, attempt ${job.attempts} of ${job.maxAttempts}`,
      project: job.project,
    },
  };
}

export function incident(
  job: Job,
  key: string,
  title: string,
  detail: string,
  urgent: boolean,
  more: Partial<Extract<OutboxMessage, { kind: 'notify.incident' }>> = {},
): NewOutboxRow {
  const { project } = job;
  return {
    destination: 'notify',
    key: `notify:${key}:${jobName(job.id)}:${job.fence}`,
    orderKey: `notify:${key}`,
    availableAt: null,
    message: { kind: 'notify.incident', incident: key, title, detail, urgent, project, ...more },
  };
}

export function resolved(job: Job, key: string): NewOutboxRow {
  return {
    destination: 'notify',
    key: `resolved:${key}:${jobName(job.id)}:${job.fence}`,
    orderKey: `notify:${key}`,
    availableAt: null,
    message: { kind: 'notify.resolved', incident: key },
  };
}
