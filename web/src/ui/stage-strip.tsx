import { Lock } from 'lucide-react';
import { copy } from '../copy.ts';
import { sentence, shortDuration } from '../lib/format.ts';
import { Lasted } from './time.tsx';
import { StateIcon, type StateName, toneOf, wordOf } from './tone.tsx';

export interface StageShown {
  readonly stage: string;
  readonly state: StateName;
  readonly isCurrent: boolean;
  readonly needsApproval: boolean;
  readonly from: string | null;
  readonly to: string | null;
  /** How long a run of it mostly takes; null = not known. */
  readonly usualMs: number | null;
}

/** The stages a task walks, left to right. */
export function StageStrip({ stages }: { stages: readonly StageShown[] }) {
  return (
    <ol className="stage-strip" aria-label={copy.task.stages}>
      {stages.map(({ stage, state, isCurrent, needsApproval, from, to, usualMs }) => (
        <li
          key={stage}
          className={`tone-${needsApproval && state === 'queued' ? 'attention' : toneOf(state)}`}
          data-state={state}
          {...(isCurrent ? { 'aria-current': 'step' as const } : {})}
        >
          {needsApproval && state === 'queued' ? (
            <Lock size={16} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
          ) : (
            <span className="mt-0.5 flex">
              <StateIcon state={state} />
            </span>
          )}
          <div className="min-w-0">
            <b>{sentence(stage)}</b>
            <small>
              {from !== null && (state === 'done' || state === 'running') ? (
                <>
                  <Lasted from={from} to={to} />
                  {state === 'running' && usualMs !== null ? `, ${usually(usualMs)}` : null}
                </>
              ) : needsApproval && state === 'queued' ? (
                copy.task.needsApproval
              ) : state === 'queued' && !isCurrent ? (
                usualMs === null ? (
                  copy.task.notYet
                ) : (
                  usually(usualMs)
                )
              ) : (
                wordOf(state)
              )}
            </small>
          </div>
        </li>
      ))}
    </ol>
  );
}

function usually(ms: number): string {
  return copy.task.usually(shortDuration(ms));
}
