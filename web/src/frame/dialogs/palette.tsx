import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Search } from 'lucide-react';
import { Dialog as Radix } from 'radix-ui';
import { type KeyboardEvent, type ReactNode, useId, useState } from 'react';
import { useAct } from '../../api/actions.ts';
import { accountsQuery, tasksQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { sentence } from '../../lib/format.ts';
import { setTheme, THEMES } from '../../lib/theme.ts';
import { type DialogRequest, useDialogs } from '../dialogs.tsx';
import { usePauses } from '../pauses.ts';
import { SCREENS } from '../screens.ts';

interface Entry {
  readonly id: string;
  readonly group: string;
  readonly label: ReactNode;
  readonly text: string;
  readonly go: () => void;
}

const SHOWN = 12;

/** Finds screens, tasks, runs and commands by any word; arrows choose, Enter goes. */
export function PaletteDialog({ onClose }: { onClose: () => void }) {
  const [words, setWords] = useState('');
  const [at, setAt] = useState(0);
  const listId = useId();
  const entries = useEntries(words, onClose);
  const chosen = entries[Math.min(at, entries.length - 1)];
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setAt((Math.min(at, entries.length - 1) + step + entries.length) % Math.max(1, entries.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      chosen?.go();
    }
  };
  return (
    <Radix.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <Radix.Portal>
        <div className="backdrop fade" />
        <Radix.Content className="dialog fade" aria-describedby={undefined}>
          <Radix.Title className="sr-only">{copy.palette.title}</Radix.Title>
          <div className="flex items-center gap-2 border-b border-line px-4 py-2">
            <Search size={16} aria-hidden="true" className="shrink-0 text-ink-3" />
            <input
              className="min-h-9 min-w-0 flex-1 bg-transparent text-base outline-none placeholder:text-ink-3"
              role="combobox"
              aria-expanded="true"
              aria-controls={listId}
              aria-activedescendant={chosen === undefined ? undefined : `${listId}-${chosen.id}`}
              aria-label={copy.top.search}
              placeholder={copy.top.search}
              value={words}
              onChange={(event) => {
                setWords(event.target.value);
                setAt(0);
              }}
              onKeyDown={onKey}
            />
            <Radix.Close className="btn btn-sm btn-quiet">{copy.dialog.close}</Radix.Close>
          </div>
          <ul id={listId} role="listbox" aria-label={copy.palette.results} className="overflow-y-auto p-1">
            {entries.map((entry) => (
              <li
                key={entry.id}
                id={`${listId}-${entry.id}`}
                role="option"
                aria-selected={entry === chosen}
                className="flex min-h-9 cursor-pointer items-center gap-3 rounded-s px-3 py-1 text-sm aria-selected:bg-accent-tint aria-selected:text-accent max-md:min-h-10"
                onClick={entry.go}
                onKeyDown={onKey}
              >
                <span className="min-w-0 flex-1 wrap-anywhere">{entry.label}</span>
                <span className="text-xs text-ink-3">{entry.group}</span>
              </li>
            ))}
          </ul>
          {entries.length === 0 ? (
            <p className="card-body text-sm text-ink-2">{copy.palette.nothing}</p>
          ) : null}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function useEntries(words: string, onClose: () => void): Entry[] {
  const navigate = useNavigate();
  const dialogs = useDialogs();
  const resume = useAct('resume');
  const pauses = usePauses();
  const tasks = useQuery(tasksQuery({ limit: 1000 })).data?.tasks ?? [];
  const accounts = useQuery(accountsQuery()).data?.accounts ?? [];
  const then = (act: () => void) => () => {
    onClose();
    act();
  };
  const dialog = (request: DialogRequest) => then(() => window.setTimeout(() => dialogs.open(request)));
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const runId = /^(?:run_)?(\d+)$/.exec(words.trim())?.[1];
  const commands: readonly (readonly [string, string, () => void])[] = [
    ['pause', copy.top.pause, dialog({ kind: 'pause' })],
    ...(pauses.some(({ scope }) => scope === 'all')
      ? [['resume', copy.top.resume, then(() => resume.mutate({ scope: 'all', id: '' }))] as const]
      : []),
    ['submit', copy.submit.title, dialog({ kind: 'submit' })],
    ['keys', copy.me.shortcuts, dialog({ kind: 'shortcuts' })],
    ...THEMES.map(
      (theme) =>
        [`theme-${theme}`, `${copy.theme.label}: ${copy.theme[theme]}`, then(() => setTheme(theme))] as const,
    ),
  ];
  const entries: Entry[] = [
    ...(runId === undefined
      ? []
      : [
          {
            id: `run-${runId}`,
            group: copy.nav.run,
            label: <span className="mono">run_{runId}</span>,
            text: words.toLowerCase(),
            go: then(() => void navigate({ to: '/runs/$id', params: { id: `run_${runId}` } })),
          },
        ]),
    ...SCREENS.map(({ id, to, label }) => ({
      id: `screen-${id}`,
      group: copy.palette.screen,
      label,
      text: label.toLowerCase(),
      go: then(() => void navigate({ to })),
    })),
    ...tasks.map((task) => ({
      id: `task-${task.id}`,
      group: sentence(task.status),
      label: (
        <>
          <span className="mono">{task.key}</span> {task.title}
        </>
      ),
      text: `${task.key} ${task.title} ${task.branch}`.toLowerCase(),
      go: then(() => void navigate({ to: '/tasks/$key', params: { key: task.key } })),
    })),
    ...accounts.map(({ id }) => ({
      id: `account-${id}`,
      group: copy.columns.account,
      label: <span className="mono">{id}</span>,
      text: `${copy.columns.account} ${id}`.toLowerCase(),
      go: then(() => void navigate({ to: '/accounts' })),
    })),
    ...commands.map(([id, label, go]) => ({
      id: `command-${id}`,
      group: copy.palette.command,
      label,
      text: label.toLowerCase(),
      go,
    })),
  ];
  return entries.filter(({ text }) => wanted.every((word) => text.includes(word))).slice(0, SHOWN);
}
