import { nearest } from '../lib/suggest.ts';
import { findingsOf, printable } from './problems.ts';
import type { SchemaNode } from './schema.ts';
import {
  envName,
  KNOWN_VARIABLES,
  SETTING_KEYS,
  type SettingKey,
  type Settings,
  settingShape,
} from './settings.ts';
import type { Problem } from './types.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvironmentSettings {
  readonly values: Partial<Settings>;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

/** Values of `ORCH_*`, judged one by one by the same schema as the file. An empty variable is unset. */
export function readEnvironment(env: Environment, schema: SchemaNode): EnvironmentSettings {
  const values: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const key of SETTING_KEYS) {
    const found = variableOf(env, key);
    if (found === null) continue;
    const value = typed(found.text, schema.properties?.[key]?.type);
    const parsed = settingShape[key].safeParse(value);
    if (parsed.success) values[key] = parsed.data;
    else
      for (const { problem, fix } of findingsOf(rooted(parsed.error, key), schema, { [key]: value }))
        problems.push({
          key: found.name,
          value: printable(found.text, [key]),
          problem,
          fix,
          source: 'environment',
          line: null,
        });
  }
  return { values, problems, warnings: unknownVariables(env) };
}

/** The text of one variable, trimmed; null when it is unset or blank. */
export function variable(env: Environment, name: string): string | null {
  const text = env[name]?.trim() ?? '';
  return text === '' ? null : text;
}

function variableOf(env: Environment, key: SettingKey): { name: string; text: string } | null {
  const names = key === 'agent_home' ? [envName(key), 'AGENT_HOME'] : [envName(key)];
  for (const name of names) {
    const text = variable(env, name);
    if (text !== null) return { name, text };
  }
  return null;
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  '0': false,
};

/** The value a variable means; text that is no such value stays text, and the schema refuses it. */
function typed(text: string, type: SchemaNode['type']): unknown {
  if (type === 'boolean') {
    const word = text.toLowerCase();
    return Object.hasOwn(BOOLEANS, word) ? BOOLEANS[word] : text;
  }
  if (type === 'number' || type === 'integer') return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  return text;
}

function rooted<T extends { issues: { path: PropertyKey[] }[] }>(error: T, key: string): T {
  for (const issue of error.issues) issue.path.unshift(key);
  return error;
}

function unknownVariables(env: Environment): Problem[] {
  const known = new Set([...SETTING_KEYS.map(envName), ...KNOWN_VARIABLES]);
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('ORCH_') && !name.startsWith('ORCH_TEST_') && !known.has(name),
  );
  return unknown.sort().map((name) => {
    const meant = nearest(name, known);
    return {
      key: name,
      value: null,
      problem: 'is not a known variable',
      fix: meant === null ? 'unset it' : `did you mean ${meant}?`,
      source: 'environment',
      line: null,
    };
  });
}
