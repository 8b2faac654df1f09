import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { NowData, QueuedWire } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { plural, sentence } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { HoldChip } from '../../ui/reason.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Since } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';

/** The first jobs in dispatch order, each with the one thing that holds it. */
export function NextUp({ query }: { query: UseQueryResult<NowData> }) {
  const total = query.data?.notStarted ?? 0;
  return (
    <Card
      title={copy.now.nextUp}
      className="max-md:order-3"
      {...(total > 0 ? { hint: copy.now.inOrder(plural(total, 'job')) } : {})}
      extra={
        <Link to="/queue" className="text-sm">
          {copy.now.openQueue}
        </Link>
      }
    >
      <Loaded query={query} what={copy.now.nextUp} rows={5}>
        {({ nextUp, notStarted }) =>
          nextUp.length === 0 ? (
            <Empty>{copy.now.nothingQueued}</Empty>
          ) : (
            <>
              <table className="table table-rows">
                <thead>
                  <tr>
                    <th scope="col">{copy.columns.place}</th>
                    <th scope="col">{copy.columns.task}</th>
                    <th scope="col" className="max-lg:hidden">
                      {copy.columns.stage}
                    </th>
                    <th scope="col" className="max-lg:hidden">
                      {copy.columns.account}
                    </th>
                    <th scope="col">{copy.columns.heldBy}</th>
                    <th scope="col" className="n">
                      {copy.columns.waiting}
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {nextUp.map((each, i) => (
                    <Row key={each.job.id} place={i + 1} {...each} />
                  ))}
                </tbody>
              </table>
              {notStarted > nextUp.length ? (
                <p className="border-t border-line px-4 py-3 text-sm">
                  <Link to="/queue">{copy.now.moreJobs(plural(notStarted - nextUp.length, 'job'))}</Link>
                </p>
              ) : null}
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

function Row({ place, job, title }: QueuedWire & { place: number }) {
  return (
    <tr data-row>
      <td className="num away text-ink-3">{place}</td>
      <td className="full">
        <JobLink job={job} title={title} />
      </td>
      <td className="text-sm text-ink-2 max-lg:hidden">{sentence(job.stage ?? job.agent ?? '')}</td>
      <td className="mono text-sm text-ink-2 max-lg:hidden">{job.account ?? '–'}</td>
      <td>{job.hold === null ? <Chip state="queued" /> : <HoldChip hold={job.hold} />}</td>
      <td className="n text-sm whitespace-nowrap text-ink-2">
        <Since at={job.createdAt} />
      </td>
    </tr>
  );
}

/** The key and the title of a job's task; a job without a task has only its own name. */
export function JobLink({ job, title }: Pick<QueuedWire, 'job' | 'title'>) {
  return (
    <span className="two-lines">
      {job.task === null ? (
        <Link to="/queue" search={{ q: job.id }} className="mono text-sm">
          {job.id}
        </Link>
      ) : (
        <Link to="/tasks/$key" params={{ key: job.task }} className="mono text-sm">
          {job.task}
        </Link>
      )}{' '}
      <span className="ml-1">{title ?? `${sentence(job.agent ?? '')}, ${job.branch}`}</span>
    </span>
  );
}
