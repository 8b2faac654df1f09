import type { PlanWindow } from '../../core/failure.ts';
import { isJsonObject, type JsonObject } from '../json-documents.ts';
import { epochMsOf } from '../reset-time.ts';

/**
 * Tolerant readers of the CLI's event lines. Fields come and go with each release, so an absent or
 * odd one reads as nothing and never throws.
 */
export function textAt(object: JsonObject | null | undefined, key: string): string {
  const value = object?.[key];
  return typeof value === 'string' ? value : '';
}

/** A finite number that is not negative, also as a numeric string; null otherwise. */
export function amountAt(object: JsonObject | null | undefined, key: string): number | null {
  const value = object?.[key];
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : null;
}

export function objectAt(object: JsonObject | null | undefined, key: string): JsonObject | null {
  const value = object?.[key];
  return isJsonObject(value) ? value : null;
}

export function listAt(object: JsonObject | null | undefined, key: string): readonly unknown[] {
  const value = object?.[key];
  return Array.isArray(value) ? value : [];
}

/** True for `true`, and for the spellings that a changed serialiser may use. */
export function flagAt(object: JsonObject | null | undefined, key: string): boolean {
  const value = object?.[key];
  return value === true || value === 1 || value === 'true';
}

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
