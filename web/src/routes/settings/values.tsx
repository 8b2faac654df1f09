import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { TriangleAlert } from 'lucide-react';
import { ask } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { Bar, FilterField } from '../../ui/bar.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Table } from '../../ui/table.tsx';

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
      <Bar>
        <FilterField
          label={copy.settings.filter}
          value={q}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, q: value }), replace: true })}
        />
        <p className="text-sm text-ink-3 max-md:col-span-2">{copy.settings.readOnly}</p>
      </Bar>
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
                <Table
                  columns={[copy.settings.key, copy.settings.value, copy.settings.origin, copy.settings.env]}
                >
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
                </Table>
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
