import type { PlanWindow } from '../../core/failure.ts';
import { amountAt, flagAt, listAt, objectAt, textAt } from '../fields.ts';
import { isJsonObject, type JsonObject } from '../json-documents.ts';
import { epochMsOf } from '../reset-time.ts';

/** Whether an assistant line holds the CLI's own words instead of the model's. */
export function isSynthetic(turn: JsonObject): boolean {
  return (
    flagAt(turn, 'is_api_error_message') ||
    flagAt(turn, 'isApiErrorMessage') ||
    textAt(turn, 'error') !== '' ||
    textAt(objectAt(turn, 'message'), 'model') === '<synthetic>'
  );
}

/** The text blocks of an assistant line. */
export function wordsOfTurn(turn: JsonObject): string {
  const message = objectAt(turn, 'message');
  const blocks = listAt(message, 'content').filter(isJsonObject);
  return textAt(message, 'content') || blocks.map((block) => textAt(block, 'text')).join('');
}

/** When the plan's rejection ends, by the fields of a rate limit event; null for a mere throttle. */
export function rejectedUntil(limit: JsonObject): number | null {
  if (textAt(limit, 'status') !== 'rejected') return null;
  const windows = Object.values(objectAt(limit, 'unifiedWindows') ?? {}).filter(isJsonObject);
  const resets = windows
    .filter((window) => textAt(window, 'status') === 'rejected')
    .map(resetOf)
    .filter((reset) => reset !== null);
  return resetOf(limit) ?? (resets.length > 0 ? Math.max(...resets) : null);
}

/** The plan's windows as one rate limit event tells them. */
export function windowsOf(limit: JsonObject): PlanWindow[] {
  const unified = Object.entries(objectAt(limit, 'unifiedWindows') ?? {});
  const named = unified.flatMap(([name, window]) => (isJsonObject(window) ? [windowOf(name, window)] : []));
  const name = textAt(limit, 'rateLimitType');
  return named.length > 0 || name === '' ? named : [windowOf(name, limit)];
}

function windowOf(name: string, window: JsonObject): PlanWindow {
  const used = amountAt(window, 'utilization');
  // A share may pass 1 while extra usage is billed; what is far above it is a percentage.
  return { name, utilization: used !== null && used > 2 ? used / 100 : used, resetAt: resetOf(window) };
}

function resetOf(object: JsonObject): number | null {
  return epochMsOf(object['resetsAt'] ?? object['resets_at']);
}
