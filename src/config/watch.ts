import { statSync } from 'node:fs';
import { AppError, messageOf } from '../core/errors.ts';
import { configPlaces, type LoadedConfig, type LoadOptions, loadConfig } from './load.ts';
import { envName, NEEDS_RESTART } from './settings.ts';
import type { Config, Problem } from './types.ts';

const INTERVAL_MS = 500;

export type ConfigChange =
  /** The new configuration holds; what needs a restart keeps its value and is named in `warnings`. */
  | {
      readonly kind: 'applied';
      readonly config: Config;
      readonly loaded: LoadedConfig;
      readonly warnings: readonly Problem[];
    }
  /** The last good configuration stays in force. */
  | { readonly kind: 'rejected'; readonly error: AppError };

export interface WatchOptions extends LoadOptions {
  /** The configuration that the program started with. */
  readonly current: LoadedConfig;
  readonly onChange: (change: ConfigChange) => void;
  readonly intervalMs?: number;
}

export interface ConfigWatcher {
  close(): void;
}

/**
 * Follows orch.yaml and its prompt files by looking at them: unlike file events this survives a
 * rename over the file, a deletion, a folder that appears later and a network mount. A change is
 * read once the files were the same at two looks, so a half-written one is not.
 */
export function watchConfig({
  current,
  onChange,
  intervalMs = INTERVAL_MS,
  ...options
}: WatchOptions): ConfigWatcher {
  let good = current;
  let files = watched(good, options);
  let rejected = false;
  // Nothing is handled yet: the file may have changed since it was loaded.
  let handled = '';
  let before = '';

  const timer = setInterval(look, intervalMs);
  timer.unref();
  return { close: () => clearInterval(timer) };

  function look(): void {
    const now = fingerprint(files);
    const settled = now === before;
    before = now;
    if (!settled || now === handled) return;
    handled = now;
    const change = reload();
    const same =
      change.kind === 'applied' && change.loaded.digest === good.digest && change.loaded.file === good.file;
    const news = rejected || !same;
    rejected = change.kind === 'rejected';
    if (change.kind === 'applied') {
      good = change.loaded;
      files = watched(good, options);
    }
    if (news) onChange(change);
  }

  function reload(): ConfigChange {
    try {
      // Once found, the file is the file: a deleted one must not turn into "no projects".
      const loaded = loadConfig(good.file === null ? options : { ...options, file: good.file });
      const config = keepStarted(current.config, loaded.config);
      const warnings = [...loaded.warnings, ...restarts(current, loaded)];
      return { kind: 'applied', config, loaded: { ...loaded, config, warnings }, warnings };
    } catch (error) {
      return { kind: 'rejected', error: asAppError(error) };
    }
  }
}

function watched({ file, files }: LoadedConfig, options: LoadOptions): readonly string[] {
  return file === null ? configPlaces(options) : files;
}

function fingerprint(files: readonly string[]): string {
  return files.map(lookAt).join('|');
}

function lookAt(file: string): string {
  try {
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    return stat === undefined
      ? 'none'
      : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
  } catch (error) {
    // A folder that cannot be entered is a state like any other; loading says what is wrong.
    return messageOf(error);
  }
}

/** What a running server cannot change stays as it was at the start. */
function keepStarted(started: Config, config: Config): Config {
  const { home, dbPath, reposDir, worktreesDir, runsDir, host, port } = started;
  return Object.freeze({ ...config, home, dbPath, reposDir, worktreesDir, runsDir, host, port });
}

/** Settings that changed on disk while the running server keeps what it started with. */
function restarts(started: LoadedConfig, loaded: LoadedConfig): Problem[] {
  return NEEDS_RESTART.filter((key) => started.settings[key] !== loaded.settings[key]).map((key) => ({
    key,
    value: String(loaded.settings[key] ?? ''),
    problem: `changed, but the running server keeps ${String(started.settings[key] ?? 'none')}`,
    fix: `restart the server (${envName(key)} or orch.yaml)`,
    source: 'file',
    line: null,
  }));
}

function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError(messageOf(error), { code: 'config.invalid', cause: error, hint: 'look at orch.yaml' });
}
