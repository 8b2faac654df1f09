import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { ChevronDown, Pause, Play, Search } from 'lucide-react';
import { useAct } from '../api/actions.ts';
import { useConnection } from '../api/connection.ts';
import { explainQuery, projectsQuery } from '../api/queries.ts';
import { copy } from '../copy.ts';
import { useNow } from '../lib/clock.ts';
import { shortDuration } from '../lib/format.ts';
import { ActionButton, Button } from '../ui/button.tsx';
import { Menu } from '../ui/menu.tsx';
import { useDialogs } from './dialogs.tsx';
import { usePauses } from './pauses.ts';
import { useProject } from './search.ts';

export function TopBar() {
  const dialogs = useDialogs();
  return (
    <header className="top">
      <ProjectFilter />
      <button type="button" className="search-box" onClick={() => dialogs.open({ kind: 'palette' })}>
        <Search aria-hidden="true" />
        <span className="flex-1">{copy.top.search}</span>
        <kbd aria-hidden="true">{isMac() ? '⌘K' : 'Ctrl K'}</kbd>
        <b className="sr-only md:hidden">{copy.top.searchShort}</b>
      </button>
      <span className="flex-1" />
      <LiveIndicator />
      <PauseButton />
    </header>
  );
}

function isMac(): boolean {
  return navigator.userAgent.includes('Mac');
}

function ProjectFilter() {
  const project = useProject();
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const navigate = useNavigate({ from: '/' });
  const choose = (chosen: string | undefined) =>
    void navigate({ to: '.', search: (old) => ({ ...old, project: chosen }) });
  return (
    <Menu
      label={copy.top.project}
      align="start"
      trigger={
        <Button look="quiet" isSmall className="max-w-40 !px-1.5 !text-ink">
          <span className="sr-only">{copy.top.project}: </span>
          <span className="ell">{project ?? copy.top.allProjects}</span>
          <ChevronDown aria-hidden="true" />
        </Button>
      }
      items={[
        { label: copy.top.allProjects, isChosen: project === undefined, onSelect: () => choose(undefined) },
        ...projects.map(({ key }) => ({
          label: <span className="mono">{key}</span>,
          isChosen: key === project,
          onSelect: () => choose(key),
        })),
      ]}
    />
  );
}

/** How the page hears of changes. A scheduler that stopped, or a server that is gone, is never "live". */
function LiveIndicator() {
  const { isReachable, live, heardAt } = useConnection();
  const explain = useQuery(explainQuery(useProject())).data;
  const now = useNow();
  const [tone, word] = !isReachable
    ? ['failed', copy.top.offline]
    : explain?.verdict === 'unknown'
      ? ['attention', copy.top.unknown]
      : live === 'live'
        ? ['done', copy.top.live]
        : live === 'connecting'
          ? ['queued', copy.top.connecting]
          : ['waiting', copy.top.reconnecting];
  return (
    <span className={`live tone-${tone}`}>
      <i aria-hidden="true" />
      {word}
      {heardAt === null ? null : (
        <span className="num text-ink-3 max-lg:hidden">
          · {copy.top.updated(`${shortDuration(Math.max(0, now - heardAt))} ago`)}
        </span>
      )}
    </span>
  );
}

function PauseButton() {
  const dialogs = useDialogs();
  const resume = useAct('resume');
  const isPaused = usePauses().some(({ scope }) => scope === 'all');
  if (isPaused)
    return (
      <ActionButton
        isSmall
        action="resume"
        isPending={resume.isPending}
        onClick={() => resume.mutate({ scope: 'all', id: '' })}
      >
        <Play aria-hidden="true" />
        <span className="max-md:sr-only">{copy.top.resume}</span>
      </ActionButton>
    );
  return (
    <ActionButton
      isSmall
      action="pause"
      className="max-md:!w-10 max-md:!px-0"
      onClick={() => dialogs.open({ kind: 'pause' })}
    >
      <Pause aria-hidden="true" />
      <span className="max-md:sr-only">{copy.top.pause}</span>
    </ActionButton>
  );
}
