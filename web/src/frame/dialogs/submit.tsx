import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAct } from '../../api/actions.ts';
import { projectsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { AskDialog, LongField, SelectField, TextField, Tick } from '../../ui/fields.tsx';
import { useProject } from '../search.ts';

/** A new item on Orch's own board, taken on at once. */
export function SubmitDialog({ onClose }: { onClose: () => void }) {
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const shown = useProject();
  const [chosen, setChosen] = useState<string | null>(null);
  const project = chosen ?? shown ?? projects[0]?.key ?? '';
  const [title, setTitle] = useState('');
  const [body, setBody] = useState('');
  const [isUrgent, setUrgent] = useState(false);
  const act = useAct('items', { isQuiet: true, done: copy.submit.done });
  return (
    <AskDialog
      title={copy.submit.title}
      action="submit"
      label={copy.submit.do}
      act={act}
      isMissing={title.trim() === ''}
      onAsk={() =>
        act.mutate({ project, title: title.trim(), body, urgent: isUrgent }, { onSuccess: onClose })
      }
      onClose={onClose}
    >
      <SelectField
        label={copy.columns.project}
        value={project}
        options={projects.map(({ key }) => [key, key])}
        onChange={setChosen}
      />
      <TextField label={copy.submit.name} maxLength={500} value={title} onChange={setTitle} />
      <LongField
        label={copy.submit.body}
        hint={copy.submit.bodyHint}
        rows={6}
        value={body}
        onChange={setBody}
      />
      <Tick label={copy.submit.urgent} hint={copy.submit.urgentHint} isOn={isUrgent} onChange={setUrgent} />
    </AskDialog>
  );
}
