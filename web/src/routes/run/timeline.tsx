import type { JobWire, RunWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { useNow } from '../../lib/clock.ts';
import { absolute, duration, hourAndMinute, hourMinuteAndSecond } from '../../lib/format.ts';
import { SHORT_MS, ticksOf } from '../../lib/ticks.ts';
import { Card } from '../../ui/card.tsx';
import { At } from '../../ui/time.tsx';
import type { Tone } from '../../ui/tone.tsx';

interface Segment {
  readonly from: number;
  readonly to: number;
  readonly tone: Tone;
  readonly isHeld: boolean;
  readonly label: string;
}

/** One row per attempt: how long it was held, and how long the agent worked. */
export function Timeline({
  job,
  runs,
  current,
}: {
  job: JobWire;
  runs: readonly RunWire[];
  current: string;
}) {
  const now = useNow();
  const rows = rowsOf(job, runs, now);
  const first = Date.parse(job.createdAt);
  const last = Math.max(...rows.flatMap(({ segments }) => segments.map(({ to }) => to)), first + 1000);
  const span = last - first;
  const place = (at: number) => `${((at - first) / span) * 100}%`;
  return (
    <Card
      title={copy.run.timeline}
      hint={
        <>
          <At at={job.createdAt} /> {copy.run.to} {absolute(last, now)}
        </>
      }
      extra={
        <ul className="flex flex-wrap gap-3 text-xs text-ink-2 max-md:hidden" aria-hidden="true">
          {LEGEND.map(([tone, word]) => (
            <li key={word} className={`tone-${tone} flex items-center gap-1.5`}>
              <i className="size-[9px] rounded-[2px] bg-tone" />
              {word}
            </li>
          ))}
        </ul>
      }
    >
      <div className="px-4 pt-3 pb-2">
        {rows.map(({ run, segments }) => (
          <div key={run?.id ?? 'next'} className="gantt-row" data-current={run?.id === current}>
            <span className="num text-xs text-ink-2">
              {run === null ? copy.run.nextAttempt : `${copy.run.attempt} ${run.attempt}`}
            </span>
            <div className="gantt-track">
              {segments.map(({ from, to, tone, isHeld, label }) => (
                <i
                  key={`${from}`}
                  className={`gantt-bar tone-${tone}`}
                  data-held={isHeld}
                  title={`${label}, ${duration(to - from)}`}
                  style={{ left: place(from), width: `max(3px, ${((to - from) / span) * 100}%)` }}
                >
                  <em>{label}</em>
                  <span className="sr-only">, {duration(to - from)}</span>
                </i>
              ))}
            </div>
          </div>
        ))}
        <div className="gantt-row" aria-hidden="true">
          <span />
          <div className="gantt-track num text-xs text-ink-3">
            {ticksOf(first, last).map((at) => (
              <span
                key={at}
                className="absolute -translate-x-1/2 whitespace-nowrap"
                style={{ left: `clamp(28px, ${place(at)}, calc(100% - 28px))` }}
              >
                {span < SHORT_MS ? hourMinuteAndSecond(at) : hourAndMinute(at)}
              </span>
            ))}
          </div>
        </div>
      </div>
    </Card>
  );
}

const LEGEND: readonly (readonly [Tone, string])[] = [
  ['waiting', copy.run.held],
  ['done', copy.run.passed],
  ['failed', copy.run.failed],
  ['running', copy.run.running],
];

function rowsOf(job: JobWire, runs: readonly RunWire[], now: number) {
  let free = Date.parse(job.createdAt);
  const rows: { run: RunWire | null; segments: Segment[] }[] = [];
  const sorted = runs.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
  for (const run of sorted) {
    const from = Date.parse(run.startedAt);
    const to = run.finishedAt === null ? now : Date.parse(run.finishedAt);
    rows.push({
      run,
      segments: [
        ...(from - free > 500 ? [held(free, from, copy.run.waited)] : []),
        {
          from,
          to,
          tone: run.status === 'running' ? 'running' : run.verdict === 'success' ? 'done' : 'failed',
          isHeld: false,
          label:
            run.status === 'running'
              ? copy.run.agent
              : `${copy.run.agent} · ${copy.run.verdict[run.verdict ?? ''] ?? ''}`,
        },
      ],
    });
    free = to;
  }
  // What holds the next attempt is known: the dispatcher says it.
  if (job.status === 'queued' && job.hold !== null)
    rows.push({
      run: null,
      segments: [held(free, Math.max(now, free + 1000), copy.hold[job.hold.code] ?? job.hold.title)],
    });
  return rows;
}

function held(from: number, to: number, label: string): Segment {
  return { from, to, tone: 'waiting', isHeld: true, label };
}
