import { Link } from '@tanstack/react-router';
import { Ellipsis, LogOut, Moon, User } from 'lucide-react';
import { useMe, useSignOut } from '../api/session.ts';
import { copy } from '../copy.ts';
import { setTheme, THEMES, useTheme } from '../lib/theme.ts';
import { Mark } from '../ui/mark.tsx';
import { Menu } from '../ui/menu.tsx';
import { useCounts } from './counts.ts';
import { useDialogs } from './dialogs.tsx';
import { SCREENS } from './screens.ts';
import { useProject } from './search.ts';

export function Rail() {
  const project = useProject();
  const counts = useCounts(project);
  return (
    <nav className="rail" aria-label={copy.nav.label}>
      <div className="brand">
        <Mark />
        orch
      </div>
      {SCREENS.map(({ id, to, label, icon: Icon }) => {
        const count = counts[id];
        return (
          <Link
            key={id}
            to={to}
            className="rail-item"
            activeOptions={{ exact: to === '/', includeSearch: false }}
          >
            <Icon aria-hidden="true" />
            {label}
            {count === undefined ? null : (
              <span className="count" data-hot={count.isHot}>
                {count.n}
                <span className="sr-only"> {count.words}</span>
              </span>
            )}
          </Link>
        );
      })}
      <span className="flex-1" />
      <ThemeMenu />
      <MeMenu />
    </nav>
  );
}

function ThemeMenu() {
  const theme = useTheme();
  return (
    <Menu
      label={copy.theme.label}
      align="start"
      trigger={
        <button type="button" className="rail-item">
          <Moon aria-hidden="true" />
          {copy.theme.label}
        </button>
      }
      items={themeItems(theme)}
    />
  );
}

function themeItems(theme: string) {
  return THEMES.map((each) => ({
    label: copy.theme[each],
    isChosen: each === theme,
    onSelect: () => setTheme(each),
  }));
}

function MeMenu() {
  const me = useMe();
  const signOut = useSignOut();
  const dialogs = useDialogs();
  if (me === null) return null;
  return (
    <Menu
      label={copy.me.menu}
      align="start"
      trigger={
        <button type="button" className="rail-item">
          <User aria-hidden="true" />
          <span className="ell">
            {me.name} · {me.role}
          </span>
        </button>
      }
      items={[
        { label: copy.me.shortcuts, onSelect: () => dialogs.open({ kind: 'shortcuts' }) },
        {
          label: (
            <span className="flex items-center gap-2">
              <LogOut size={16} aria-hidden="true" />
              {copy.me.signOut}
            </span>
          ),
          onSelect: signOut,
        },
      ]}
    />
  );
}

export function BottomBar() {
  const project = useProject();
  const counts = useCounts(project);
  const dialogs = useDialogs();
  return (
    <nav className="bottom-bar" aria-label={copy.nav.labelPhone}>
      {SCREENS.slice(0, 4).map(({ id, to, label, icon: Icon }) => {
        const count = counts[id];
        return (
          <Link key={id} to={to} activeOptions={{ exact: to === '/', includeSearch: false }}>
            <Icon aria-hidden="true" />
            {label}
            {count?.isHot === true ? (
              <em>
                {count.n}
                <span className="sr-only"> {count.words}</span>
              </em>
            ) : null}
          </Link>
        );
      })}
      <button type="button" onClick={() => dialogs.open({ kind: 'more' })}>
        <Ellipsis aria-hidden="true" />
        {copy.nav.more}
      </button>
    </nav>
  );
}
