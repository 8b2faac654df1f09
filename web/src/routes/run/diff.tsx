import { useQuery } from '@tanstack/react-query';
import type { TaskDetailWire } from '../../../../src/http/contract.ts';
import { changesQuery } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { DiffView } from '../../ui/diff.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';

/** What the task's branch changes as Orch has taken it, and what the live agent has beyond that. */
export function RunDiff({ task }: { task: TaskDetailWire | null }) {
  const query = useQuery({ ...changesQuery(task?.key ?? ''), enabled: task !== null });
  if (task === null) return <Empty>{copy.diff.noTask}</Empty>;
  return (
    <Loaded query={query} what={copy.run.tabs.diff} rows={8}>
      {({ patch: { text, isCut }, work }) => (
        <>
          {work === null ? null : (
            <>
              <h3 className="px-4 pt-3">{copy.diff.work}</h3>
              <DiffView text={work.text} />
            </>
          )}
          <h3 className="px-4 pt-3">{copy.diff.taken}</h3>
          <DiffView text={text} />
          {isCut ? <p className="card-body text-sm text-ink-2">{copy.approval.cut}</p> : null}
        </>
      )}
    </Loaded>
  );
}
