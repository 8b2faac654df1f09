import { useQuery } from '@tanstack/react-query';
import { CirclePause, CloudOff, RefreshCw, TriangleAlert } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { useAct } from '../api/actions.ts';
import { useConnection } from '../api/connection.ts';
import { explainQuery, statusQuery, versionQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { useNow } from '../lib/clock.ts';
import { hourAndMinute, plural, shortDuration } from '../lib/format.ts';
import { ActionButton, Button } from '../ui/button.tsx';
import { At } from '../ui/time.tsx';
import type { Tone } from '../ui/tone.tsx';
import { usePauses } from './pauses.ts';

/** What holds for every page: the server is gone, the scheduler stands still, dispatch is paused, news. */
export function Banners() {
  return (
    <section aria-label={copy.banner.label}>
      <OfflineBanner />
      <StaleBanner />
      <PauseBanners />
      <TroubleBanners />
      <VersionBanner />
    </section>
  );
}

function Banner({ tone, icon, children }: { tone: Tone; icon: ReactNode; children: ReactNode }) {
  return (
    <div className={`banner tone-${tone}`}>
      {icon}
      {children}
    </div>
  );
}

function OfflineBanner() {
  const { isReachable, heardAt } = useConnection();
  if (isReachable) return null;
  return (
    <Banner tone="failed" icon={<CloudOff aria-hidden="true" />}>
      <p role="alert">
        {heardAt === null ? copy.banner.offlineNever : copy.banner.offline(hourAndMinute(heardAt))}
      </p>
    </Banner>
  );
}

function StaleBanner() {
  const explain = useQuery(explainQuery()).data;
  const now = useNow();
  if (explain?.verdict !== 'unknown') return null;
  const tick = explain.schedulerTickAgeMs;
  const age = tick + Math.max(0, now - Date.parse(explain.generatedAt));
  return (
    <Banner tone="attention" icon={<TriangleAlert aria-hidden="true" />}>
      <p role="alert">{tick < 0 ? copy.banner.staleNever : copy.banner.stale(shortDuration(age))}</p>
      <p>
        {copy.banner.staleFix} <code>orch up</code>.
      </p>
    </Banner>
  );
}

function PauseBanners() {
  const pauses = usePauses();
  const resume = useAct('resume');
  return pauses.map(({ scope, id, by, note, until }) => (
    <Banner key={`${scope}:${id}`} tone="attention" icon={<CirclePause aria-hidden="true" />}>
      <p>
        {scope === 'all' ? copy.banner.paused(by) : copy.banner.pausedPart(scope, id, by)}{' '}
        {note === '' ? null : <q>{note}</q>}{' '}
        {until === null ? (
          copy.banner.pausedForever
        ) : (
          <>
            {copy.banner.until} <At at={until} />.
          </>
        )}{' '}
        {copy.banner.pausedRuns}
      </p>
      <ActionButton
        isSmall
        action="resume"
        isPending={resume.isPending}
        onClick={() => resume.mutate({ scope, id })}
      >
        {copy.action.resume}
      </ActionButton>
    </Banner>
  ));
}

function TroubleBanners() {
  const status = useQuery(statusQuery()).data;
  const again = useAct('outbox/retry');
  if (status === undefined) return null;
  return (
    <>
      {status.configProblem === null ? null : (
        <Banner tone="attention" icon={<TriangleAlert aria-hidden="true" />}>
          <p>
            {copy.banner.config} {status.configProblem}
          </p>
        </Banner>
      )}
      {status.pipelineProblems.map(({ problem }) => (
        <Banner key={problem} tone="attention" icon={<TriangleAlert aria-hidden="true" />}>
          <p>
            {copy.banner.pipelines} {problem}
          </p>
        </Banner>
      ))}
      {status.outbox
        .filter(({ dead }) => dead > 0)
        .map(({ name, dead, error }) => (
          <Banner key={name} tone="attention" icon={<TriangleAlert aria-hidden="true" />}>
            <p>
              {copy.banner.outbox(plural(dead, 'message'), name)} {error}
            </p>
            <ActionButton
              isSmall
              action="outbox.retry"
              isPending={again.isPending}
              onClick={() => again.mutate({ destination: name })}
            >
              {copy.state.again}
            </ActionButton>
          </Banner>
        ))}
    </>
  );
}

/** The server was replaced under an open page: its build has another name than the one first seen. */
function VersionBanner() {
  const build = useQuery(versionQuery()).data?.page;
  const [first, setFirst] = useState<string | null>(null);
  useEffect(() => {
    if (build !== undefined) setFirst((known) => known ?? build);
  }, [build]);
  if (first === null || build === undefined || first === build) return null;
  return (
    <Banner tone="running" icon={<RefreshCw aria-hidden="true" />}>
      <p>{copy.banner.version}</p>
      <Button isSmall onClick={() => window.location.reload()}>
        {copy.banner.reload}
      </Button>
    </Banner>
  );
}
