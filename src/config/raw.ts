import { nearest } from '../lib/suggest.ts';
import { isName } from './fields.ts';
import type { Finding } from './problems.ts';

/** Looks at configuration as it was written: any shape, nothing trusted. */
export type Path = readonly PropertyKey[];
export type Mapping = Readonly<Record<string, unknown>>;

export function mapping(value: unknown): Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export interface Walk {
  /** Where the list of stages stands. */
  readonly path: Path;
  /** Name of the pipeline; null for `pipeline` itself. */
  readonly name: string | null;
  readonly stages: readonly unknown[];
}

/** Every list of stages that a project spells out. */
export function walksOf(project: Mapping, path: Path): Walk[] {
  const further = Object.entries(mapping(project.pipelines)).map(
    ([name, pipeline]): Walk => ({
      path: [...path, 'pipelines', name, 'stages'],
      name,
      stages: list(mapping(pipeline).stages),
    }),
  );
  const all = [{ path: [...path, 'pipeline'], name: null, stages: list(project.pipeline) }, ...further];
  return all.filter(({ stages }) => stages.length > 0);
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
