import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { TriangleAlert } from 'lucide-react';
import { ask } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { Empty, Loaded } from '../../ui/states.tsx';

interface Config {
  readonly problem: string | null;
  readonly settings: readonly {
    readonly key: string;
    readonly value: string | number | boolean | readonly string[] | null;
    readonly origin: string;
    readonly env: string | null;
  }[];
}

/** Each setting with its value and where it comes from. Secrets are never sent. */
export function Values() {
  const { q = '' } = useSearch({ from: '/framed/settings' });
  const navigate = useNavigate({ from: '/settings' });
  const query = useQuery({ ...ask<Config>(['settings'], '/config'), refetchInterval: 60_000 });
  return (
    <>
      <div className="flex flex-wrap items-center gap-3 border-b border-line px-4 py-2.5">
        <input
          data-filter
          type="search"
          className="input input-sm min-w-40 flex-1 md:max-w-64"
          aria-label={copy.settings.filter}
          placeholder={copy.settings.filter}
          value={q}
          onChange={(event) =>
            void navigate({
              search: (old) => ({ ...old, q: event.target.value || undefined }),
              replace: true,
            })
          }
        />
        <p className="text-sm text-ink-3">{copy.settings.readOnly}</p>
      </div>
      <Loaded query={query} what={copy.settings.parts.values} rows={10}>
        {({ problem, settings }) => {
          const shown = settings.filter(({ key, env }) =>
            `${key} ${env ?? ''}`.toLowerCase().includes(q.toLowerCase()),
          );
          return (
            <>
              {problem === null ? null : (
                <p className="note tone-attention m-4">
                  <TriangleAlert aria-hidden="true" />
                  <span>
                    {copy.settings.problem} {problem}
                  </span>
                </p>
              )}
              {shown.length === 0 ? (
                <Empty>{copy.queue.noMatch}</Empty>
              ) : (
                <table className="table table-rows">
                  <thead>
                    <tr>
                      <th scope="col">{copy.settings.key}</th>
                      <th scope="col">{copy.settings.value}</th>
                      <th scope="col">{copy.settings.origin}</th>
                      <th scope="col">{copy.settings.env}</th>
                    </tr>
                  </thead>
                  <tbody>
                    {shown.map(({ key, value, origin, env }) => (
                      <tr key={key} data-row>
                        <td className="mono full !whitespace-normal text-sm wrap-anywhere">{key}</td>
                        <td className="full max-w-96 text-sm wrap-anywhere">
                          <Value value={value} />
                        </td>
                        <td className="text-sm text-ink-2">{origin}</td>
                        <td className="mono away text-xs text-ink-3">{env ?? ''}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              )}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

function Value({ value }: { value: Config['settings'][number]['value'] }) {
  if (value === null || value === '') return <span className="text-ink-3">{copy.settings.notSet}</span>;
  return <code className="text-[12.5px]">{Array.isArray(value) ? value.join(', ') : String(value)}</code>;
}
