import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { kinds } from '../registry.ts';
import { type LoadedConfig, type LoadOptions, loadConfig } from './load.ts';

/** The one reader of this process's own environment. */

export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

export function loadOptions(): LoadOptions {
  return { env: process.env, cwd: process.cwd(), kinds: kinds() };
}

/** Configuration of this process. Throws `config.invalid` with every problem at once. */
export function processConfig(): LoadedConfig {
  return loadConfig(loadOptions());
}

/** ORCH_HOME even when the configuration is broken: a person must still reach the server and stop it. */
export function processHome(): string {
  try {
    return processConfig().config.home;
  } catch {
    return resolve(process.env['ORCH_HOME'] || join(homedir(), '.orch'));
  }
}
