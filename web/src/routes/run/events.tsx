import type { JobWire, RunWire, TaskDetailWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { exact, hourMinuteAndSecond } from '../../lib/format.ts';
import { TaskAudit } from '../task/task-audit.tsx';

/** The instants of this run, and what people did to its task. */
export function Events({
  run,
  job,
  task,
}: {
  run: RunWire;
  job: JobWire | null;
  task: TaskDetailWire | null;
}) {
  const moments: readonly (readonly [string, string | null])[] = [
    [copy.run.jobMade, job?.createdAt ?? null],
    [copy.run.started, run.startedAt],
    [copy.run.ended, run.finishedAt],
    [copy.run.jobEnded, job?.finishedAt ?? null],
  ];
  const facts: readonly (readonly [string, string])[] = [
    ...(run.sessionId === null ? [] : [[copy.run.session, run.sessionId] as const]),
    ...(run.pid === null ? [] : [[copy.run.pid, String(run.pid)] as const]),
    [copy.run.logPath, run.logPath],
  ];
  return (
    <div className="grid gap-4 p-4">
      <ol className="grid gap-1.5 text-sm">
        {moments.map(([what, at]) =>
          at === null ? null : (
            <li key={what} className="flex gap-3">
              <span className="num w-24 shrink-0 text-ink-3">
                <time dateTime={at} title={exact(Date.parse(at))}>
                  {hourMinuteAndSecond(Date.parse(at))}
                </time>
              </span>
              {what}
            </li>
          ),
        )}
      </ol>
      <dl className="grid gap-1.5 text-sm">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className="text-xs text-ink-3">{name}</dt>
            <dd>
              <code className="text-[12.5px] wrap-anywhere">{value}</code>
            </dd>
          </div>
        ))}
      </dl>
      {task === null ? null : <TaskAudit target={task.key} />}
    </div>
  );
}
