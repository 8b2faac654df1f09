import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { RunningWire, RunWire, TaskDetailWire } from '../../../../src/http/contract.ts';
import { nowQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { bytes, count, money, moneyOrDash } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { Ago } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';
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

function Facts({ rows }: { rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Is it making progress? Facts of the event stream and the worktree, not a clock. */
function Progress({ running }: { running: RunningWire }) {
  const { lastOutputAt, lastTool, lastWords, logBytes, state, run, proof } = running;
  const rows: (readonly [string, ReactNode])[] = [
    [copy.run.lastOutput, lastOutputAt === null ? copy.now.noOutput : <Ago at={lastOutputAt} />],
    ...(lastTool === null
      ? []
      : [
          [
            copy.run.lastTool,
            <span key="tool" className="mono !whitespace-normal">
              {lastTool.tool} {lastTool.text.slice(0, 120)}
            </span>,
          ] as const,
        ]),
    ...proofRows(proof),
    [copy.run.written, bytes(logBytes)],
    ...(run.usage.turns === 0 ? [] : [[copy.run.turns, count(run.usage.turns)] as const]),
  ];
  return (
    <Card title={copy.run.progress}>
      <div className="card-body grid gap-3">
        <p>
          <Chip state={state === 'stalled' ? 'needs_you' : 'running'}>{copy.run.progressState[state]}</Chip>
        </p>
        <Facts rows={rows} />
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
  return (
    <Card title={copy.nav.usage}>
      <div className="card-body">
        <Facts
          rows={[
            [copy.run.thisRun, moneyOrDash(usage.costUsd)],
            ...(task === null
              ? []
              : [
                  [
                    copy.run.allRuns,
                    `${money(task.costUsd)}${task.unknownCosts > 0 ? ` + ${copy.task.unknown}` : ''}`,
                  ] as const,
                ]),
            [copy.usage.input, count(usage.inputTokens)],
            [copy.usage.cacheRead, count(usage.cacheReadTokens)],
            [copy.usage.cacheWrite, count(usage.cacheWriteTokens)],
            [copy.usage.output, count(usage.outputTokens)],
            [copy.run.turns, count(usage.turns)],
          ]}
        />
      </div>
    </Card>
  );
}
