import { AnswerDialog } from './dialogs/answer.tsx';
import { CancelDialog } from './dialogs/cancel.tsx';
import { IntakeDialog } from './dialogs/intake.tsx';
import { MoveDialog } from './dialogs/move.tsx';
import { PaletteDialog } from './dialogs/palette.tsx';
import { PauseDialog } from './dialogs/pause.tsx';
import { CommandDialog, MoreDialog, ShortcutsDialog } from './dialogs/plain.tsx';
import { PriorityDialog } from './dialogs/priority.tsx';
import { RetryDialog } from './dialogs/retry.tsx';
import { SignInDialog } from './dialogs/sign-in.tsx';
import { SubmitDialog } from './dialogs/submit.tsx';
import type { DialogRequest } from './dialogs.tsx';

export function DialogOf({ request, onClose }: { request: DialogRequest; onClose: () => void }) {
  switch (request.kind) {
    case 'retry':
      return <RetryDialog {...request} onClose={onClose} />;
    case 'cancel':
      return <CancelDialog {...request} onClose={onClose} />;
    case 'priority':
      return <PriorityDialog {...request} onClose={onClose} />;
    case 'move':
      return <MoveDialog {...request} onClose={onClose} />;
    case 'answer':
      return <AnswerDialog {...request} onClose={onClose} />;
    case 'pause':
      return <PauseDialog onClose={onClose} />;
    case 'submit':
      return <SubmitDialog onClose={onClose} />;
    case 'sign-in':
      return <SignInDialog {...request} onClose={onClose} />;
    case 'intake':
      return <IntakeDialog {...request} onClose={onClose} />;
    case 'command':
      return <CommandDialog {...request} onClose={onClose} />;
    case 'shortcuts':
      return <ShortcutsDialog onClose={onClose} />;
    case 'more':
      return <MoreDialog onClose={onClose} />;
    case 'palette':
      return <PaletteDialog onClose={onClose} />;
  }
}
