import { formatDuration } from '../lib/duration.ts';
import { Secret } from '../lib/secret.ts';
import { formatHours, type WeeklyHours } from './hours.ts';
import type { LoadedConfig } from './load.ts';
import { keyOf } from './problems.ts';
import { envName, SETTING_KEYS } from './settings.ts';
import type { Origin } from './types.ts';

export interface ConfigRow {
  /** As an operator writes it, such as `projects.api.open_prs`. */
  readonly key: string;
  /** The same, step by step. */
  readonly path: readonly (string | number)[];
  /** Secrets are `[secret]`; null where nothing is set. */
  readonly value: string | number | boolean | null | readonly string[];
  readonly origin: Origin;
  /** The variable that sets it; null for what only the file can say. */
  readonly env: string | null;
}

/** Every setting, and every value of accounts, projects, notifications and retention, with its origin. */
export function describeConfig({ config, origins, settings }: LoadedConfig): ConfigRow[] {
  const row = (path: readonly PropertyKey[], value: unknown): ConfigRow => {
    const key = keyOf(path);
    const steps = path.map((step) => (typeof step === 'number' ? step : String(step)));
    return { key, path: steps, value: shown(value), origin: origins[key] ?? 'default', env: null };
  };
  const nested = (value: unknown, path: readonly PropertyKey[]): ConfigRow[] => {
    if (value === null || value === undefined) return [];
    if (!isTree(value)) return [row(path, value)];
    if (Array.isArray(value)) return value.flatMap((item, at) => nested(item, [...path, at]));
    return Object.entries(value).flatMap(([name, child]) => nested(...written(name, child, path)));
  };
  const named = <T extends object>(list: readonly T[], name: (item: T) => string, root: string) =>
    list.flatMap((item) => nested({ ...item, id: undefined, key: undefined }, [root, name(item)]));
  return [
    ...SETTING_KEYS.map((key) => ({ ...row([key], settings[key] ?? null), env: envName(key) })),
    ...named(config.accounts, ({ id }) => id, 'accounts'),
    ...named(config.projects, ({ key }) => key, 'projects'),
    ...nested(config.notify, ['notify']),
    ...nested(config.retention, ['retention']),
  ];
}

/** The key and value as orch.yaml spells them: `stallMs: 900000` is `stall: 15m` there. */
function written(name: string, value: unknown, path: readonly PropertyKey[]): [unknown, PropertyKey[]] {
  if (path.at(-1) === 'env' || path.at(-1) === 'pipelines') return [value, [...path, name]];
  const key = name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const at = [...path, key];
  if (name.endsWith('Ms') && typeof value === 'number') return [formatDuration(value), at];
  if (path.at(-1) === 'reserve' && typeof value === 'number')
    return [`${Number((value * 100).toFixed(2))}%`, at];
  if (isHours(value)) return [formatHours(value), at];
  if (key === 'copy' && Array.isArray(value)) return [value.map((entry: { to: string }) => entry.to), at];
  return [value, at];
}

function isTree(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return false;
  return !Array.isArray(value) || value.some((item) => typeof item === 'object');
}

function isHours(value: unknown): value is WeeklyHours {
  return typeof value === 'object' && value !== null && 'fromMinute' in value;
}

function shown(value: unknown): ConfigRow['value'] {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'string') return value;
  if (value instanceof Secret) return value.toString();
  return Array.isArray(value) ? value.map(String) : JSON.stringify(value);
}
