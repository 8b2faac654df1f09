import { Link } from '@tanstack/react-router';
import { LogOut, Moon, Pause } from 'lucide-react';
import { useMe, useSignOut } from '../../api/session.ts';
import { copy } from '../../copy.ts';
import { setPreference, usePreference } from '../../lib/preference.ts';
import { setTheme, THEMES, useTheme } from '../../lib/theme.ts';
import { Segments } from '../../ui/bar.tsx';
import { Command } from '../../ui/copy-text.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { CloseButton, Tick } from '../../ui/fields.tsx';
import { useDialogs } from '../dialogs.tsx';
import { SHORTCUTS } from '../keyboard.ts';
import { SCREENS } from '../screens.ts';

export function CommandDialog({
  title,
  command,
  detail,
  onClose,
}: {
  title: string;
  command: string;
  detail?: string;
  onClose: () => void;
}) {
  return (
    <Dialog title={title} onClose={onClose} foot={<CloseButton onClose={onClose} />}>
      {detail === undefined ? null : <p className="text-sm wrap-anywhere text-ink-2">{detail}</p>}
      <Command>{command}</Command>
    </Dialog>
  );
}

export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const isOn = usePreference('shortcuts', SHORTCUTS, 'on') === 'on';
  const rows: readonly (readonly [readonly string[], string])[] = [
    ...SCREENS.map(({ key, label }) => [['g', key], label] as const),
    ...copy.shortcuts.keys,
  ];
  return (
    <Dialog title={copy.shortcuts.title} onClose={onClose} foot={<CloseButton onClose={onClose} />}>
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-2 text-sm">
        {rows.map(([keys, what]) => (
          <div key={what} className="contents">
            <dt className="flex gap-1">
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <Tick
        label={copy.shortcuts.isOn}
        hint={copy.shortcuts.isOnHint}
        isOn={isOn}
        onChange={(on) => setPreference('shortcuts', on ? 'on' : 'off')}
      />
    </Dialog>
  );
}

/** On a phone: what the bottom bar has no room for. */
export function MoreDialog({ onClose }: { onClose: () => void }) {
  const dialogs = useDialogs();
  const theme = useTheme();
  const me = useMe();
  const signOut = useSignOut();
  return (
    <Dialog
      title={copy.nav.more}
      {...(me === null ? {} : { description: `${me.name} · ${me.role}` })}
      onClose={onClose}
      foot={<CloseButton onClose={onClose} />}
    >
      <ul className="grid gap-1">
        {SCREENS.slice(4).map(({ to, label, icon: Icon }) => (
          <li key={to}>
            <Link to={to} className="rail-item !py-3" onClick={onClose}>
              <Icon aria-hidden="true" />
              {label}
            </Link>
          </li>
        ))}
        <li>
          <button type="button" className="rail-item !py-3" onClick={() => dialogs.open({ kind: 'pause' })}>
            <Pause aria-hidden="true" />
            {copy.top.pause}
          </button>
        </li>
        <li>
          <button type="button" className="rail-item !py-3" onClick={signOut}>
            <LogOut aria-hidden="true" />
            {copy.me.signOut}
          </button>
        </li>
      </ul>
      <fieldset className="grid justify-items-start gap-2">
        <legend className="mb-2 flex items-center gap-2 text-sm font-medium">
          <Moon size={16} aria-hidden="true" />
          {copy.theme.label}
        </legend>
        <Segments
          label={copy.theme.label}
          chosen={theme}
          onChoose={setTheme}
          choices={THEMES.map((each) => [each, copy.theme[each]])}
        />
      </fieldset>
    </Dialog>
  );
}
