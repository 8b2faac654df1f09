import { Link } from '@tanstack/react-router';
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
import { useAccountAct, useAct, useUpkeep } from '../api/actions.ts';
import { copy } from '../copy.ts';
import { useDialogs } from '../frame/dialogs.tsx';
import { capital, hourAndMinute } from '../lib/format.ts';
import type { ReasonWire } from '../lib/needs-you.ts';
import { ActionButton, Button, buttonClass } from './button.tsx';
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

/** What can be done about a reason, the first as the main one. */
export function ReasonActions({
  reason,
  isSmall = false,
  isOne = false,
}: {
  reason: ReasonWire;
  isSmall?: boolean;
  /** Only the main one. */
  isOne?: boolean;
}) {
  const dialogs = useDialogs();
  const resume = useAct('resume');
  const retry = useAct('retry');
  const outbox = useAct('outbox/retry');
  const check = useAccountAct('check');
  const trust = useAccountAct('trust');
  const lastGood = useAccountAct('use-last-good');
  const upkeep = useUpkeep();
  const { code, scope } = reason;
  const look = isSmall ? 'plain' : 'primary';
  const command = reason.actions.find((each) => each.cli !== undefined)?.cli;
  const checkButton =
    scope.kind === 'account' ? (
      <ActionButton
        key="check"
        action="account.check"
        isSmall={isSmall}
        isPending={check.isPending}
        onClick={() => check.mutate(scope.id)}
      >
        {code.startsWith('breaker.') ? copy.action.probe : copy.action.check}
      </ActionButton>
    ) : null;
  const open = (label: string) =>
    scope.kind === 'task' ? (
      <Link key="open" to="/tasks/$key" params={{ key: scope.id }} className={buttonClass(look, isSmall)}>
        {label}
      </Link>
    ) : scope.kind === 'job' && !scope.label.startsWith('job_') ? (
      <Link
        key="open"
        to="/tasks/$key"
        params={{ key: scope.label }}
        className={buttonClass('plain', isSmall)}
      >
        {label}
      </Link>
    ) : null;
  const buttons = (() => {
    if (code === 'account.signed_out' || code === 'account.expiring')
      return [
        <Button
          key="steps"
          look={look}
          isSmall={isSmall}
          onClick={() => dialogs.open({ kind: 'sign-in', account: scope.id })}
        >
          {isSmall ? copy.action.steps : copy.action.signin}
        </Button>,
        checkButton,
      ];
    if (code === 'approval.pending' && scope.kind === 'job')
      return [
        <Link
          key="review"
          to="/approvals/$id"
          params={{ id: `job_${scope.id}` }}
          className={buttonClass(look, isSmall)}
        >
          {copy.action.review}
        </Link>,
      ];
    if (code === 'question.pending')
      return [
        <ActionButton
          key="answer"
          action="answer"
          look={look}
          isSmall={isSmall}
          onClick={() =>
            dialogs.open({
              kind: 'answer',
              target: scope.kind === 'job' ? scope.label : scope.id,
              question: reason.detail,
            })
          }
        >
          {copy.action.answer}
        </ActionButton>,
        open(copy.action.open),
      ];
    if (code === 'dispatch.paused' && isPauseScope(scope.kind)) {
      const kind = scope.kind;
      return [
        <ActionButton
          key="resume"
          action="resume"
          look={look}
          isSmall={isSmall}
          isPending={resume.isPending}
          onClick={() => resume.mutate({ scope: kind, id: scope.id })}
        >
          {copy.action.resume}
        </ActionButton>,
      ];
    }
    if (code === 'retry.backoff')
      return [
        <ActionButton
          key="now"
          action="retry"
          isSmall={isSmall}
          isPending={retry.isPending}
          onClick={() => retry.mutate({ target: `job_${scope.id}` })}
        >
          {copy.action.retryNow}
        </ActionButton>,
        open(copy.action.open),
      ];
    if (/^(tracker|forge)\.unreachable$/.test(code))
      return [
        <ActionButton
          key="again"
          action="outbox.retry"
          isSmall={isSmall}
          isPending={outbox.isPending}
          onClick={() => outbox.mutate({ destination: `${code.split('.')[0]}:${scope.id}` })}
        >
          {copy.action.check}
        </ActionButton>,
      ];
    if (code === 'intake.pending')
      return [
        <ActionButton
          key="let-in"
          action="intake.accept"
          look={look}
          isSmall={isSmall}
          onClick={() => dialogs.open({ kind: 'intake', project: scope.id })}
        >
          {copy.action.letIn}
        </ActionButton>,
      ];
    if (code === 'agent.unproven_version' && scope.kind === 'account')
      return [
        <ActionButton
          key="trust"
          action="account.trust"
          look={look}
          isSmall={isSmall}
          isPending={trust.isPending}
          onClick={() => trust.mutate(scope.id)}
        >
          {copy.action.trust}
        </ActionButton>,
        <ActionButton
          key="last-good"
          action="account.use_last_good"
          isSmall={isSmall}
          isPending={lastGood.isPending}
          onClick={() => lastGood.mutate(scope.id)}
        >
          {copy.action.lastGood}
        </ActionButton>,
      ];
    if (code === 'budget.reached' && scope.kind === 'project')
      return [
        <Link key="budgets" to="/usage" search={{ project: scope.id }} className={buttonClass(look, isSmall)}>
          {copy.action.budgets}
        </Link>,
      ];
    if (code === 'budget.reached' && scope.kind === 'job')
      return [
        <ActionButton
          key="go-on"
          action="retry"
          look={look}
          isSmall={isSmall}
          isPending={retry.isPending}
          onClick={() => retry.mutate({ target: `job_${scope.id}` })}
        >
          {copy.action.letGoOn}
        </ActionButton>,
        open(copy.action.open),
      ];
    if (code === 'host.disk')
      return [
        <ActionButton
          key="clean-up"
          action="upkeep"
          look={look}
          isSmall={isSmall}
          isPending={upkeep.isPending}
          onClick={() => upkeep.mutate()}
        >
          {copy.action.cleanUp}
        </ActionButton>,
      ];
    if (scope.kind === 'task') return [open(copy.action.decide)];
    if (checkButton !== null) return [checkButton];
    return [
      open(copy.action.open),
      command === undefined ? null : (
        <Button
          key="command"
          isSmall={isSmall}
          onClick={() =>
            dialogs.open({ kind: 'command', title: reason.title, command, detail: reason.clearsWhen })
          }
        >
          {copy.action.showCommand}
        </Button>
      ),
    ];
  })().filter((button) => button !== null);
  return isOne ? (buttons[0] ?? null) : buttons;
}

function isPauseScope(kind: string): kind is 'all' | 'project' | 'account' {
  return kind === 'all' || kind === 'project' || kind === 'account';
}
