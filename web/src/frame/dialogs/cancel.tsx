import { useState } from 'react';
import { copy } from '../../copy.ts';
import { plural } from '../../lib/format.ts';
import { AskDialog, Tick } from '../../ui/fields.tsx';
import { Outcomes, useBulk } from './bulk.tsx';

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
  const bulk = useBulk(copy.cancel.done, onClose);
  const name = targets.length === 1 ? (targets[0] ?? '') : plural(targets.length, 'job');
  return (
    <AskDialog
      title={copy.cancel.title(name)}
      description={isRun ? copy.cancel.runWhat : copy.cancel.what}
      action="cancel"
      label={copy.cancel.do}
      act={bulk}
      isDanger
      onAsk={() => void bulk.run('cancel', targets, { now: isNow })}
      onClose={onClose}
    >
      <Tick label={copy.cancel.now} hint={copy.cancel.nowHint} isOn={isNow} onChange={setNow} />
      <Outcomes outcomes={bulk.outcomes} of={targets.length} />
    </AskDialog>
  );
}
