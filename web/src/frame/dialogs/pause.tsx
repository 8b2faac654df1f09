import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useAct } from '../../api/actions.ts';
import { accountsQuery, projectsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { AskDialog, SelectField, TextField, Tick } from '../../ui/fields.tsx';

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
  const stop = useAct('stop', { isQuiet: true, done: copy.pause.done });
  const act = isCancel ? stop : pause;
  const ask = () => {
    const [scope, id] = split(where);
    act.mutate({ scope, id, note, forMs: SPANS[span]?.[1] ?? null }, { onSuccess: onClose });
  };
  return (
    <AskDialog
      title={copy.pause.title}
      description={copy.pause.what}
      action="pause"
      label={copy.pause.do}
      act={act}
      onAsk={ask}
      onClose={onClose}
    >
      <SelectField
        label={copy.pause.scope}
        value={where}
        options={[
          ['all:', copy.pause.all],
          ...projects.map(({ key }) => [`project:${key}`, `${copy.top.project} ${key}`] as const),
          ...accounts.map(({ id }) => [`account:${id}`, `${copy.columns.account} ${id}`] as const),
        ]}
        onChange={setWhere}
      />
      <TextField label={copy.pause.note} maxLength={1000} value={note} onChange={setNote} />
      <SelectField
        label={copy.pause.until}
        value={String(span)}
        options={SPANS.map(([label], i) => [String(i), label])}
        onChange={(value) => setSpan(Number(value))}
      />
      <Tick label={copy.pause.cancel} hint={copy.pause.cancelHint} isOn={isCancel} onChange={setCancel} />
    </AskDialog>
  );
}

function split(where: string): ['all' | 'project' | 'account', string] {
  const at = where.indexOf(':');
  const scope = where.slice(0, at);
  return [scope === 'project' || scope === 'account' ? scope : 'all', where.slice(at + 1)];
}
