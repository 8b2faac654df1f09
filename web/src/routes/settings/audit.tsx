import { useNavigate, useSearch } from '@tanstack/react-router';
import { Download } from 'lucide-react';
import type { AuditEntryWire } from '../../../../src/http/contract.ts';
import { address } from '../../api/client.ts';
import { copy } from '../../copy.ts';
import { Bar, FilterField, FilterSelect } from '../../ui/bar.tsx';
import { buttonClass } from '../../ui/button.tsx';
import { More, usePages } from '../../ui/pages.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { Table } from '../../ui/table.tsx';
import { At } from '../../ui/time.tsx';

const SURFACES = ['cli', 'web', 'api', 'telegram', 'tracker', 'forge', 'orch'] as const;
const DAY_MS = 86_400_000;

/** Who did what, when and from where, with what it was before and after. */
export function AuditLog() {
  const search = useSearch({ from: '/framed/settings' });
  const navigate = useNavigate({ from: '/settings' });
  const days = Number(Object.keys(copy.settings.lastDays).find((each) => each === search.days) ?? 0);
  // Whole days of UTC: the same address asks for the same entries all day.
  const first = (Math.floor(Date.now() / DAY_MS) - days + 1) * DAY_MS;
  const since = days === 0 ? undefined : new Date(first).toISOString();
  const { by, action } = search;
  const surface = SURFACES.find((each) => each === search.surface);
  const filters = { by, action, surface, since, target: search.q };
  const query = usePages('audit', '/audit', filters);
  const entries = query.data?.pages.flatMap((page) => page.entries) ?? [];
  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true });
  return (
    <>
      <Bar>
        <FilterField label={copy.settings.target} value={search.q} onChange={(q) => set({ q })} />
        <FilterField
          isFirst={false}
          label={copy.settings.who}
          value={search.by}
          onChange={(name) => set({ by: name })}
        />
        <FilterField
          isFirst={false}
          label={copy.settings.action}
          value={search.action}
          onChange={(name) => set({ action: name })}
        />
        <FilterSelect
          label={copy.settings.surface}
          value={search.surface}
          none={`${copy.settings.surface}: ${copy.settings.any}`}
          options={SURFACES.map((each) => [each, each])}
          onChange={(name) => set({ surface: name })}
        />
        <FilterSelect
          label={copy.settings.period}
          value={days === 0 ? undefined : search.days}
          none={`${copy.settings.period}: ${copy.settings.any}`}
          options={Object.entries(copy.settings.lastDays)}
          onChange={(each) => set({ days: each })}
        />
        <span className="flex-1 max-md:hidden" />
        <a
          className={buttonClass('plain', true)}
          href={address('/audit', { query: { ...filters, format: 'csv' } })}
          download
        >
          <Download aria-hidden="true" />
          {copy.settings.csv}
        </a>
      </Bar>
      <Loaded query={query} what={copy.settings.parts.audit} rows={8}>
        {() =>
          entries.length === 0 ? (
            <Empty>{copy.settings.noAudit}</Empty>
          ) : (
            <>
              <Table
                columns={[
                  copy.settings.when,
                  copy.settings.who,
                  copy.settings.action,
                  copy.settings.target,
                  copy.settings.surface,
                  copy.settings.change,
                ]}
              >
                {entries.map((entry) => (
                  <tr key={entry.id} data-row>
                    <td className="text-sm whitespace-nowrap text-ink-2">
                      <At at={entry.at} />
                    </td>
                    <td className="text-sm font-medium wrap-anywhere">{entry.by}</td>
                    <td className="text-sm">
                      <code className="text-[12.5px]">{entry.action}</code>
                    </td>
                    <td className="mono text-sm !whitespace-normal wrap-anywhere">{entry.target}</td>
                    <td className="text-sm text-ink-2">{entry.surface}</td>
                    <td className="full text-xs wrap-anywhere text-ink-3">
                      <Facts before={entry.before} after={entry.after} />
                    </td>
                  </tr>
                ))}
              </Table>
              <More query={query} label={copy.settings.more} />
            </>
          )
        }
      </Loaded>
    </>
  );
}

/** Only what changed. */
function Facts({ before, after }: Pick<AuditEntryWire, 'before' | 'after'>) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => before?.[name] !== after?.[name]);
  return changed
    .map((name) => {
      const [from, to] = [before?.[name], after?.[name]];
      if (from === undefined) return `${name}: ${to}`;
      return `${name}: ${from} → ${to ?? '–'}`;
    })
    .join(', ');
}
