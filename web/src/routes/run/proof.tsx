import { useQuery } from '@tanstack/react-query';
import { Check } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ProofWire, RunWire } from '../../../../src/http/contract.ts';
import { runQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { count, percent, plural } from '../../lib/format.ts';
import { Card } from '../../ui/card.tsx';
import { Changed } from '../../ui/changed.tsx';
import { At } from '../../ui/time.tsx';

/** What the processes and the worktree of a live run prove, as far as it is known. */
export function proofRows(proof: ProofWire | null): (readonly [string, ReactNode])[] {
  if (proof === null) return [];
  const { commits, change, cpuShare } = proof;
  return [
    ...(commits === null ? [] : [[copy.run.commits, count(commits)] as const]),
    ...(change === null
      ? []
      : [
          [
            copy.run.worktree,
            <span key="change" className="num">
              <Changed added={change.added} deleted={change.deleted} /> {copy.run.in}{' '}
              {plural(change.files, 'file')}
            </span>,
          ] as const,
        ]),
    ...(cpuShare === null ? [] : [[copy.run.cpu, percent(cpuShare)] as const]),
  ];
}

/** The gates that were open when the run was started. */
export function GatesPassed({ run }: { run: RunWire }) {
  const gates = useQuery(runQuery(run.id)).data?.gates ?? [];
  if (gates.length === 0) return null;
  return (
    <Card title={copy.run.gates} hint={<At at={run.startedAt} />}>
      <ul className="card-body grid gap-1.5 text-sm">
        {gates.map(({ gate, text }) => (
          <li key={gate} className="tone-done flex items-start gap-2">
            <Check size={16} aria-hidden="true" className="mt-0.5 shrink-0 text-tone" />
            <span className="min-w-0">
              <span className="font-medium">{copy.gate[gate] ?? gate}</span>{' '}
              <span className="text-ink-2">{text}</span>
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
