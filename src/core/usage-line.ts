import type { Run } from './model.ts';
import type { Usage } from './usage.ts';

const number = new Intl.NumberFormat('en-US');

/** The usage comment of one run, in Markdown. Unknown cost is said to be unknown, never $0. */
export function usageLine(stage: string, run: Run, usage: Usage): string {
  const cost = usage.costUsd === null ? 'cost unknown' : `$${usage.costUsd.toFixed(2)}`;
  const cache = usage.cacheReadTokens > 0 ? `, ${number.format(usage.cacheReadTokens)} from cache` : '';
  const tokens = `${number.format(usage.inputTokens)} tokens in${cache}, ${number.format(usage.outputTokens)} out`;
  return `**${stage}** done by ${run.agent ?? 'orch'} on ${run.account ?? 'no account'}: ${tokens}, ${cost} (run_${run.id}, attempt ${run.attempt}).`;
}
