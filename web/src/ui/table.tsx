import type { ReactNode } from 'react';
import { copy } from '../copy.ts';

export interface Column {
  readonly name: ReactNode;
  /** Figures stand at the right. */
  readonly isNumber?: boolean;
  /** Only where there is room for it. */
  readonly isWide?: boolean;
}

/** The column of a row's own buttons: it has a name for those who do not see what is in it. */
export const ACTIONS: Column = { name: <span className="sr-only">{copy.columns.actions}</span> };

/** A table with its heads; on a phone each row becomes two lines and the heads are read out only. */
export function Table({
  columns,
  children,
  className = 'table-rows',
  isHeadless = false,
}: {
  columns: readonly (string | Column)[];
  /** The rows. */
  children: ReactNode;
  className?: string;
  /** Heads that only a screen reader needs. */
  isHeadless?: boolean;
}) {
  return (
    <table className={`table ${className}`}>
      <thead className={isHeadless ? 'sr-only' : undefined}>
        <tr>
          {columns.map((column, i) => {
            const { name, isNumber, isWide }: Column = typeof column === 'string' ? { name: column } : column;
            const look = [isNumber === true ? 'n' : '', isWide === true ? 'max-lg:hidden' : ''];
            return (
              <th key={i} scope="col" className={look.filter(Boolean).join(' ') || undefined}>
                {name}
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  );
}

/** What a chart draws, as rows, for those who do not see it. */
export function ChartTable({
  caption,
  heads,
  rows,
}: {
  caption: string;
  heads: readonly string[];
  rows: readonly (readonly string[])[];
}) {
  return (
    // A table is as wide as what is in it: what makes it small stands around it.
    <div className="sr-only">
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...values], i) => (
            <tr key={i}>
              <th scope="row">{name}</th>
              {values.map((value, at) => (
                <td key={at}>{value}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
