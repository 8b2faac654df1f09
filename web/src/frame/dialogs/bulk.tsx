import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError, post } from '../../api/client.ts';
import { copy } from '../../copy.ts';
import { Chip } from '../../ui/tone.tsx';
import { announce } from '../announcer.tsx';

export interface Outcome {
  readonly target: string;
  readonly error: string | null;
}

/**
 * One action on several targets: each is asked for by itself and is safe to repeat, so one that is refused
 * does not stop the others, and each has its own result.
 */
export function useBulk(path: string) {
  const client = useQueryClient();
  const [outcomes, setOutcomes] = useState<readonly Outcome[]>([]);
  const [isPending, setPending] = useState(false);
  return {
    outcomes,
    isPending,
    async run(targets: readonly string[], body: object, done: string): Promise<boolean> {
      setPending(true);
      const results: Outcome[] = [];
      for (const target of targets) {
        const error = await post(path, { ...body, target }).then(
          () => null,
          (problem: unknown) =>
            problem instanceof ApiError
              ? [problem.message, problem.problem.hint].filter(Boolean).join('. ')
              : String(problem),
        );
        results.push({ target, error });
        setOutcomes([...results]);
      }
      setPending(false);
      await client.invalidateQueries();
      const isGood = results.every(({ error }) => error === null);
      if (isGood) announce(done);
      return isGood;
    },
  };
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
