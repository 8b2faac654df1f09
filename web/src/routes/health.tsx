import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { RefreshCw } from 'lucide-react';
import { useState } from 'react';
import type { HealthWire } from '../../../src/http/contract.ts';
import { get } from '../api/client.ts';
import { ask, versionQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { useNow } from '../lib/clock.ts';
import { bytes, count, room, sentence, shortDuration } from '../lib/format.ts';
import { Button } from '../ui/button.tsx';
import { Card, PageTitle } from '../ui/card.tsx';
import { type FactRows, Facts } from '../ui/facts.tsx';
import { FINDING_STATES, Findings } from '../ui/findings.tsx';
import { Loaded } from '../ui/states.tsx';
import { Table } from '../ui/table.tsx';
import { Ago, Since } from '../ui/time.tsx';
import { Chip } from '../ui/tone.tsx';

const WORST_FIRST = ['error', 'warning', 'ok', 'skipped'] as const;
const KEY = ['health'];

/** Is the installation sound? The same checks as `orch doctor`, each problem with its fix. */
export function HealthPage() {
  const query = useQuery({ ...ask(KEY, '/health'), refetchInterval: 60_000 });
  const client = useQueryClient();
  const [isChecking, setChecking] = useState(false);
  const again = async () => {
    setChecking(true);
    await get('/health', { query: { fresh: '1' } }).then(
      (health) => client.setQueryData(KEY, health),
      () => query.refetch(), // which shows why
    );
    setChecking(false);
  };
  return (
    <>
      <PageTitle
        title={copy.nav.health}
        hint={
          <p>
            {copy.health.hint}{' '}
            {query.data === undefined ? null : (
              <>
                {copy.health.checked} <Ago at={query.data.checkedAt} />.
              </>
            )}
          </p>
        }
      >
        <Button onClick={() => void again()} disabled={isChecking}>
          <RefreshCw aria-hidden="true" className={isChecking ? 'spin' : ''} />
          {isChecking ? copy.health.running : copy.health.run}
        </Button>
      </PageTitle>
      <div className="columns">
        <div className="stack">
          <Loaded query={query} what={copy.nav.health} rows={8}>
            {(health) => <Groups health={health} />}
          </Loaded>
        </div>
        <div className="stack">
          {query.data === undefined ? null : (
            <>
              <Workers workers={query.data.workers} />
              <Flow health={query.data} />
            </>
          )}
          <Installation health={query.data} />
        </div>
      </div>
    </>
  );
}

function Groups({ health }: { health: HealthWire }) {
  const groups = Map.groupBy(health.findings, ({ group }) => group);
  return [...groups].map(([group, findings]) => {
    const worst = WORST_FIRST.find((each) => findings.some(({ state }) => state === each)) ?? 'ok';
    return (
      <Card
        key={group}
        title={sentence(group)}
        extra={<Chip state={FINDING_STATES[worst]}>{copy.health.state[worst]}</Chip>}
      >
        <Findings findings={findings} />
      </Card>
    );
  });
}

/** After this long without a heartbeat nothing is known of a worker. */
const STALE_MS = 30_000;

function Workers({ workers }: { workers: HealthWire['workers'] }) {
  const now = useNow();
  return (
    <Card title={copy.health.workers}>
      <Table
        columns={[
          copy.health.worker,
          copy.health.version,
          { name: copy.health.slots, isNumber: true },
          copy.health.heartbeat,
        ]}
      >
        {workers.map(({ id, version, used, slots, lastHeartbeatAt }) => (
          <tr key={id}>
            <th scope="row" className="!text-base !font-semibold !text-ink">
              {id}
            </th>
            <td className="mono text-sm" data-label={copy.health.version}>
              {version}
            </td>
            <td className="n" data-label={copy.health.slots}>
              {copy.health.used(used, slots)}
            </td>
            <td className="text-sm whitespace-nowrap" data-label={copy.health.heartbeat}>
              {lastHeartbeatAt === null || now - Date.parse(lastHeartbeatAt) > STALE_MS ? (
                <Chip state="unknown">
                  {lastHeartbeatAt === null ? copy.health.never : <Ago at={lastHeartbeatAt} />}
                </Chip>
              ) : (
                <Ago at={lastHeartbeatAt} />
              )}
            </td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}

/** Whether work starts that may, and what it takes on disk. */
function Flow({ health: { queue, disk } }: { health: HealthWire }) {
  const { oldest } = queue;
  const rows: FactRows = [
    [copy.health.ready, count(queue.ready)],
    [
      copy.health.lag,
      oldest === null ? (
        copy.health.noLag
      ) : (
        <>
          <Since at={oldest.since} />{' '}
          {oldest.task === null ? (
            <Link to="/queue" search={{ q: oldest.job }} className="mono">
              {oldest.job}
            </Link>
          ) : (
            <Link to="/tasks/$key" params={{ key: oldest.task }} className="mono">
              {oldest.task}
            </Link>
          )}
        </>
      ),
    ],
    [copy.health.worktrees, count(disk.worktrees)],
    [copy.health.free, disk.freeBytes === null ? '–' : room(disk.freeBytes)],
  ];
  return (
    <Card title={copy.health.flow}>
      <div className="card-body">
        <Facts rows={rows} />
        <p className="mt-2 text-xs text-ink-3">{copy.health.sizes}</p>
      </div>
    </Card>
  );
}

function Installation({ health }: { health: HealthWire | undefined }) {
  const version = useQuery(versionQuery()).data;
  const rows: FactRows =
    health === undefined
      ? []
      : [
          [copy.health.version, health.version],
          [copy.health.page, version?.page ?? '–'],
          [
            copy.health.scheduler,
            health.schedulerTickAgeMs === null
              ? copy.health.never
              : copy.health.ago(shortDuration(health.schedulerTickAgeMs)),
          ],
          [copy.health.database, `${health.database.engine} ${health.database.engineVersion}`],
          [copy.health.schema, String(health.database.schema)],
          [copy.health.size, bytes(health.database.bytes)],
        ];
  return (
    <Card
      title={copy.health.facts}
      {...(health === undefined
        ? {}
        : {
            extra: (
              <>
                {health.errors > 0 ? <Chip state="failed">{copy.health.errors(health.errors)}</Chip> : null}
                {health.warnings > 0 ? (
                  <Chip state="needs_you">{copy.health.warnings(health.warnings)}</Chip>
                ) : null}
                {health.errors + health.warnings === 0 ? <Chip state="done">{copy.health.sound}</Chip> : null}
              </>
            ),
          })}
    >
      <div className="card-body">
        <Facts rows={rows} />
      </div>
    </Card>
  );
}
