import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { NowWire, RunningWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { useDialogs } from '../../frame/dialogs.tsx';
import { bytes, money, plural, sentence } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { Changed } from '../../ui/changed.tsx';
import { Loaded } from '../../ui/states.tsx';
import { Ago, Since } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';

/** The live runs, each with what shows that it works: a running clock alone proves nothing. */
export function Running({ query }: { query: UseQueryResult<NowWire> }) {
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

function RunRow(running: RunningWire) {
  const dialogs = useDialogs();
  const { run, job, title } = running;
  return (
    <li data-row className="tone-running grid gap-1 border-b border-line px-4 py-3 last:border-b-0">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Link to="/runs/$id" params={{ id: run.id }} className="mono text-sm">
          {job.task ?? job.id}
        </Link>
        <span className="two-lines min-w-0 flex-1 basis-40">{title ?? job.agent}</span>
        <RunChip running={running} />
      </div>
      <p className="dotted text-sm text-ink-2">
        <span>{sentence(job.stage ?? job.agent ?? '')}</span>
        <span className="mono">{run.account ?? copy.now.thisMachine}</span>
        {run.model === null ? null : <span className="mono">{run.model}</span>}
        <span className="num">
          {copy.now.attempt} {run.attempt} {copy.now.of} {job.maxAttempts}
        </span>
        {run.usage.costUsd === null ? null : <span className="num">{money(run.usage.costUsd)}</span>}
      </p>
      <Proof running={running} />
      <button
        type="button"
        hidden
        data-action="cancel"
        onClick={() => dialogs.open({ kind: 'cancel', targets: [job.id], isRun: true })}
      />
    </li>
  );
}

export function RunChip({ running, isShort = false }: { running: RunningWire; isShort?: boolean }) {
  const { run, state, lastOutputAt } = running;
  if (state === 'stalled')
    return (
      <Chip state="needs_you">
        {copy.now.stalled} <Since at={lastOutputAt ?? run.startedAt} />
      </Chip>
    );
  return (
    <Chip state="running">
      <Since at={run.startedAt} isWhole={state === 'running' && !isShort} />
      {state === 'quiet' && lastOutputAt !== null ? (
        <>
          {' '}
          · {copy.now.quiet} <Since at={lastOutputAt} />
        </>
      ) : null}
    </Chip>
  );
}

/** Last output, last tool call, last words: what shows that an agent works, or that it does not. */
export function Proof({ running, isShort = false }: { running: RunningWire; isShort?: boolean }) {
  const { lastOutputAt, lastTool, lastWords, logBytes, state, proof } = running;
  return (
    <div
      className={`grid grid-cols-[minmax(0,1fr)] gap-0.5 text-xs wrap-anywhere ${state === 'running' ? 'text-ink-3' : 'text-attention-ink'}`}
    >
      <p className="dotted">
        <span>
          {lastOutputAt === null ? (
            copy.now.noOutput
          ) : (
            <>
              {copy.now.output} <Ago at={lastOutputAt} />
            </>
          )}
        </span>
        {proof?.commits == null || proof.commits === 0 ? null : (
          <span className="num">{plural(proof.commits, 'commit')}</span>
        )}
        {proof?.change == null || proof.change.files === 0 ? null : <Changed {...proof.change} />}
        {lastTool === null || isShort ? null : (
          <span className="mono !whitespace-normal">
            {lastTool.tool} {lastTool.text.slice(0, 80)}
          </span>
        )}
        {isShort ? null : <span className="num whitespace-nowrap">{copy.now.log(bytes(logBytes))}</span>}
      </p>
      {lastTool === null || !isShort ? null : (
        <p className="mono ell" title={lastTool.text.slice(0, 240)}>
          {lastTool.tool} {lastTool.text.slice(0, 80)}
        </p>
      )}
      {isShort || lastWords === null ? null : <p className="two-lines">“{lastWords.slice(0, 240)}”</p>}
    </div>
  );
}
