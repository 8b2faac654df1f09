import type { ReactNode } from 'react';

export type FactRows = readonly (readonly [name: string, value: ReactNode])[];

/** Names on the left, values on the right. */
export function Facts({ rows }: { rows: FactRows }) {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
