import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAct } from '../../api/actions.ts';
import { ask } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { plural } from '../../lib/format.ts';
import { AskDialog, Choices, TextField } from '../../ui/fields.tsx';
import { Loaded } from '../../ui/states.tsx';

const SHOWN = 8;

/** What a match rule finds that nobody let in yet: all of it, or the oldest. */
export function IntakeDialog({ project, onClose }: { project: string; onClose: () => void }) {
  const query = useQuery(ask(['intake', project], '/intake', { query: { project } }));
  const view = query.data?.intake.find((each) => each.project === project);
  const [how, setHow] = useState<'all' | 'first'>('all');
  const [number, setNumber] = useState('1');
  const act = useAct('intake/accept', { isQuiet: true, done: copy.intake.done });
  const first = Number(number);
  const outside = view?.outside ?? 0;
  return (
    <AskDialog
      title={copy.intake.title(project)}
      description={view === undefined ? undefined : copy.intake.what(view.rule)}
      action="intake.accept"
      label={copy.intake.do}
      act={act}
      isMissing={outside === 0 || (how === 'first' && !(Number.isInteger(first) && first > 0))}
      onAsk={() => act.mutate({ project, first: how === 'all' ? null : first }, { onSuccess: onClose })}
      onClose={onClose}
    >
      <Loaded query={query} what={copy.hold['intake.pending'] ?? ''}>
        {() =>
          view === undefined || outside === 0 ? (
            <p className="text-sm text-ink-2">{copy.intake.none}</p>
          ) : (
            <ul className="grid gap-1 text-sm">
              {view.items.slice(0, SHOWN).map(({ key, title }) => (
                <li key={key} className="wrap-anywhere">
                  <span className="mono">{key}</span> {title}
                </li>
              ))}
              {outside > SHOWN ? (
                <li className="text-ink-3">{copy.intake.more(plural(outside - SHOWN, 'item'))}</li>
              ) : null}
            </ul>
          )
        }
      </Loaded>
      <Choices
        name="how"
        label={copy.dialog.choose}
        chosen={how}
        onChoose={setHow}
        choices={[
          { value: 'all', label: copy.intake.all(plural(outside, 'item')) },
          { value: 'first', label: copy.intake.first, hint: copy.intake.firstHint },
        ]}
      />
      {how === 'first' ? (
        <TextField label={copy.intake.number} type="number" min={1} value={number} onChange={setNumber} />
      ) : null}
    </AskDialog>
  );
}
