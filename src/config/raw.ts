import { isName } from './fields.ts';
import type { Finding } from './problems.ts';
import { nearest } from './suggest.ts';

/** Looks at configuration as it was written: any shape, nothing trusted. */
export type Path = readonly PropertyKey[];
export type Mapping = Readonly<Record<string, unknown>>;

export function mapping(value: unknown): Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function missingName(path: Path, name: unknown, known: readonly string[], what: string): Finding[] {
  if (typeof name !== 'string' || known.includes(name)) return [];
  const meant = nearest(name, known.filter(isName));
  return [
    {
      path,
      problem: `is not a configured ${what}`,
      fix: meant === null ? `define it under ${what}s` : `did you mean "${meant}"?`,
    },
  ];
}
