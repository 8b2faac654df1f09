import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { kinds } from '../registry.ts';
import { type Client, connect } from './client.ts';
import { createOutput, type Output } from './output.ts';

/** Options of every command, local and global ones together. */
export function options<T extends object>(command: Command): T & { json: boolean; yes: boolean } {
  const all = command.optsWithGlobals();
  return { ...all, json: all['json'] === true, yes: all['yes'] === true } as T & { json: boolean; yes: boolean };
}

export function output(command: Command): Output {
  return createOutput(command.optsWithGlobals()['json'] === true);
}

/** Reads and checks the configuration of this shell. Throws `config.invalid` with every problem. */
export function configuration() {
  return loadConfig({ env: process.env, cwd: process.cwd(), kinds: kinds() });
}

/** Client of the server that belongs to this shell's ORCH_HOME; a broken orch.yaml does not matter here. */
export async function server(): Promise<Client> {
  return connect(homeDirectory());
}

function homeDirectory(): string {
  try {
    return configuration().config.home;
  } catch {
    return resolve(process.env['ORCH_HOME'] || join(homedir(), '.orch'));
  }
}
