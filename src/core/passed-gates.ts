import { type Budget, leftOfTask } from './budget.ts';
import type { Job, Run, Task } from './model.ts';

/** A gate that was open when a run was started, named as the checks of the explanation are. */
export interface PassedGate {
  readonly gate: 'dispatch' | 'host' | 'dependency' | 'budget' | 'account' | 'breaker' | 'cap' | 'worker';
  readonly text: string;
}

/**
 * What the dispatcher had looked at before it started a run, in its order. It claims nothing while one of these is closed
 * (`reasonFor`), so each was open at `startedAt`; what it says beyond that is a fact of the run itself.
 */
export function passedGates(of: {
  readonly run: Pick<Run, 'account' | 'probe' | 'status'>;
  readonly job: Pick<Job, 'agent'>;
  readonly task: Task | null;
  readonly budget: Budget;
  /** Whether sign-ins are judged at all. */
  readonly checkAuth: boolean;
}): PassedGate[] {
  const { run, job, task, budget, checkAuth } = of;
  const { account, probe } = run;
  const ofAgent: PassedGate[] =
    job.agent === null || account === null
      ? []
      : [
          ...budgetGate(of, task, budget),
          {
            gate: 'account',
            text: probe
              ? `The one start on ${account} that finds out whether it works`
              : checkAuth
                ? `Signed in to ${account}`
                : `The CLI of ${account} answers; its sign-in is not checked`,
          },
          ...(probe ? [] : [{ gate: 'breaker', text: 'Closed' } as const]),
        ];
  return [
    { gate: 'dispatch', text: 'Not paused' },
    { gate: 'host', text: 'Enough disk and memory' },
    ...(task === null ? [] : [{ gate: 'dependency', text: 'Nothing it depends on is open' } as const]),
    ...ofAgent,
    { gate: 'cap', text: 'Room under every cap' },
    { gate: 'worker', text: 'A free slot' },
  ];
}

/** While it runs, what the task had cost at its start is what it costs now: a run's cost counts when it has ended. */
function budgetGate(
  { run }: { readonly run: Pick<Run, 'status'> },
  task: Task | null,
  budget: Budget,
): PassedGate[] {
  const left = task === null ? null : leftOfTask(task, budget);
  if (left !== null && run.status === 'running')
    return [{ gate: 'budget', text: `$${left.toFixed(2)} of $${budget.usdPerTask} left for the task` }];
  const isLimited = left !== null || budget.usdPerDay !== null || budget.tokensPerDay !== null;
  return [{ gate: 'budget', text: isLimited ? 'Not reached' : 'None is set' }];
}
