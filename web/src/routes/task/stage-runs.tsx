import { Link } from '@tanstack/react-router';
import type { TaskDetailWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { moneyOrDash, sentence } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { JobChip, RunOutcome } from '../../ui/job-state.tsx';
import { Empty } from '../../ui/states.tsx';
import { Table } from '../../ui/table.tsx';
import { Ago, Lasted } from '../../ui/time.tsx';

/** Every stage with the runs it took, the newest stage first. */
export function StageRuns({ task }: { task: TaskDetailWire }) {
  const jobs = task.jobs.toReversed();
  return (
    <Card title={copy.task.stagesAndRuns} hint={task.runs.length}>
      {jobs.length === 0 ? (
        <Empty>{copy.task.noRuns}</Empty>
      ) : (
        <ul>
          {jobs.map((job) => {
            const runs = task.runs.filter((run) => run.jobId === job.id).toReversed();
            return (
              <li key={job.id} className="border-b border-line last:border-b-0">
                <div className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 pt-3 pb-2">
                  <h3>{sentence(job.stage ?? job.agent ?? '')}</h3>
                  <JobChip job={job} />
                  <span className="mono ml-auto text-xs text-ink-3">{job.id}</span>
                </div>
                {job.error === null || job.status === 'done' ? null : (
                  <p className="px-4 pb-2 text-sm wrap-anywhere text-ink-2">{job.error}</p>
                )}
                {runs.length === 0 ? null : (
                  <Table
                    isHeadless
                    columns={[
                      copy.columns.run,
                      copy.columns.outcome,
                      copy.columns.account,
                      copy.columns.started,
                      copy.columns.lasted,
                      copy.columns.cost,
                    ]}
                  >
                    {runs.map((run) => (
                      <tr key={run.id} data-row>
                        <td className="text-sm whitespace-nowrap">
                          <Link to="/runs/$id" params={{ id: run.id }} className="mono">
                            {run.id}
                          </Link>{' '}
                          <span className="text-ink-3">
                            {copy.now.attempt} {run.attempt}
                          </span>
                        </td>
                        <td>
                          <RunOutcome run={run} />
                        </td>
                        <td className="mono text-sm text-ink-2">{run.account ?? '–'}</td>
                        <td className="text-sm whitespace-nowrap text-ink-2">
                          <Ago at={run.startedAt} />
                        </td>
                        <td className="n text-sm whitespace-nowrap text-ink-2">
                          <Lasted from={run.startedAt} to={run.finishedAt} />
                        </td>
                        <td className="n text-sm">{moneyOrDash(run.usage.costUsd)}</td>
                      </tr>
                    ))}
                  </Table>
                )}
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}
