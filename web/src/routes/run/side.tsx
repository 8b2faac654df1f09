import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { RunWire, TaskDetailWire } from '../../../../src/http/contract.ts';
import { nowQuery, type ProgressWire } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { count, money, moneyOrDash, plural } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { Ago } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';

export function Side({ run, task }: { run: RunWire; task: TaskDetailWire | null }) {
  const live = useQuery({ ...nowQuery(), enabled: run.status === 'running' }).data;
  const progress = live?.running.find((each) => each.run.id === run.id)?.progress ?? null;
  return (
    <div className="stack">
      {run.status === 'running' && progress !== null ? <Progress progress={progress} run={run} /> : null}
      <Usage run={run} task={task} />
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
function Progress({ progress, run }: { progress: ProgressWire; run: RunWire }) {
  const { lastOutputAt, lastTool, commits, added, removed, files, state } = progress;
  const rows: (readonly [string, ReactNode])[] = [
    [copy.run.lastOutput, lastOutputAt === null ? copy.now.noOutput : <Ago at={lastOutputAt} />],
    ...(lastTool === null
      ? []
      : [
          [
            copy.run.lastTool,
            <>
              <span className="mono !whitespace-normal">
                {lastTool.name} {lastTool.detail.slice(0, 80)}
              </span>
              {lastTool.at === null ? null : (
                <>
                  , <Ago at={lastTool.at} />
                </>
              )}
            </>,
          ] as const,
        ]),
    ...(commits === null ? [] : [[copy.run.commits, count(commits)] as const]),
    ...(added === null || removed === null
      ? []
      : [
          [
            copy.run.worktree,
            <>
              <span className="text-done-ink">+{count(added)}</span>{' '}
              <span className="text-failed-ink">−{count(removed)}</span>
              {files === null ? '' : ` in ${plural(files, 'file')}`}
            </>,
          ] as const,
        ]),
    [copy.run.turns, count(run.usage.turns)],
  ];
  return (
    <Card title={copy.run.progress}>
      <div className="card-body grid gap-3">
        <p>
          <Chip state={state === 'stalled' ? 'needs_you' : 'running'}>{copy.run.progressState[state]}</Chip>
        </p>
        <Facts rows={rows} />
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
