import { nodeAt, type SchemaNode } from './schema.ts';

type Mapping = Readonly<Record<string, unknown>>;

/**
 * `port:` with nothing behind it is null in YAML and means "not set", so known keys without a value
 * are dropped, and `claude-a:` alone is an account with no keys, `quick:` a pipeline with none. Nulls elsewhere stay, and the
 * schema refuses them.
 */
export function settledNulls(raw: Mapping, root: SchemaNode): Mapping {
  return settle(raw, root, []) as Mapping;
}

function settle(value: unknown, root: SchemaNode, path: readonly PropertyKey[]): unknown {
  if (Array.isArray(value)) return value.map((item, at) => settle(item, root, [...path, at]));
  if (typeof value !== 'object' || value === null) return value;
  const properties = nodeAt(root, path)?.properties;
  const entries = Object.entries(value).flatMap(([key, child]): [string, unknown][] => {
    if (child !== null) return [[key, settle(child, root, [...path, key])]];
    if (properties !== undefined && Object.hasOwn(properties, key)) return [];
    const named =
      (path.length === 1 && (path[0] === 'accounts' || path[0] === 'projects')) ||
      (path.length === 3 && path[0] === 'projects' && path[2] === 'pipelines');
    return [[key, named ? {} : null]];
  });
  return Object.fromEntries(entries);
}
