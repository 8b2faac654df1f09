import type { TaskDetailWire } from '../../../../src/http/contract.ts';
import { copy } from '../../copy.ts';
import { testsOf } from '../../lib/trace.ts';
import { Empty } from '../../ui/states.tsx';
import { TestLine } from '../task/trace.tsx';

/** The tests that the criteria of the task name, as they stand at its head. */
export function Checks({ task }: { task: TaskDetailWire | null }) {
  const { tests } = testsOf(task?.trace ?? null);
  if (tests.length === 0) return <Empty>{copy.run.noChecks}</Empty>;
  return (
    <ul className="card-body grid gap-2">
      {tests.map((test) => (
        <TestLine key={test.id} test={test} />
      ))}
    </ul>
  );
}
