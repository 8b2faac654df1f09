import { RotateCcw, X } from 'lucide-react';
import type { ComponentProps } from 'react';
import { copy } from '../copy.ts';
import { ActionButton } from '../ui/button.tsx';
import { useDialogs } from './dialogs.tsx';

type Rest = Pick<ComponentProps<typeof ActionButton>, 'whyNot' | 'isSmall'> & {
  targets: readonly string[];
  /** Whether `r` and `c` press it: it is about the page as a whole. */
  isOfPage?: boolean;
};

export function RetryButton({ targets, isOfPage = false, ...rest }: Rest) {
  const dialogs = useDialogs();
  return (
    <ActionButton
      {...rest}
      action="retry"
      data-page-action={isOfPage ? 'retry' : undefined}
      onClick={() => dialogs.open({ kind: 'retry', targets })}
    >
      <RotateCcw aria-hidden="true" />
      {copy.action.retry}
    </ActionButton>
  );
}

export function CancelButton({
  targets,
  isOfPage = false,
  isRun = false,
  ...rest
}: Rest & { isRun?: boolean }) {
  const dialogs = useDialogs();
  return (
    <ActionButton
      {...rest}
      action="cancel"
      look="danger"
      data-page-action={isOfPage ? 'cancel' : undefined}
      onClick={() => dialogs.open({ kind: 'cancel', targets, isRun })}
    >
      <X aria-hidden="true" />
      {isRun ? copy.run.cancel : copy.action.cancel}
    </ActionButton>
  );
}
