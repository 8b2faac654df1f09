import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAccountAct, useAct, useUpkeep } from '../api/actions.ts';
import type { Action } from '../api/session.ts';
import { copy } from '../copy.ts';
import { useDialogs } from '../frame/dialogs.tsx';
import type { ReasonWire } from '../lib/needs-you.ts';
import { ActionButton, Button, buttonClass } from './button.tsx';

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
  const buttons = useButtons(reason, isSmall).filter((button) => button !== null);
  return isOne ? (buttons[0] ?? null) : buttons;
}

function useButtons(reason: ReasonWire, isSmall: boolean): readonly ReactNode[] {
  const { open } = useDialogs();
  const resume = useAct('resume');
  const retry = useAct('retry');
  const outbox = useAct('outbox/retry');
  const check = useAccountAct('check');
  const trust = useAccountAct('trust');
  const lastGood = useAccountAct('use-last-good');
  const upkeep = useUpkeep();
  const { code, scope } = reason;
  const main = isSmall ? 'plain' : 'primary';
  const press = (
    action: Action,
    label: string,
    onClick: () => void,
    { isPending = false, look = main }: { isPending?: boolean; look?: 'plain' | 'primary' } = {},
  ) => (
    <ActionButton
      key={label}
      action={action}
      look={look}
      isSmall={isSmall}
      isPending={isPending}
      onClick={onClick}
    >
      {label}
    </ActionButton>
  );
  const aside = ({ isPending }: { readonly isPending: boolean }) => ({ isPending, look: 'plain' }) as const;
  const toTask = (key: string, label: string, look: 'plain' | 'primary') => (
    <Link key="open" to="/tasks/$key" params={{ key }} className={buttonClass(look, isSmall)}>
      {label}
    </Link>
  );
  const opened =
    scope.kind === 'task'
      ? toTask(scope.id, copy.action.open, main)
      : scope.kind === 'job' && !scope.label.startsWith('job_')
        ? toTask(scope.label, copy.action.open, 'plain')
        : null;
  const checked =
    scope.kind === 'account'
      ? press(
          'account.check',
          code.startsWith('breaker.') ? copy.action.probe : copy.action.check,
          () => check.mutate(scope.id),
          aside(check),
        )
      : null;

  switch (code) {
    case 'account.signed_out':
    case 'account.expiring':
      return [
        <Button
          key="steps"
          look={main}
          isSmall={isSmall}
          onClick={() => open({ kind: 'sign-in', account: scope.id })}
        >
          {isSmall ? copy.action.steps : copy.action.signin}
        </Button>,
        checked,
      ];
    case 'agent.unproven_version':
      return [
        press('account.trust', copy.action.trust, () => trust.mutate(scope.id), trust),
        press(
          'account.use_last_good',
          copy.action.lastGood,
          () => lastGood.mutate(scope.id),
          aside(lastGood),
        ),
      ];
    case 'approval.pending':
      if (scope.kind !== 'job') break;
      return [
        <Link
          key="review"
          to="/approvals/$id"
          params={{ id: `job_${scope.id}` }}
          className={buttonClass(main, isSmall)}
        >
          {copy.action.review}
        </Link>,
      ];
    case 'question.pending': {
      const target = scope.kind === 'job' ? scope.label : scope.id;
      const ask = () => open({ kind: 'answer', target, question: reason.detail });
      return [press('answer', copy.action.answer, ask), opened];
    }
    case 'dispatch.paused': {
      if (!isPauseScope(scope.kind)) break;
      const paused = { scope: scope.kind, id: scope.id };
      return [press('resume', copy.action.resume, () => resume.mutate(paused), resume)];
    }
    case 'retry.backoff':
    case 'budget.reached': {
      if (scope.kind === 'project')
        return [
          <Link key="usage" to="/usage" search={{ project: scope.id }} className={buttonClass(main, isSmall)}>
            {copy.action.budgets}
          </Link>,
        ];
      if (scope.kind !== 'job') break;
      const again = () => retry.mutate({ target: `job_${scope.id}` });
      return code === 'retry.backoff'
        ? [press('retry', copy.action.retryNow, again, aside(retry)), opened]
        : [press('retry', copy.action.letGoOn, again, retry), opened];
    }
    case 'tracker.unreachable':
    case 'forge.unreachable': {
      const destination = `${code === 'forge.unreachable' ? 'forge' : 'tracker'}:${scope.id}`;
      return [press('outbox.retry', copy.action.check, () => outbox.mutate({ destination }), aside(outbox))];
    }
    case 'intake.pending':
      return [press('intake.accept', copy.action.letIn, () => open({ kind: 'intake', project: scope.id }))];
    case 'host.disk':
      return [press('upkeep', copy.action.cleanUp, () => upkeep.mutate(), upkeep)];
  }
  if (scope.kind === 'task') return [toTask(scope.id, copy.action.decide, main)];
  if (checked !== null) return [checked];
  const command = reason.actions.find((each) => each.cli !== undefined)?.cli;
  return [
    opened,
    command === undefined ? null : (
      <Button
        key="command"
        isSmall={isSmall}
        onClick={() => open({ kind: 'command', title: reason.title, command, detail: reason.clearsWhen })}
      >
        {copy.action.showCommand}
      </Button>
    ),
  ];
}

function isPauseScope(kind: string): kind is 'all' | 'project' | 'account' {
  return kind === 'all' || kind === 'project' || kind === 'account';
}
