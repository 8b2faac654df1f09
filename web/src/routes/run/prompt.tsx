import { useQuery } from '@tanstack/react-query';
import type { RunWire } from '../../../../src/http/contract.ts';
import { ask } from '../../api/queries.ts';
import { copy } from '../../copy.ts';
import { Empty, Loaded } from '../../ui/states.tsx';

/** What the agent was told, word for word. */
export function Prompt({ run }: { run: RunWire }) {
  const query = useQuery({
    ...ask(['prompt', run.id], '/runs/{id}/prompt', { params: { id: run.id } }),
    refetchInterval: false,
  });
  return (
    <Loaded query={query} what={copy.run.tabs.prompt} rows={8}>
      {({ prompt }) =>
        prompt === null ? (
          <Empty>{copy.run.noPrompt}</Empty>
        ) : (
          <pre
            tabIndex={0}
            aria-label={copy.run.tabs.prompt}
            className="max-h-[70vh] overflow-auto p-4 text-[12.5px] leading-5 wrap-anywhere whitespace-pre-wrap"
          >
            {prompt}
          </pre>
        )
      }
    </Loaded>
  );
}
