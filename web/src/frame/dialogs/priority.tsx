import { useState } from 'react';
import { copy } from '../../copy.ts';
import { plural } from '../../lib/format.ts';
import { AskDialog, Choices, TextField } from '../../ui/fields.tsx';
import { Outcomes, useBulk } from './bulk.tsx';

type How = 'urgent' | 'not_urgent' | 'priority';
const MOST = 100;

/** What goes first: urgent or not any more, or a number within its project. */
export function PriorityDialog({ targets, onClose }: { targets: readonly string[]; onClose: () => void }) {
  const [how, setHow] = useState<How>('urgent');
  const [number, setNumber] = useState('0');
  const bulk = useBulk(copy.priority.done, onClose);
  const priority = Number(number);
  const isMissing =
    how === 'priority' && (number.trim() === '' || !Number.isInteger(priority) || Math.abs(priority) > MOST);
  const name = targets.length === 1 ? (targets[0] ?? '') : plural(targets.length, 'job');
  return (
    <AskDialog
      title={copy.priority.title(name)}
      action="urgent"
      label={copy.priority.do}
      act={bulk}
      isMissing={isMissing}
      onAsk={() => void bulk.run(how, targets, how === 'priority' ? { priority } : {})}
      onClose={onClose}
    >
      <Choices
        name="how"
        label={copy.priority.how}
        chosen={how}
        onChoose={setHow}
        choices={[
          { value: 'urgent', label: copy.priority.urgent, hint: copy.priority.urgentHint },
          { value: 'not_urgent', label: copy.priority.notUrgent },
          { value: 'priority', label: copy.priority.number, hint: copy.priority.numberHint },
        ]}
      />
      {how === 'priority' ? (
        <TextField
          label={copy.priority.label}
          type="number"
          min={-MOST}
          max={MOST}
          value={number}
          onChange={setNumber}
        />
      ) : null}
      <Outcomes outcomes={bulk.outcomes} of={targets.length} />
    </AskDialog>
  );
}
