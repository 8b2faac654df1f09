import { Link, useSearch } from '@tanstack/react-router';
import { useMay } from '../api/session.ts';
import { copy } from '../copy.ts';
import { PageTitle } from '../ui/card.tsx';
import { Empty } from '../ui/states.tsx';
import { AuditLog } from './settings/audit.tsx';
import { Notifications } from './settings/notifications.tsx';
import { Projects } from './settings/projects.tsx';
import { Sessions } from './settings/sessions.tsx';
import { Tokens } from './settings/tokens.tsx';
import { Users } from './settings/users.tsx';
import { Values } from './settings/values.tsx';

const PARTS = ['values', 'projects', 'notifications', 'users', 'tokens', 'sessions', 'audit'] as const;

/** How this installation is set up, who may use it, and what they did. */
export function SettingsPage() {
  const search = useSearch({ from: '/framed/settings' });
  const part = PARTS.find((each) => each === search.part) ?? 'values';
  return (
    <>
      <PageTitle title={copy.nav.settings} />
      <section className="card" aria-label={copy.settings.parts[part]}>
        <nav className="tabs border-b border-line" aria-label={copy.nav.settings}>
          {PARTS.map((each) => (
            <Link
              key={each}
              to="/settings"
              search={{ part: each === 'values' ? undefined : each }}
              activeOptions={{ exact: true, explicitUndefined: true }}
              aria-current={each === part ? 'page' : undefined}
              ref={each === part ? show : undefined}
            >
              {copy.settings.parts[each]}
            </Link>
          ))}
        </nav>
        <Part part={part} />
      </section>
    </>
  );
}

/** On a phone the tabs are wider than the page. */
function show(tab: HTMLElement | null): void {
  tab?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

function Part({ part }: { part: (typeof PARTS)[number] }) {
  const values = useMay('config.read');
  const users = useMay('user.list');
  const audit = useMay('audit.read');
  const denied = (least: string) => <Empty>{copy.state.notAllowed(least)}</Empty>;
  switch (part) {
    case 'values':
      return values.isAllowed ? <Values /> : denied(values.least);
    case 'projects':
      return <Projects />;
    case 'notifications':
      return values.isAllowed ? <Notifications /> : denied(values.least);
    case 'users':
      return users.isAllowed ? <Users /> : denied(users.least);
    case 'tokens':
      return <Tokens />;
    case 'sessions':
      return <Sessions />;
    case 'audit':
      return audit.isAllowed ? <AuditLog /> : denied(audit.least);
  }
}
