import { useQuery } from '@tanstack/react-query';
import type { RunWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { DiffView } from '../../ui/diff.tsx';
import { Loaded } from '../../ui/states.tsx';
import { diffQuery } from './diff-query.ts';

/** What the run changed: live from its worktree, afterwards as it was taken into the branch. */
export function RunDiff({ run }: { run: RunWire }) {
  const query = useQuery({
    ...diffQuery(run.id),
    refetchInterval: run.status === 'running' ? 10_000 : false,
  });
  return (
    <Loaded query={query} what={copy.run.tabs.diff} rows={8}>
      {({ diff }) => (
        <>
          <DiffView text={diff.patch} />
          {diff.cut ? <p className="card-body text-sm text-ink-2">{copy.approval.cut}</p> : null}
        </>
      )}
    </Loaded>
  );
}
