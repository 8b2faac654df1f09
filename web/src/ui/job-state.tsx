import type { JobWire, RunWire, TaskWire } from '../../../src/http/contract.ts';
import { copy } from '../copy.ts';
import { HoldChip, shortHold } from './reason.tsx';
import { Lasted, Since } from './time.tsx';
import { Chip, type StateName } from './tone.tsx';

/** The state of a job in the words of the house. A queued one shows the one thing that holds it. */
export function JobChip({ job }: { job: JobWire }) {
  if (job.status === 'queued' && job.hold !== null) return <HoldChip hold={job.hold} />;
  const state: StateName = job.status;
  return (
    <Chip state={state} title={job.error ?? undefined}>
      {job.status === 'running' && job.startedAt !== null ? (
        <>
          {copy.job.running} <Since at={job.startedAt} />
        </>
      ) : job.status === 'failed' ? (
        copy.job.failedOf(job.attempts, job.maxAttempts)
      ) : (
        copy.job[job.status]
      )}
    </Chip>
  );
}

const RUN_STATES: Readonly<Record<string, StateName>> = {
  success: 'done',
  cancelled: 'cancelled',
  auth: 'needs_you',
  usage_limit: 'waiting',
  transient: 'waiting',
};

/** What a run came to; a live one shows for how long it lives. */
export function RunOutcome({ run }: { run: RunWire }) {
  if (run.status === 'running')
    return (
      <Chip state="running">
        {copy.job.running} <Lasted from={run.startedAt} to={null} />
      </Chip>
    );
  return (
    <Chip state={RUN_STATES[run.verdict ?? ''] ?? 'failed'} title={run.reason ?? undefined}>
      {copy.run.verdict[run.verdict ?? ''] ?? run.verdict ?? copy.job.ended}
    </Chip>
  );
}

export function stateOfTask(task: TaskWire, jobs: readonly JobWire[] = []): StateName {
  if (task.status === 'needs_you') return task.reason?.code === 'job.failed' ? 'failed' : 'needs_you';
  if (task.status !== 'active') return task.status;
  const current = jobs.findLast(({ status }) => status === 'running' || status === 'queued');
  if (current?.status === 'running') return 'running';
  if (current?.hold == null || current.hold.code === 'queue.position') return 'queued';
  return current.hold.state;
}

export function TaskChip({ task, jobs = [] }: { task: TaskWire; jobs?: readonly JobWire[] }) {
  const current = jobs.findLast(({ status }) => status === 'running' || status === 'queued');
  if (task.status === 'active' && current !== undefined) return <JobChip job={current} />;
  const state = stateOfTask(task, jobs);
  return (
    <Chip state={state} title={task.reason?.detail}>
      {task.status === 'needs_you' && task.reason !== null
        ? shortHold({ code: task.reason.code, title: copy.task.needs_you })
        : copy.task[task.status]}
    </Chip>
  );
}
