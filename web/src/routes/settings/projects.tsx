import { useQuery } from '@tanstack/react-query';
import { projectsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { sentence } from '../../lib/format.ts';
import { Empty, Loaded } from '../../ui/states.tsx';

/** The projects with their pipelines, as they are in force. */
export function Projects() {
  const query = useQuery(projectsQuery());
  return (
    <Loaded query={query} what={copy.settings.parts.projects} rows={6}>
      {({ projects }) =>
        projects.length === 0 ? (
          <Empty>{copy.setup.stepProjects}</Empty>
        ) : (
          <ul className="inbox">
            {projects.map((project) => (
              <li key={project.key} className="!block" data-row>
                <h2 className="mono">{project.key}</h2>
                <p className="text-sm text-ink-2">
                  {copy.settings.base} <span className="mono">{project.base}</span> · {copy.settings.cap}{' '}
                  <span className="num">{project.maxConcurrency}</span> · {copy.settings.accounts}{' '}
                  <span className="mono !whitespace-normal">{project.accounts.join(', ')}</span>
                </p>
                <ul className="mt-1 grid gap-1">
                  {project.pipelines.map(({ name, stages }) => (
                    <li key={name} className="flex flex-wrap items-center gap-1.5 text-sm">
                      <span className="w-16 text-ink-3">{name}</span>
                      {stages.map(({ stage, kind }) => (
                        <span key={stage} className="tag" title={kind}>
                          {sentence(stage)}
                          {kind === 'agent' ? '' : ` (${kind})`}
                        </span>
                      ))}
                    </li>
                  ))}
                </ul>
              </li>
            ))}
          </ul>
        )
      }
    </Loaded>
  );
}
