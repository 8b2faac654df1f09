import type { Command } from 'commander';
import { processHome } from '../config/process.ts';
import { type Client, connect } from './client.ts';
import { createOutput, type Output } from './output.ts';

/** Options of a command, its own and the global ones. */
export function options<T extends object>(command: Command): T & { json: boolean; yes: boolean } {
  const all = command.optsWithGlobals();
  return { ...all, json: all['json'] === true, yes: all['yes'] === true } as T & {
    json: boolean;
    yes: boolean;
  };
}

export function output(command: Command): Output {
  return createOutput(command.optsWithGlobals()['json'] === true);
}

/** Client of the server that belongs to this shell's ORCH_HOME; a broken orch.yaml does not matter here. */
export async function server(): Promise<Client> {
  return connect(processHome());
}
