import { useQuery } from '@tanstack/react-query';
import type { RunWire } from '../../../../src/http/contract.ts';
import { ask } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { DiffView } from '../../ui/diff.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';

/** What the task's branch changes, as far as Orch has taken it. */
export function RunDiff({ run }: { run: RunWire }) {
  const query = useQuery({
    ...ask<{ diff: string | null }>(['diff', run.id], `/runs/${run.id}/diff`),
    refetchInterval: run.status === 'running' ? 15_000 : false,
  });
  return (
    <Loaded query={query} what={copy.run.tabs.diff} rows={8}>
      {({ diff }) => (diff === null ? <Empty>{copy.diff.none}</Empty> : <DiffView text={diff} />)}
    </Loaded>
  );
}
