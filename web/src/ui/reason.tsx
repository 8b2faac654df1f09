import {
  CircleHelp,
  CirclePause,
  Clock,
  GitMerge,
  HardDrive,
  KeyRound,
  Layers,
  Lock,
  type LucideIcon,
  OctagonX,
  Plug,
  RotateCcw,
  TriangleAlert,
  Wallet,
  Wrench,
  Zap,
} from 'lucide-react';
import type { HoldWire } from '../../../src/http/contract.ts';
import { copy } from '../copy.ts';
import { capital, hourAndMinute } from '../lib/format.ts';
import type { ReasonWire } from '../lib/needs-you.ts';
import { Chip } from './tone.tsx';

const ICONS: readonly [RegExp, LucideIcon][] = [
  [/^account\.limit/, Clock],
  [/^(account|agent)\./, KeyRound],
  [/^approval\./, Lock],
  [/^question\./, CircleHelp],
  [/^breaker\./, Zap],
  [/^budget\./, Wallet],
  [/^host\./, HardDrive],
  [/^(tracker|forge)\.unreachable/, Plug],
  [/^(forge|branch|lock)\./, GitMerge],
  [/^(cap|worker|project)\./, Layers],
  [/^retry\./, RotateCcw],
  [/^dispatch\./, CirclePause],
  [/^(gate|workspace)\./, Wrench],
  [/^(job|rounds|run)\./, OctagonX],
];

export function ReasonIcon({ code, state }: { code: string; state: HoldWire['state'] }) {
  const Icon =
    ICONS.find(([pattern]) => pattern.test(code))?.[1] ?? (state === 'needs_you' ? TriangleAlert : Clock);
  return <Icon size={20} aria-hidden="true" className="shrink-0 text-tone" />;
}

/** Failures are red, everything else that waits for a person amber, what clears by itself teal. */
export function toneOfReason(code: string, state: HoldWire['state']): 'failed' | 'attention' | 'waiting' {
  if (state === 'waiting') return 'waiting';
  return code.startsWith('job.failed') ? 'failed' : 'attention';
}

export function shortHold({ code, title }: { code: string; title: string }): string {
  // What it depends on is in the title, and is what one wants to know.
  return code === 'dependency.open' ? title : (copy.hold[code] ?? title);
}

/** A hold in a chip: its name, and when it clears. */
export function HoldChip({
  hold,
}: {
  hold: Pick<HoldWire, 'code' | 'title' | 'state' | 'clearsAt' | 'detail'>;
}) {
  const until = hold.clearsAt === null ? '' : `, ${hourAndMinute(Date.parse(hold.clearsAt))}`;
  const isPlace = hold.code === 'queue.position';
  return (
    <Chip
      state={isPlace ? 'queued' : hold.code === 'job.failed' ? 'failed' : hold.state}
      title={hold.detail === '' ? hold.title : `${hold.title}. ${hold.detail}`}
    >
      {isPlace ? hold.title : `${shortHold(hold)}${until}`}
    </Chip>
  );
}

/** A title in which the thing it speaks of stands in the type of keys and ids. */
export function Titled({ title, scope }: Pick<ReasonWire, 'title' | 'scope'>) {
  const text = capital(title);
  const at = scope.kind === 'account' ? text.indexOf(scope.id) : -1;
  if (at === -1 || scope.id === '') return text;
  return (
    <>
      {text.slice(0, at)}
      <span className="mono">{scope.id}</span>
      {text.slice(at + scope.id.length)}
    </>
  );
}
