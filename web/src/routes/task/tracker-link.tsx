import { useQuery } from '@tanstack/react-query';
import { ExternalLink } from 'lucide-react';
import type { TaskWire } from '../../../../src/http/contract.ts';
import { projectsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { safeUrl } from '../../lib/safe-url.ts';
import { buttonClass } from '../../ui/button.tsx';

/** To the item where people wrote it; nothing where it lives on the board of Orch itself. */
export function TrackerLink({ task }: { task: Pick<TaskWire, 'project' | 'tracker' | 'key'> }) {
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const url = safeUrl(task.tracker?.url);
  if (url === null) return null;
  const kind = projects.find(({ key }) => key === task.project)?.tracker ?? '';
  const name = copy.task.openIn[kind] ?? copy.task.openInTracker;
  return (
    <a
      className={buttonClass()}
      href={url}
      target="_blank"
      rel="noreferrer"
      aria-label={`${name}: ${copy.task.item} ${task.key}`}
    >
      <ExternalLink aria-hidden="true" />
      {name}
    </a>
  );
}
