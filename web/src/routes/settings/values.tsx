import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Pencil, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { useMay } from '../../api/session.ts';
import { configQuery, type Setting } from '../../config/change.ts';
import { SettingDialog } from '../../config/setting-dialog.tsx';
import { copy } from '../../copy.ts';
import { Bar, FilterField } from '../../ui/bar.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Table } from '../../ui/table.tsx';

/** Each setting with its value and where it comes from. Secrets are never sent. */
export function Values() {
  const { q = '' } = useSearch({ from: '/framed/settings' });
  const navigate = useNavigate({ from: '/settings' });
  const query = useQuery(configQuery());
  const { isAllowed } = useMay('config.write');
  const [edited, setEdited] = useState<Setting | null>(null);
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
        {({ problem, revision, settings }) => {
          const canEdit = isAllowed && revision !== null;
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
                  columns={[
                    copy.settings.key,
                    copy.settings.value,
                    copy.settings.origin,
                    copy.settings.env,
                    { name: copy.config.change, isNumber: true },
                  ]}
                >
                  {shown.map((setting) => (
                    <tr key={setting.key} data-row>
                      <td className="mono full !whitespace-normal text-sm wrap-anywhere">{setting.key}</td>
                      <td className="full max-w-96 text-sm wrap-anywhere">
                        <Value value={setting.value} />
                      </td>
                      <td className="text-sm text-ink-2">{setting.origin}</td>
                      <td className="mono away text-xs text-ink-3">{setting.env ?? ''}</td>
                      <td className="text-right text-xs text-ink-3">
                        {setting.locked === 'environment' || setting.locked === 'machine' ? (
                          copy.config.locked[setting.locked]
                        ) : canEdit ? (
                          <Button
                            isSmall
                            isIcon
                            look="quiet"
                            aria-label={copy.config.changeOne(setting.key)}
                            onClick={() => setEdited(setting)}
                          >
                            <Pencil aria-hidden="true" />
                          </Button>
                        ) : null}
                      </td>
                    </tr>
                  ))}
                </Table>
              )}
              {edited === null ? null : (
                <SettingDialog setting={edited} revision={revision} onClose={() => setEdited(null)} />
              )}
            </>
          );
        }}
      </Loaded>
    </>
  );
}

function Value({ value }: { value: Setting['value'] }) {
  if (value === null || value === '') return <span className="text-ink-3">{copy.settings.notSet}</span>;
  return <code className="text-[12.5px]">{Array.isArray(value) ? value.join(', ') : String(value)}</code>;
}
