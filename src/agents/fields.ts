import { isJsonObject, type JsonObject } from './json-documents.ts';

/**
 * Tolerant readers of a CLI's event lines. Fields come and go with each release, so an absent or
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
