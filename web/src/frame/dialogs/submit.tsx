import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAct } from '../../api/actions.ts';
import { projectsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { useProject } from '../search.ts';
import { Field, Foot, Refusal, Tick } from './parts.tsx';

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
  const submit = () => {
    if (title.trim() === '' || act.isPending) return;
    act.mutate({ project, title: title.trim(), body, urgent: isUrgent }, { onSuccess: onClose });
  };
  return (
    <Dialog
      title={copy.submit.title}
      onClose={onClose}
      onSubmit={submit}
      foot={
        <Foot
          action="submit"
          label={copy.submit.do}
          isPending={act.isPending}
          whyNot={title.trim() === '' ? copy.dialog.missing : undefined}
          onClose={onClose}
        />
      }
    >
      <Field label={copy.columns.project}>
        {(id) => (
          <select
            id={id}
            className="input"
            value={project}
            onChange={(event) => setChosen(event.target.value)}
          >
            {projects.map(({ key }) => (
              <option key={key} value={key}>
                {key}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={copy.submit.name}>
        {(id) => (
          <input
            id={id}
            className="input"
            maxLength={500}
            value={title}
            onChange={(event) => setTitle(event.target.value)}
          />
        )}
      </Field>
      <Field label={copy.submit.body} hint={copy.submit.bodyHint}>
        {(id) => (
          <textarea
            id={id}
            className="input"
            rows={6}
            value={body}
            onChange={(event) => setBody(event.target.value)}
          />
        )}
      </Field>
      <Tick label={copy.submit.urgent} hint={copy.submit.urgentHint} isOn={isUrgent} onChange={setUrgent} />
      <Refusal error={act.error} />
    </Dialog>
  );
}
