import { type UseQueryResult, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { JobWire, NowWire } from '../../../../src/http/contract.ts';
import { jobsQuery, titlesQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { plural, sentence } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { HoldChip } from '../../ui/reason.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Table } from '../../ui/table.tsx';
import { Since } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';

const SHOWN = 7;

interface Titled {
  readonly job: JobWire;
  readonly title: string | null;
}

function notStarted({ explain: { counts } }: NowWire): number {
  return counts.queued + counts.waiting + counts.needsYou;
}

/** The first jobs in dispatch order, each with the one thing that holds it. */
export function NextUp({ query, project }: { query: UseQueryResult<NowWire>; project: string | undefined }) {
  const total = query.data === undefined ? 0 : notStarted(query.data);
  const titles = useQuery(titlesQuery()).data ?? {};
  const inOrder = query.data?.next ?? [];
  // What a person holds has no turn; it is shown after what has one, where there is room.
  const room = SHOWN - inOrder.length;
  const held = useQuery({
    ...jobsQuery({ state: 'needs_you', project, limit: 2 * SHOWN }),
    enabled: room > 0 && total > inOrder.length,
  }).data?.jobs;
  const shown = [
    ...inOrder,
    ...(held ?? []).filter(({ id }) => room > 0 && inOrder.every((each) => each.id !== id)),
  ].slice(0, SHOWN);
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
        {() =>
          shown.length === 0 ? (
            <Empty>{copy.now.nothingQueued}</Empty>
          ) : (
            <>
              <Table
                columns={[
                  copy.columns.place,
                  copy.columns.task,
                  { name: copy.columns.stage, isWide: true },
                  { name: copy.columns.account, isWide: true },
                  copy.columns.heldBy,
                  { name: copy.columns.waiting, isNumber: true },
                ]}
              >
                {shown.map((job, i) => (
                  <Row
                    key={job.id}
                    place={i < inOrder.length ? i + 1 : null}
                    job={job}
                    title={job.task === null ? null : (titles[job.task] ?? null)}
                  />
                ))}
              </Table>
              {total > shown.length ? (
                <p className="border-t border-line px-4 py-3 text-sm">
                  <Link to="/queue">{plural(total - shown.length, 'more job')}</Link>
                </p>
              ) : null}
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

function Row({ place, job, title }: Titled & { place: number | null }) {
  return (
    <tr data-row>
      <td className="num away text-ink-3">{place ?? '–'}</td>
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
export function JobLink({ job, title }: Titled) {
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
