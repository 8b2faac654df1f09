import { useQuery } from '@tanstack/react-query';
import { ask } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { count, money } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Table } from '../../ui/table.tsx';
import { Chip } from '../../ui/tone.tsx';

/** What each project may spend, what it did, and where the limit comes from. */
export function Budgets({ project }: { project: string | undefined }) {
  const query = useQuery(ask(['budgets'], '/budgets'));
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
                  <th scope="row">
                    {each.project}{' '}
                    {each.level === 'within' ? null : (
                      <Chip state={each.level === 'reached' ? 'needs_you' : 'waiting'}>
                        {copy.budgets.level[each.level]}
                      </Chip>
                    )}
                  </th>
                  <td className="n" title={each.perDay.key}>
                    {copy.budgets.of(money(each.perDay.spentUsd), limit(each.perDay.usd))}
                    <Origin from={each.perDay} />
                  </td>
                  <td className="n" title={each.tokensPerDay.key}>
                    {copy.budgets.of(count(each.tokensPerDay.spent), tokens(each.tokensPerDay.tokens))}
                    <Origin from={each.tokensPerDay} />
                  </td>
                  <td className="n" title={each.perTask.key}>
                    {limit(each.perTask.usd)}
                    <Origin from={each.perTask} />
                  </td>
                  <td className="n">
                    {money(each.monthUsd)}
                    {each.unknownCosts.month === 0 ? '' : ` + ${copy.task.unknown}`}
                  </td>
                </tr>
              ))}
            </Table>
          );
        }}
      </Loaded>
    </Card>
  );
}

function Origin({ from }: { from: { origin: string } }) {
  return <span className="block text-xs text-ink-3">{from.origin}</span>;
}

function limit(usd: number | null): string {
  return usd === null ? copy.budgets.noLimit : money(usd);
}

function tokens(n: number | null): string {
  return n === null ? copy.budgets.noLimit : count(n);
}
