import { useQuery } from '@tanstack/react-query';
import type { AccountWire, UsageWire } from '../../../../src/http/contract.ts';
import { accountsQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { count, estimated, moneyOrDash, percent, sentence, spent } from '../../lib/format.ts';
import { Table } from '../../ui/table.tsx';
import { Ago, At } from '../../ui/time.tsx';

/** More colours than this cannot be told apart: the rest is one. */
export const SERIES = 5;

type Row = UsageWire['rows'][number];
type Sums = UsageWire['total'];

/** A dash while no price of it is known; ≈ where part of it is a list price. */
export function costOf({ costUsd, planUsd, unknownCosts, runs }: Sums): string {
  return estimated(moneyOrDash(unknownCosts >= runs ? null : costUsd), planUsd > 0);
}

/** What each finished task took; a dash where none is finished or no price is known, a plus where part is not. */
export function perFinished({ finished: { tasks, costUsd, unknownCosts }, planUsd }: Sums): string {
  if (tasks === 0) return '–';
  return estimated(spent({ costUsd: costUsd / tasks, unknownCosts }), planUsd > 0);
}

const FIGURES: readonly (readonly [name: string, of: (row: Sums) => string])[] = [
  [copy.usage.runs, ({ runs }) => count(runs)],
  [copy.usage.failed, ({ failed }) => count(failed)],
  [copy.usage.input, ({ inputTokens }) => count(inputTokens)],
  [copy.usage.cacheRead, ({ cacheReadTokens }) => count(cacheReadTokens)],
  [copy.usage.cacheWrite, ({ cacheWriteTokens }) => count(cacheWriteTokens)],
  [copy.usage.output, ({ outputTokens }) => count(outputTokens)],
  [
    copy.usage.cached,
    ({ inputTokens, cacheReadTokens, cacheWriteTokens }) => {
      const input = inputTokens + cacheReadTokens + cacheWriteTokens;
      return input === 0 ? '–' : percent(cacheReadTokens / input);
    },
  ],
];

/** The chart in figures, and what a finished task took. */
export function Figures({ usage }: { usage: UsageWire }) {
  const isByAccount = usage.by === 'account';
  const accounts = useQuery({ ...accountsQuery(), enabled: isByAccount }).data?.accounts ?? [];
  const perTask = (
    <abbr className="no-underline" title={copy.usage.perFinishedHint}>
      {copy.usage.perFinished}
    </abbr>
  );
  return (
    <Table
      columns={[
        sentence(usage.by),
        ...[copy.columns.cost, perTask, ...FIGURES.map(([name]) => name)].map((name) => ({
          ...{ name, isNumber: true },
        })),
        ...(isByAccount ? [copy.usage.plan] : []),
      ]}
    >
      {usage.rows.map((row, i) => (
        <tr key={row.key ?? ''}>
          <th scope="row" className="full !text-base !font-semibold !text-ink">
            <span className="flex items-center gap-2">
              <i
                aria-hidden="true"
                className="size-2.5 shrink-0 rounded-[3px]"
                style={{ background: `var(--series-${Math.min(i, SERIES) + 1})` }}
              />
              <span className={usage.by === 'stage' ? '' : 'mono'}>{nameOf(row, usage.by)}</span>
            </span>
          </th>
          <Cells of={row} />
          {isByAccount ? (
            <td className="full text-sm" data-label={copy.usage.plan}>
              <Windows account={accounts.find(({ id }) => id === row.key)} />
            </td>
          ) : null}
        </tr>
      ))}
      {usage.rows.length < 2 ? null : (
        <tr>
          <th scope="row" className="full !text-base !font-semibold !text-ink">
            {copy.usage.total}
          </th>
          <Cells of={usage.total} />
          {isByAccount ? <td className="away" /> : null}
        </tr>
      )}
    </Table>
  );
}

function nameOf({ key }: Row, by: UsageWire['by']): string {
  if (key === null) return copy.usage.unknownKey;
  return by === 'stage' ? sentence(key) : key;
}

function Cells({ of }: { of: Sums }) {
  const isPartKnown = of.unknownCosts > 0 && of.unknownCosts < of.runs;
  return (
    <>
      <td className="n whitespace-nowrap" data-label={copy.columns.cost}>
        {costOf(of)}
        {isPartKnown ? (
          <span className="block text-xs text-ink-3">{copy.usage.unknown(count(of.unknownCosts))}</span>
        ) : null}
      </td>
      <td className="n whitespace-nowrap" data-label={copy.usage.perFinished}>
        {perFinished(of)}
        {of.finished.tasks === 0 ? null : (
          <span className="block text-xs text-ink-3">{copy.usage.finished(count(of.finished.tasks))}</span>
        )}
      </td>
      {FIGURES.map(([name, figure]) => (
        <td key={name} className="n" data-label={name}>
          {figure(of)}
        </td>
      ))}
    </>
  );
}

/** How much of each window of its plan is used, as the CLI last reported it. */
function Windows({ account }: { account: AccountWire | undefined }) {
  const windows = account?.windows ?? [];
  if (windows.length === 0) return <span className="text-ink-3">{copy.usage.notReported}</span>;
  return windows.map(({ name, utilization, resetAt, seenAt }) => (
    <span key={name} className="block">
      <span className="num whitespace-nowrap">
        {copy.usage.planWindow(name, utilization === null ? '–' : percent(utilization))}
      </span>
      <span className="dotted text-xs text-ink-3">
        {resetAt === null ? null : (
          <span>
            {copy.usage.resets} <At at={resetAt} />
          </span>
        )}
        <span>
          {copy.usage.reported} <Ago at={seenAt} />
        </span>
      </span>
    </span>
  ));
}
