import { useQuery } from '@tanstack/react-query';
import { nowQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { useProject } from '../frame/search.ts';
import { useNow } from '../lib/clock.ts';
import { timeZone, today } from '../lib/format.ts';
import { PageTitle } from '../ui/card.tsx';
import { ExplainPanel } from './now/explain-panel.tsx';
import { LastDay } from './now/last-day.tsx';
import { NeedsYou } from './now/needs-you.tsx';
import { NextUp } from './now/next-up.tsx';
import { Running } from './now/running.tsx';

/** Is work flowing? If not, why, and what needs me? */
export function NowPage() {
  const project = useProject();
  const query = useQuery(nowQuery(project));
  const running = query.data?.running.length ?? 0;
  return (
    <>
      <Title />
      <ExplainPanel project={project} />
      <div className="columns mt-5">
        <div className="stack max-md:contents">
          {running > 0 ? <Running query={query} /> : null}
          <NextUp query={query} project={project} />
        </div>
        <div className="stack max-md:contents">
          <NeedsYou project={project} />
          <LastDay query={query} />
        </div>
      </div>
    </>
  );
}

function Title() {
  const now = useNow();
  return (
    <PageTitle
      title={copy.now.title}
      hint={
        <p>
          <time dateTime={new Date(now).toISOString()}>{today(now)}</time> · {copy.now.times(timeZone)}
        </p>
      }
    />
  );
}
