import { useState } from 'react';
import { copy } from '../../copy.ts';
import { plural } from '../../lib/format.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { toast } from '../../ui/toast.tsx';
import { Outcomes, useBulk } from './bulk.tsx';
import { Foot, Tick } from './parts.tsx';

/** Says what stops, what stays, and how hard. */
export function CancelDialog({
  targets,
  isRun = false,
  onClose,
}: {
  targets: readonly string[];
  isRun?: boolean;
  onClose: () => void;
}) {
  const [isNow, setNow] = useState(false);
  const bulk = useBulk('cancel');
  const submit = async () => {
    if (bulk.isPending) return;
    if (!(await bulk.run(targets, { now: isNow }, copy.cancel.done))) return;
    toast({ text: copy.cancel.done });
    onClose();
  };
  const name = targets.length === 1 ? (targets[0] ?? '') : plural(targets.length, 'job');
  return (
    <Dialog
      title={copy.cancel.title(name)}
      description={isRun ? copy.cancel.runWhat : copy.cancel.what}
      onClose={onClose}
      onSubmit={() => void submit()}
      foot={
        <Foot action="cancel" label={copy.cancel.do} isPending={bulk.isPending} isDanger onClose={onClose} />
      }
    >
      <Tick label={copy.cancel.now} hint={copy.cancel.nowHint} isOn={isNow} onChange={setNow} />
      <Outcomes outcomes={bulk.outcomes} of={targets.length} />
    </Dialog>
  );
}
