import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAct } from '../../api/actions.ts';
import { accountsQuery, projectsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Foot, Refusal, Tick } from './parts.tsx';

const HOUR_MS = 3_600_000;
/** How long a pause may last, by name; none: until somebody resumes. */
const SPANS: readonly [string, number | null][] = [
  [copy.pause.forever, null],
  [copy.pause.minutes30, HOUR_MS / 2],
  [copy.pause.hours1, HOUR_MS],
  [copy.pause.hours2, 2 * HOUR_MS],
  [copy.pause.hours8, 8 * HOUR_MS],
  [copy.pause.hours24, 24 * HOUR_MS],
];

export function PauseDialog({ onClose }: { onClose: () => void }) {
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const accounts = useQuery(accountsQuery()).data?.accounts ?? [];
  const [where, setWhere] = useState('all:');
  const [note, setNote] = useState('');
  const [span, setSpan] = useState(0);
  const [isCancel, setCancel] = useState(false);
  const pause = useAct('pause', { isQuiet: true, done: copy.pause.done });
  const stop = useAct('stop', { isQuiet: true });
  const isPending = pause.isPending || stop.isPending;
  const submit = () => {
    if (isPending) return;
    const [scope, id] = split(where);
    pause.mutate(
      { scope, id, note, forMs: SPANS[span]?.[1] ?? null },
      {
        onSuccess() {
          if (isCancel) stop.mutate({ scope, id, now: false }, { onSuccess: onClose });
          else onClose();
        },
      },
    );
  };
  return (
    <Dialog
      title={copy.pause.title}
      description={copy.pause.what}
      onClose={onClose}
      onSubmit={submit}
      foot={<Foot action="pause" label={copy.pause.do} isPending={isPending} onClose={onClose} />}
    >
      <Field label={copy.pause.scope}>
        {(id) => (
          <select id={id} className="input" value={where} onChange={(event) => setWhere(event.target.value)}>
            <option value="all:">{copy.pause.all}</option>
            {projects.map(({ key }) => (
              <option key={`project:${key}`} value={`project:${key}`}>
                {copy.top.project} {key}
              </option>
            ))}
            {accounts.map((account) => (
              <option key={`account:${account.id}`} value={`account:${account.id}`}>
                {copy.columns.account} {account.id}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={copy.pause.note}>
        {(id) => (
          <input
            id={id}
            className="input"
            maxLength={1000}
            value={note}
            onChange={(event) => setNote(event.target.value)}
          />
        )}
      </Field>
      <Field label={copy.pause.until}>
        {(id) => (
          <select
            id={id}
            className="input"
            value={span}
            onChange={(event) => setSpan(Number(event.target.value))}
          >
            {SPANS.map(([label], i) => (
              <option key={label} value={i}>
                {label}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Tick label={copy.pause.cancel} hint={copy.pause.cancelHint} isOn={isCancel} onChange={setCancel} />
      <Refusal error={pause.error ?? stop.error} />
    </Dialog>
  );
}

function split(where: string): ['all' | 'project' | 'account', string] {
  const at = where.indexOf(':');
  const scope = where.slice(0, at);
  return [scope === 'project' || scope === 'account' ? scope : 'all', where.slice(at + 1)];
}
