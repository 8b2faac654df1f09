import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { projectsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { plural, sentence } from '../../lib/format.ts';
import { AskDialog, LongField, SelectField } from '../../ui/fields.tsx';
import { Outcomes, useBulk } from './bulk.tsx';

const NONE = ['', copy.dialog.choose] as const;

/** Several tasks back to an earlier stage, each in its own pipeline; what cannot go there says why. */
export function MoveDialog({ targets, onClose }: { targets: readonly string[]; onClose: () => void }) {
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const [stage, setStage] = useState('');
  const [note, setNote] = useState('');
  const bulk = useBulk(copy.move.done, onClose);
  const stages = new Set(
    projects.flatMap(({ pipelines }) => pipelines.flatMap((each) => each.stages.map((one) => one.stage))),
  );
  const name = targets.length === 1 ? (targets[0] ?? '') : plural(targets.length, 'job');
  return (
    <AskDialog
      title={copy.move.title(name)}
      description={copy.move.what}
      action="retry"
      label={copy.move.do}
      act={bulk}
      isMissing={stage === ''}
      onAsk={() => void bulk.run('move', targets, { stage, note: note.trim() === '' ? null : note })}
      onClose={onClose}
    >
      <SelectField
        label={copy.move.to}
        value={stage}
        options={[NONE, ...[...stages].map((each) => [each, sentence(each)] as const)]}
        onChange={setStage}
      />
      <LongField label={copy.move.note} value={note} onChange={setNote} />
      <p className="text-sm text-ink-2">{copy.move.kept}</p>
      <Outcomes outcomes={bulk.outcomes} of={targets.length} />
    </AskDialog>
  );
}
