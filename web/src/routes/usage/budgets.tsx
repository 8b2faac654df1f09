import { useQuery } from '@tanstack/react-query';
import { Pencil } from 'lucide-react';
import { useState } from 'react';
import { ask } from '../../api/queries.ts';
import { useMay } from '../../api/session.ts';
import { configQuery, type Setting } from '../../config/change.ts';
import { SettingDialog } from '../../config/setting-dialog.tsx';
import { copy } from '../../copy.ts';
import { count, money, percent } from '../../lib/format.ts';
import { Button } from '../../ui/button.tsx';
import { Card, Meter } from '../../ui/card.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Table } from '../../ui/table.tsx';
import { At } from '../../ui/time.tsx';
import { Chip } from '../../ui/tone.tsx';

/** From here on people are warned, as the server does. */
const NEAR_SHARE = 0.8;

/** What each project may spend, what it did, and where the limit comes from. */
export function Budgets({ project }: { project: string | undefined }) {
  const query = useQuery(ask(['budgets'], '/budgets'));
  const canRead = useMay('config.read').isAllowed;
  const canWrite = useMay('config.write').isAllowed;
  const revision = useQuery({ ...configQuery(), enabled: canRead && canWrite }).data?.revision ?? null;
  const canEdit = canWrite && revision !== null;
  const [edited, setEdited] = useState<Setting | null>(null);
  return (
    <Card title={copy.budgets.title} hint={copy.budgets.utc}>
      <Loaded query={query} what={copy.budgets.title} rows={3}>
        {({ projects }) => {
          const shown = projects.filter((each) => project === undefined || each.project === project);
          return shown.length === 0 ? (
            <Empty>{copy.budgets.none}</Empty>
          ) : (
            <Table
              columns={[
                copy.columns.project,
                { name: copy.budgets.today, isNumber: true },
                { name: copy.budgets.tokens, isNumber: true },
                { name: copy.budgets.task, isNumber: true },
                { name: copy.budgets.month, isNumber: true },
              ]}
            >
              {shown.map((each) => (
                <tr key={each.project}>
                  <th scope="row" className="full !text-base !font-semibold !text-ink">
                    {each.project}{' '}
                    {each.level === 'within' ? null : (
                      <Chip state={each.level === 'reached' ? 'needs_you' : 'waiting'}>
                        {copy.budgets.level[each.level]}
                      </Chip>
                    )}
                  </th>
                  <td className="n" title={each.perDay.key} data-label={copy.budgets.today}>
                    {copy.budgets.of(money(each.perDay.spentUsd), limit(each.perDay.usd))}
                    <Share what={copy.budgets.today} spent={each.perDay.spentUsd} of={each.perDay.usd} />
                    <Pace atEnd={dollars(each.perDay.projectedUsd)} reachedAt={each.perDay.reachedAt} />
                    <Origin
                      from={each.perDay}
                      label={copy.budgets.change(copy.budgets.today, each.project)}
                      onEdit={
                        canEdit
                          ? () => setEdited(settingOf(each.project, each.perDay, each.perDay.usd))
                          : null
                      }
                    />
                  </td>
                  <td className="n" title={each.tokensPerDay.key} data-label={copy.budgets.tokens}>
                    {copy.budgets.of(count(each.tokensPerDay.spent), tokens(each.tokensPerDay.tokens))}
                    <Share
                      what={copy.budgets.tokens}
                      spent={each.tokensPerDay.spent}
                      of={each.tokensPerDay.tokens}
                    />
                    <Pace
                      atEnd={each.tokensPerDay.projected === null ? null : count(each.tokensPerDay.projected)}
                      reachedAt={each.tokensPerDay.reachedAt}
                    />
                    <Origin
                      from={each.tokensPerDay}
                      label={copy.budgets.change(copy.budgets.tokens, each.project)}
                      onEdit={
                        canEdit
                          ? () =>
                              setEdited(settingOf(each.project, each.tokensPerDay, each.tokensPerDay.tokens))
                          : null
                      }
                    />
                  </td>
                  <td className="n" title={each.perTask.key} data-label={copy.budgets.task}>
                    {limit(each.perTask.usd)}
                    <Origin
                      from={each.perTask}
                      label={copy.budgets.change(copy.budgets.task, each.project)}
                      onEdit={
                        canEdit
                          ? () => setEdited(settingOf(each.project, each.perTask, each.perTask.usd))
                          : null
                      }
                    />
                  </td>
                  <td className="n" data-label={copy.budgets.month}>
                    {money(each.monthUsd)}
                    {each.unknownCosts.month === 0 ? '' : ` + ${copy.task.unknown}`}
                    <Pace atEnd={dollars(each.monthProjectedUsd)} reachedAt={null} span="month" />
                  </td>
                </tr>
              ))}
            </Table>
          );
        }}
      </Loaded>
      {edited === null ? null : (
        <SettingDialog setting={edited} revision={revision} onClose={() => setEdited(null)} />
      )}
    </Card>
  );
}

/** How full a limit is, from where people are warned on in their colour. */
function Share({ what, spent, of }: { what: string; spent: number; of: number | null }) {
  if (of === null) return null;
  const share = of === 0 ? 1 : spent / of;
  return (
    <span className={`block py-1 ${share >= NEAR_SHARE ? 'tone-attention' : 'tone-running'}`}>
      <Meter share={share} label={copy.budgets.share(what, percent(share))} />
    </span>
  );
}

/** Where the span ends at the pace so far. */
function Pace({
  atEnd,
  reachedAt,
  span = 'day',
}: {
  atEnd: string | null;
  reachedAt: string | null;
  span?: 'day' | 'month';
}) {
  if (reachedAt !== null)
    return (
      <span className="tone-attention block text-xs text-tone-ink">
        {copy.budgets.reachedAt} <At at={reachedAt} />
      </span>
    );
  return atEnd === null ? null : (
    <span className="block text-xs text-ink-3">{copy.budgets.atEnd(atEnd, span)}</span>
  );
}

/** A project's key may have dots in it, the name of a limit has none. */
function settingOf(
  project: string,
  { key, origin }: { key: string; origin: string },
  value: number | null,
): Setting {
  const path = ['projects', project, 'budget', key.split('.').at(-1) ?? ''];
  return { key, path, value, origin, env: null, locked: null };
}

/** Where a limit comes from, and the way to another one. */
function Origin({
  from,
  label,
  onEdit,
}: {
  from: { origin: string };
  label: string;
  onEdit: (() => void) | null;
}) {
  return (
    <span className="flex items-center justify-end gap-1 text-xs text-ink-3 max-md:justify-start">
      {from.origin}
      {onEdit === null ? null : (
        <Button look="quiet" isSmall isIcon aria-label={label} onClick={onEdit}>
          <Pencil aria-hidden="true" />
        </Button>
      )}
    </span>
  );
}

function dollars(usd: number | null): string | null {
  return usd === null ? null : money(usd);
}

function limit(usd: number | null): string {
  return usd === null ? copy.budgets.noLimit : money(usd);
}

function tokens(n: number | null): string {
  return n === null ? copy.budgets.noLimit : count(n);
}
