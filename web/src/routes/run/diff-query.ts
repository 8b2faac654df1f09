import { ask } from '../../api/queries.ts';

export function diffQuery(runId: string) {
  return ask<{ diff: { patch: string; cut: boolean } }>(['diff', runId], `/runs/${runId}/diff`);
}
