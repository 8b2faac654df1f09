import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { accountsQuery, explainQuery, projectsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { useProject } from '../../frame/search.ts';
import { sentence } from '../../lib/format.ts';
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
    readonly (readonly [string, string])[],
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
    <div className="grid grid-cols-2 items-center gap-2 border-b border-line px-4 py-2.5 md:flex md:flex-wrap">
      <input
        data-filter
        type="search"
        className="input input-sm col-span-2 min-w-40 flex-1 md:max-w-64"
        aria-label={copy.queue.filter}
        placeholder={copy.queue.filter}
        value={search.q ?? ''}
        onChange={(event) => set({ q: event.target.value === '' ? undefined : event.target.value })}
      />
      {choices.map(([name, label, options]) => (
        <label key={name} className="min-w-0">
          <span className="sr-only">{label}</span>
          <select
            className="input input-sm w-full md:max-w-44"
            value={search[name] ?? ''}
            onChange={(event) => set({ [name]: event.target.value === '' ? undefined : event.target.value })}
          >
            <option value="">{name === 'state' ? copy.queue.open : `${label}: ${copy.queue.any}`}</option>
            {options.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
      ))}
    </div>
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
