import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CirclePause,
  CircleSlash,
  Clock,
  LoaderCircle,
  type LucideIcon,
  OctagonX,
  TriangleAlert,
} from 'lucide-react';
import type { ReactNode } from 'react';

export type Tone = 'queued' | 'running' | 'waiting' | 'attention' | 'failed' | 'done';

/** The states of the house, each with its own shape: colour alone never tells one from another. */
export type StateName =
  | 'queued'
  | 'waiting'
  | 'needs_you'
  | 'running'
  | 'failed'
  | 'done'
  | 'cancelled'
  | 'paused'
  | 'unknown';

const SHAPES: Readonly<Record<StateName, { tone: Tone; icon: LucideIcon; word: string }>> = {
  queued: { tone: 'queued', icon: CircleDashed, word: 'Queued' },
  waiting: { tone: 'waiting', icon: Clock, word: 'Waiting' },
  needs_you: { tone: 'attention', icon: TriangleAlert, word: 'Needs you' },
  running: { tone: 'running', icon: LoaderCircle, word: 'Running' },
  failed: { tone: 'failed', icon: OctagonX, word: 'Failed' },
  done: { tone: 'done', icon: CircleCheck, word: 'Done' },
  cancelled: { tone: 'queued', icon: CircleSlash, word: 'Cancelled' },
  paused: { tone: 'queued', icon: CirclePause, word: 'Paused' },
  unknown: { tone: 'queued', icon: CircleAlert, word: 'Unknown' },
};

export function toneOf(state: StateName): Tone {
  return SHAPES[state].tone;
}

export function wordOf(state: StateName): string {
  return SHAPES[state].word;
}

export function StateIcon({ state, size = 16 }: { state: StateName; size?: number }) {
  const Icon = SHAPES[state].icon;
  return (
    <Icon
      size={size}
      aria-hidden="true"
      className={state === 'running' ? 'spin shrink-0 text-tone' : 'shrink-0 text-tone'}
    />
  );
}

/** Icon, word and colour of a state; `children` say more than the word alone. */
export function Chip({
  state,
  children,
  title,
}: {
  state: StateName;
  children?: ReactNode;
  title?: string | undefined;
}) {
  return (
    <span className={`chip tone-${SHAPES[state].tone}`} title={title}>
      <StateIcon state={state} size={14} />
      <span className="min-w-0 overflow-hidden text-ellipsis">{children ?? SHAPES[state].word}</span>
    </span>
  );
}
