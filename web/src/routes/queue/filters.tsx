import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { accountsQuery, explainQuery, projectsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { useProject } from '../../frame/search.ts';
import { sentence } from '../../lib/format.ts';
import { Bar, FilterField, FilterSelect } from '../../ui/bar.tsx';
import type { Options } from '../../ui/fields.tsx';
import { Empty } from '../../ui/states.tsx';

export const STATES = ['queued', 'running', 'failed', 'done', 'cancelled'] as const;

/** Every filter stands in the address. */
export function Filters() {
  const search = useSearch({ from: '/framed/queue' });
  const navigate = useNavigate({ from: '/queue' });
  const accounts = useQuery(accountsQuery()).data?.accounts ?? [];
  const projects = useQuery(projectsQuery()).data?.projects ?? [];
  const explain = useQuery(explainQuery()).data;
  const stages = [
    ...new Set(
      projects.flatMap(({ pipelines }) => pipelines.flatMap((p) => p.stages.map(({ stage }) => stage))),
    ),
  ];
  const codes = [
    ...new Set((explain?.reasons ?? []).filter(({ jobsHeld }) => jobsHeld > 0).map(({ code }) => code)),
  ];
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  const choices: readonly (readonly [
    keyof typeof search & ('state' | 'code' | 'stage' | 'account'),
    string,
    Options,
  ])[] = [
    [
      'state',
      copy.columns.state,
      [['all', copy.queue.allStates], ...STATES.map((each) => [each, copy.job[each]] as const)],
    ],
    ['code', copy.columns.heldBy, codes.map((code) => [code, copy.hold[code] ?? code] as const)],
    ['stage', copy.columns.stage, stages.map((stage) => [stage, sentence(stage)] as const)],
    ['account', copy.columns.account, accounts.map(({ id }) => [id, id] as const)],
  ];
  return (
    <Bar>
      <FilterField label={copy.queue.filter} value={search.q} onChange={(q) => set({ q })} />
      {choices.map(([name, label, options]) => (
        <FilterSelect
          key={name}
          label={label}
          value={search[name]}
          none={name === 'state' ? copy.queue.open : `${label}: ${copy.queue.any}`}
          options={options}
          onChange={(value) => set({ [name]: value })}
        />
      ))}
    </Bar>
  );
}

/** No row: because of the filters, or because nothing is queued, and then by which rule. */
export function Nothing() {
  const search = useSearch({ from: '/framed/queue' });
  const navigate = useNavigate({ from: '/queue' });
  const explain = useQuery(explainQuery(useProject())).data;
  const isFiltered = Object.entries(search).some(
    ([name, value]) => name !== 'project' && value !== undefined,
  );
  if (isFiltered)
    return (
      <Empty>
        <p>{copy.queue.noMatch}</p>
        <p>
          <button
            type="button"
            className="link"
            onClick={() =>
              void navigate({ search: ({ project }) => (project === undefined ? {} : { project }) })
            }
          >
            {copy.queue.clear}
          </button>
        </p>
      </Empty>
    );
  // A wrong rule looks just like an empty backlog: the rule and the nearest misses are told.
  const surveys = explain?.reasons.filter(({ code }) => code === 'nothing.queued') ?? [];
  return (
    <Empty isGood>
      <p>{copy.now.nothingQueued}</p>
      {surveys.map((reason) => (
        <p key={reason.scope.id} className="mt-1 wrap-anywhere">
          {reason.title}. {reason.detail}
        </p>
      ))}
    </Empty>
  );
}
