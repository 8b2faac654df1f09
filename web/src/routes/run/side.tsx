import { useQuery } from '@tanstack/react-query';
import type { RunningWire, RunWire, TaskDetailWire } from '../../../../src/http/contract.ts';
import { nowQuery, runQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { bytes, count, moneyOrDash, spent } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { type FactRows, Facts } from '../../ui/facts.tsx';
import { Ago } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';
import { Pace } from './pace.tsx';
import { GatesPassed, proofRows } from './proof.tsx';

export function Side({ run, task }: { run: RunWire; task: TaskDetailWire | null }) {
  const live = useQuery({ ...nowQuery(), enabled: run.status === 'running' }).data;
  const running = live?.running.find((each) => each.run.id === run.id) ?? null;
  return (
    <div className="stack">
      {run.status === 'running' && running !== null ? <Progress running={running} /> : null}
      <Usage run={run} task={task} />
      <GatesPassed run={run} />
    </div>
  );
}

/** Is it making progress? Facts of the event stream and the worktree, not a clock. */
function Progress({ running }: { running: RunningWire }) {
  const { lastOutputAt, lastTool, lastWords, logBytes, state, run, proof } = running;
  const turns = useQuery(runQuery(run.id)).data?.turns ?? null;
  const rows: FactRows = [
    [copy.run.lastOutput, lastOutputAt === null ? copy.now.noOutput : <Ago at={lastOutputAt} />],
    ...(lastTool === null
      ? []
      : [
          [
            copy.run.lastTool,
            <span
              key="tool"
              className="mono two-lines !whitespace-normal"
              title={lastTool.text.slice(0, 240)}
            >
              {lastTool.tool} {lastTool.text.slice(0, 120)}
            </span>,
          ] as const,
        ]),
    ...proofRows(proof),
    [copy.run.written, bytes(logBytes)],
    ...(turns === null ? [] : [[copy.run.turns, count(turns.count)] as const]),
  ];
  return (
    <Card title={copy.run.progress}>
      <div className="card-body grid gap-3">
        <p>
          <Chip state={state === 'stalled' ? 'needs_you' : 'running'}>{copy.run.progressState[state]}</Chip>
        </p>
        <Facts rows={rows} />
        {turns === null ? null : <Pace minutes={turns.minutes} />}
        {lastWords === null ? null : (
          <p className="two-lines text-sm text-ink-2">“{lastWords.slice(0, 240)}”</p>
        )}
        <p className="text-xs text-ink-3">{copy.run.progressHint}</p>
      </div>
    </Card>
  );
}

function Usage({ run, task }: { run: RunWire; task: TaskDetailWire | null }) {
  const { usage } = run;
  // Until the CLI has told, nothing is known; a zero would be a claim.
  const isTold = usage.inputTokens + usage.outputTokens + usage.turns > 0;
  return (
    <Card title={copy.nav.usage}>
      <div className="card-body">
        <Facts
          rows={[
            [copy.run.thisRun, moneyOrDash(usage.costUsd)],
            ...(task === null ? [] : [[copy.run.allRuns, spent(task)] as const]),
            ...(isTold
              ? ([
                  [copy.usage.input, count(usage.inputTokens)],
                  [copy.usage.cacheRead, count(usage.cacheReadTokens)],
                  [copy.usage.cacheWrite, count(usage.cacheWriteTokens)],
                  [copy.usage.output, count(usage.outputTokens)],
                  [copy.run.turns, count(usage.turns)],
                ] as const)
              : []),
          ]}
        />
        {isTold ? null : (
          <p className="mt-2 text-xs text-ink-3">
            {run.status === 'running' ? copy.run.toldLater : copy.run.notTold}
          </p>
        )}
      </div>
    </Card>
  );
}
