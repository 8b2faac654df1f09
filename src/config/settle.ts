import { join } from 'node:path';
import { absolute, type FinalSettings, program } from './build.ts';
import { notYet } from './not-yet.ts';
import { type AsProblem, keyOf } from './problems.ts';
import type { Mapping } from './raw.ts';
import { envName, isSecretSetting, SETTING_KEYS, type SettingKey, type Settings } from './settings.ts';
import type { Config, Origin, Problem } from './types.ts';

type Here = { readonly directory: string; readonly userHome: string };

const PATHS: readonly SettingKey[] = [
  'home',
  'db_path',
  'repos_dir',
  'worktrees_dir',
  'runs_dir',
  'agent_home',
  'claude_credentials_path',
];

/** Environment over file over defaults; a relative path belongs to the place that names it. */
export function settle(file: Settings, env: Partial<Settings>, here: Here, there: Here): FinalSettings {
  const settings: Record<string, unknown> = {};
  for (const key of SETTING_KEYS) {
    const place = env[key] === undefined ? there : here;
    const value = env[key] ?? file[key];
    const isPath = typeof value === 'string' && PATHS.includes(key);
    settings[key] = isPath
      ? absolute(value, place)
      : key === 'claude_bin'
        ? program(String(value), place)
        : value;
  }
  const home = typeof settings.home === 'string' ? settings.home : absolute('~/.orch', here);
  const derived = { db_path: 'orch.db', repos_dir: 'repos', worktrees_dir: 'worktrees', runs_dir: 'runs' };
  for (const [key, name] of Object.entries(derived)) settings[key] ??= join(home, name);
  return { ...settings, home } as FinalSettings;
}

/** The two delays are only wrong together, and each may come from elsewhere. */
export function checkBackoff(raw: Mapping, env: Partial<Settings>, problem: AsProblem): Problem[] {
  const base = env.backoff_base_seconds ?? raw.backoff_base_seconds ?? 10;
  const max = env.backoff_max_seconds ?? raw.backoff_max_seconds ?? 900;
  if (typeof base !== 'number' || typeof max !== 'number' || base <= max) return [];
  const words = {
    problem: `is below backoff_base_seconds (${base})`,
    fix: 'make the longest delay at least as long as the first',
  };
  if (env.backoff_max_seconds === undefined) return [problem({ path: ['backoff_max_seconds'], ...words })];
  return [
    { key: envName('backoff_max_seconds'), value: String(max), ...words, source: 'environment', line: null },
  ];
}

/** What is legal and probably not meant. */
export function doubts(raw: Mapping, s: Settings, config: Config, problem: AsProblem): Problem[] {
  const found: Problem[] = notYet(raw).map(problem);
  for (const key of SETTING_KEYS)
    if (raw[key] !== undefined && isSecretSetting(key))
      found.push(
        problem({
          path: [key],
          problem: 'is a secret in orch.yaml',
          fix: `better set ${envName(key)} and remove it here`,
        }),
      );
  if ((s.telegram_bot_token === undefined) !== (s.telegram_chat_id === undefined)) {
    const key = s.telegram_bot_token === undefined ? 'telegram_bot_token' : 'telegram_chat_id';
    found.push(
      problem({ path: [key], problem: 'is missing, so Telegram stays off', fix: `set ${envName(key)}` }),
    );
  }
  for (const [at, account] of config.accounts.entries()) {
    const twin = config.accounts
      .slice(0, at)
      .find(({ agent, home }) => agent === account.agent && home === account.home);
    if (twin !== undefined)
      found.push(
        problem({
          path: ['accounts', account.id, 'home'],
          problem: `is the home of ${twin.id} too, so both share one sign-in`,
          fix: 'use one account with more slots',
        }),
      );
  }
  return found;
}

/** Origin of each setting, and of every key that the file spells out. */
export function originsOf(raw: unknown, env: Partial<Settings>): Record<string, Origin> {
  const origins: Record<string, Origin> = Object.fromEntries(SETTING_KEYS.map((key) => [key, 'default']));
  const walk = (value: unknown, path: readonly PropertyKey[]): void => {
    if (path.length > 0) origins[keyOf(path)] = 'file';
    if (typeof value !== 'object' || value === null) return;
    const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
    for (const [key, child] of entries) walk(child, [...path, key]);
  };
  walk(raw, []);
  for (const key of Object.keys(env)) origins[key] = 'environment';
  return origins;
}
