import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError, post } from '../../api/client.ts';
import { copy } from '../../copy.ts';
import { toast } from '../../ui/toast.tsx';
import { Chip } from '../../ui/tone.tsx';
import { announce } from '../announcer.tsx';

export interface Outcome {
  readonly target: string;
  readonly error: string | null;
}

type BulkAction = 'retry' | 'cancel' | 'urgent' | 'not_urgent' | 'priority' | 'move';

/**
 * One action on one or several targets. Several go to the server in one call, which does or refuses each by
 * itself and says which; all are safe to repeat.
 */
export function useBulk(done: string, onDone: () => void) {
  const client = useQueryClient();
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([]);
  const [isPending, setPending] = useState(false);
  return {
    outcomes,
    isPending,
    async run(action: BulkAction, targets: readonly string[], body: object): Promise<void> {
      setPending(true);
      const results = await ask(action, targets, body);
      setOutcomes(results);
      setPending(false);
      await client.invalidateQueries();
      if (results.some(({ error }) => error !== null)) return;
      announce(done);
      toast({ text: done });
      onDone();
    },
  };
}

async function ask(action: BulkAction, targets: readonly string[], body: object): Promise<Outcome[]> {
  const [first] = targets;
  try {
    if (targets.length === 1 && first !== undefined && (action === 'retry' || action === 'cancel')) {
      await post(`/${action}`, { body: { ...body, target: first } });
      return [{ target: first, error: null }];
    }
    const { results } = await post('/bulk', { body: { action, ids: targets, ...withoutStage(body) } });
    return results.map(({ id, error }) => ({
      target: id,
      error: error === null ? null : [error.title, error.hint].filter(Boolean).join('. '),
    }));
  } catch (problem) {
    const error =
      problem instanceof ApiError
        ? [problem.message, problem.problem.hint].filter(Boolean).join('. ')
        : String(problem);
    return targets.map((target) => ({ target, error }));
  }
}

/** Several jobs have no stage in common to go back to. */
function withoutStage(body: object): object {
  return Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'fromStage'));
}

export function Outcomes({ outcomes, of }: { outcomes: readonly Outcome[]; of: number }) {
  if (outcomes.length === 0) return null;
  return (
    <div className="grid gap-2" role="status">
      <p className="num text-sm text-ink-2">{copy.dialog.progress(outcomes.length, of)}</p>
      <ul className="grid gap-1">
        {outcomes.map(({ target, error }) => (
          <li key={target} className="flex flex-wrap items-center gap-2 text-sm">
            <Chip state={error === null ? 'done' : 'failed'}>
              {error === null ? copy.dialog.accepted : copy.dialog.refused}
            </Chip>
            <span className="mono">{target}</span>
            {error === null ? null : <span className="wrap-anywhere text-ink-2">{error}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}
