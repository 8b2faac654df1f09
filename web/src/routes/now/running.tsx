import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { NowData, ProgressWire, RunningWire } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { moneyOrDash, plural, sentence } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { Loaded } from '../../ui/states.tsx';
import { Ago, Since } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';

/** The live runs, each with what shows that it works: a running clock alone proves nothing. */
export function Running({ query }: { query: UseQueryResult<NowData> }) {
  return (
    <Card title={copy.now.running} hint={query.data?.running.length} className="max-md:order-2">
      <Loaded query={query} what={copy.now.running}>
        {({ running }) => (
          <ul>
            {running.map((each) => (
              <RunRow key={each.run.id} {...each} />
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
}

function RunRow({ run, job, title, progress }: RunningWire) {
  return (
    <li data-row className="tone-running grid gap-1 border-b border-line px-4 py-3 last:border-b-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Link to="/runs/$id" params={{ id: run.id }} className="mono text-sm">
          {job.task ?? job.id}
        </Link>
        <span className="two-lines min-w-0 flex-1 basis-40">{title ?? job.agent}</span>
        <RunChip startedAt={run.startedAt} progress={progress} />
      </div>
      <p className="flex flex-wrap gap-x-3 text-sm text-ink-2">
        <span>{sentence(job.stage ?? job.agent ?? '')}</span>
        <span className="mono">{run.account ?? copy.now.thisMachine}</span>
        <span>
          {copy.now.attempt} {run.attempt}
        </span>
        <span className="num">{moneyOrDash(run.usage.costUsd)}</span>
      </p>
      <Proof progress={progress} />
    </li>
  );
}

export function RunChip({ startedAt, progress }: { startedAt: string; progress: ProgressWire }) {
  const { state, lastOutputAt } = progress;
  if (state === 'stalled')
    return (
      <Chip state="needs_you">
        {copy.now.stalled} {lastOutputAt === null ? null : <Since at={lastOutputAt} />}
      </Chip>
    );
  return (
    <Chip state="running">
      <Since at={startedAt} isWhole={state === 'working'} />
      {state === 'quiet' && lastOutputAt !== null ? (
        <>
          {' '}
          · {copy.now.quiet} <Since at={lastOutputAt} />
        </>
      ) : null}
    </Chip>
  );
}

/** Last output, last tool call, commits, lines: one line, with what is known. */
export function Proof({ progress }: { progress: ProgressWire }) {
  const { lastOutputAt, lastTool, commits, added, removed, files } = progress;
  const parts = [
    lastOutputAt === null ? (
      <span key="output">{copy.now.noOutput}</span>
    ) : (
      <span key="output">
        {copy.now.output} <Ago at={lastOutputAt} />
      </span>
    ),
    lastTool === null ? null : (
      <span key="tool" className="min-w-0">
        <span className="mono text-ink-2">
          {lastTool.name}
          {lastTool.detail === '' ? '' : ` ${lastTool.detail.slice(0, 60)}`}
        </span>
        {lastTool.at === null ? null : (
          <>
            {' '}
            <Ago at={lastTool.at} />
          </>
        )}
      </span>
    ),
    commits === null ? null : <span key="commits">{plural(commits, 'commit')}</span>,
    added === null || removed === null ? null : (
      <span key="lines" className="num">
        <span className="text-done-ink">+{added}</span> <span className="text-failed-ink">−{removed}</span>
        {files === null ? '' : ` in ${plural(files, 'file')}`}
      </span>
    ),
  ].filter((part) => part !== null);
  return (
    <p
      className={`flex flex-wrap gap-x-3 text-xs wrap-anywhere ${progress.state === 'working' ? 'text-ink-3' : 'text-attention-ink'}`}
    >
      {parts}
    </p>
  );
}
