import { useQuery } from '@tanstack/react-query';
import { Outlet, useLocation } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { useLiveEvents } from '../api/live.ts';
import { explainQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { plural } from '../lib/format.ts';
import { needsYouOf } from '../lib/needs-you.ts';
import { Toast } from '../ui/toast.tsx';
import { Announcer, announce } from './announcer.tsx';
import { Banners } from './banners.tsx';
import { DialogHost } from './dialogs.tsx';
import { useKeyboard } from './keyboard.ts';
import { BottomBar, Rail } from './rail.tsx';
import { SCREENS } from './screens.ts';
import { TopBar } from './top-bar.tsx';

/** What is around every page that needs a sign-in. */
export function Frame() {
  useLiveEvents(true);
  return (
    <DialogHost>
      <a className="skip" href="#main">
        {copy.skip}
      </a>
      <div className="app">
        <Rail />
        <div className="min-w-0">
          <TopBar />
          <Banners />
          <Main />
        </div>
      </div>
      <BottomBar />
      <Toast />
      <Announcer />
      <Watch />
    </DialogHost>
  );
}

function Main() {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const shown = useRef(pathname);
  useEffect(() => {
    document.title = titleOf(pathname);
  }, [pathname]);
  // A reader who follows a link is to land in the new page, not at the top of the frame again.
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [pathname]);
  return (
    <main className="main" id="main" tabIndex={-1} ref={main}>
      <Outlet />
    </main>
  );
}

/** "API-219 · Orch": what a tab and a reader of the screen call the page. */
function titleOf(pathname: string): string {
  const screen = SCREENS.find(({ to }) => to === pathname);
  const name = screen?.label ?? decodeURIComponent(pathname.split('/').at(-1) ?? '');
  return `${name} · ${copy.name}`;
}

/** The keys, and the one sentence when more needs a person than before. */
function Watch() {
  useKeyboard();
  const explain = useQuery(explainQuery()).data;
  const inbox = explain === undefined ? null : needsYouOf(explain).length;
  const before = useRef<number | null>(null);
  useEffect(() => {
    if (inbox === null) return;
    if (before.current !== null && inbox > before.current)
      announce(`${plural(inbox, 'thing needs', 'things need')} you`);
    before.current = inbox;
  }, [inbox]);
  return null;
}
