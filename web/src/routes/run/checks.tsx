import type { RunWire, TaskDetailWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { Empty } from '../../ui/states.tsx';
import { Chip, type StateName } from '../../ui/tone.tsx';

/** The tests that the criteria of the task name, as they stand at its head. */
export function Checks({ task }: { run: RunWire; task: TaskDetailWire | null }) {
  const tests = task?.trace?.criteria.flatMap((criterion) => criterion.tests) ?? [];
  if (tests.length === 0) return <Empty>{copy.run.noChecks}</Empty>;
  return (
    <ul className="card-body grid gap-2">
      {tests.map((test) => (
        <li key={test.id} className="flex flex-wrap items-start gap-2 text-sm">
          <Chip state={SHAPES[test.state] ?? 'waiting'}>{copy.trace.state[test.state]}</Chip>
          <span className="mono">{test.id}</span>
          <span className="min-w-0 wrap-anywhere">{test.what}</span>
          {test.detail === '' ? null : (
            <span className="basis-full wrap-anywhere text-ink-3">{test.detail}</span>
          )}
        </li>
      ))}
    </ul>
  );
}

const SHAPES: Readonly<Record<string, StateName>> = {
  passed: 'done',
  ticked: 'done',
  failed: 'failed',
  missing: 'failed',
  to_tick: 'needs_you',
};
