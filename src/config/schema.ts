import { z } from 'zod';
import { accountSchema } from './accounts.ts';
import { nameKey } from './fields.ts';
import { notifySchema } from './notify.ts';
import { projectSchema } from './projects.ts';
import { retentionSchema } from './retention.ts';
import { settingShape } from './settings.ts';
import type { Kinds } from './types.ts';

/** The one strict schema of `orch.yaml`, for the kinds this build can plug in. */
export function configSchema(kinds: Kinds) {
  return z.strictObject({
    ...settingShape,
    accounts: z.record(nameKey(), accountSchema(kinds)).prefault({}).describe('Agent homes, by name.'),
    projects: z
      .record(nameKey(), projectSchema(kinds))
      .prefault({})
      .describe('Repositories that Orch works in, by name.'),
    notify: notifySchema.prefault({}).describe('Who is told what.'),
    retention: retentionSchema.prefault({}).describe('How long what nobody needs any more is kept.'),
  });
}

export type FileConfig = z.output<ReturnType<typeof configSchema>>;

/** The parts of JSON Schema that the messages and the reference look at. */
export interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

/** JSON Schema of what an operator writes (before defaults), for `orch config schema` and editors. */
export function jsonSchema(kinds: Kinds): SchemaNode & Record<string, unknown> {
  const schema = z.toJSONSchema(configSchema(kinds), { io: 'input' });
  return { ...schema, title: 'orch.yaml' } as SchemaNode & Record<string, unknown>;
}

/** The part of the schema that describes one path; null where nothing is known. */
export function nodeAt(root: SchemaNode, path: readonly PropertyKey[]): SchemaNode | null {
  let nodes: readonly SchemaNode[] = [root];
  for (const step of path) {
    nodes = nodes.flatMap(alternatives).flatMap((node) => {
      const { items, properties, additionalProperties: rest } = node;
      const next = typeof step === 'number' ? items : own(properties, String(step));
      if (next !== undefined) return [next];
      return typeof rest === 'object' && typeof step !== 'number' ? [rest] : [];
    });
  }
  return nodes[0] ?? null;
}

function alternatives(node: SchemaNode): readonly SchemaNode[] {
  return node.oneOf ?? node.anyOf ?? [node];
}

function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
