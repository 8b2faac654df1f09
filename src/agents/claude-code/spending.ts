import { NO_USAGE, type Usage } from '../../core/usage.ts';
import { amountAt, objectAt, textAt } from '../fields.ts';
import type { JsonObject } from '../json-documents.ts';
import { isSynthetic } from './event-fields.ts';

/** A message repeats its usage on each of its lines. Past this many ids repetitions are told by their neighbours alone. */
const MAX_IDS = 50_000;

export interface Spending {
  readonly usage: Usage;
  /** The model itself answered: tokens that are not the CLI's own message. */
  readonly realAnswer: boolean;
}

/** Reads a `usage` object; anything missing is 0. */
export function usageOf(usage: JsonObject): Usage {
  return {
    ...NO_USAGE,
    inputTokens: countAt(usage, 'input_tokens'),
    outputTokens: countAt(usage, 'output_tokens'),
    cacheReadTokens: countAt(usage, 'cache_read_input_tokens'),
    cacheWriteTokens: countAt(usage, 'cache_creation_input_tokens'),
  };
}

/** All tokens of a usage. */
export function tokensOf(usage: Usage): number {
  return usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens;
}

/** Sums what the assistant lines of a log say, read newest first. For runs that left no result. */
export function createSpending() {
  const seen = new Set<string>();
  let last = '';
  let usage: Usage = NO_USAGE;
  let realAnswer = false;
  return {
    add(turn: JsonObject): void {
      const message = objectAt(turn, 'message');
      const said = objectAt(message, 'usage');
      const id = textAt(message, 'id') || textAt(turn, 'uuid');
      if (said === null || isSynthetic(turn) || id === last || seen.has(id)) return;
      last = id;
      if (seen.size < MAX_IDS) seen.add(id);
      const more = usageOf(said);
      realAnswer ||= more.outputTokens > 0;
      usage = {
        inputTokens: usage.inputTokens + more.inputTokens,
        outputTokens: usage.outputTokens + more.outputTokens,
        cacheReadTokens: usage.cacheReadTokens + more.cacheReadTokens,
        cacheWriteTokens: usage.cacheWriteTokens + more.cacheWriteTokens,
        turns: usage.turns + 1,
        costUsd: null,
      };
    },
    total: (): Spending => ({ usage, realAnswer }),
  };
}

function countAt(usage: JsonObject, key: string): number {
  return Math.round(amountAt(usage, key) ?? 0);
}
