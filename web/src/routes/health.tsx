import { useQuery, useQueryClient } from '@tanstack/react-query';
import { RefreshCw } from 'lucide-react';
import { useState } from 'react';
import { get } from '../api/client.ts';
import { ask, projectsQuery, versionQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { bytes, sentence, shortDuration } from '../lib/format.ts';
import { Button } from '../ui/button.tsx';
import { Card, PageTitle } from '../ui/card.tsx';
import { type FactRows, Facts } from '../ui/facts.tsx';
import { FINDING_STATES, Findings } from '../ui/findings.tsx';
import { Loaded } from '../ui/states.tsx';
import { Ago } from '../ui/time.tsx';
import { Chip } from '../ui/tone.tsx';

interface Health {
  readonly checkedAt: string;
  readonly findings: readonly {
    readonly group: string;
    readonly state: 'ok' | 'warning' | 'error' | 'skipped';
    readonly text: string;
    readonly fix: string | null;
  }[];
  readonly errors: number;
  readonly warnings: number;
  readonly schedulerTickAgeMs: number | null;
  readonly version: string;
  readonly database: {
    readonly engine: string;
    readonly engineVersion: string;
    readonly schema: number;
    readonly bytes: number;
  };
}

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
        <Installation health={query.data} />
      </div>
    </>
  );
}

function Groups({ health }: { health: Health }) {
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

function Installation({ health }: { health: Health | undefined }) {
  const version = useQuery(versionQuery()).data;
  const slots = useQuery(projectsQuery()).data?.slots;
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
          [copy.health.slots, slots === undefined ? '–' : String(slots)],
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
