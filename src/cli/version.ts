import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { output } from './context.ts';

/** The version of this package. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

export function registerVersion(program: Command): void {
  program
    .command('version')
    .description('versions of Orch and of the Node it runs on')
    .action((_options, command: Command) => {
      const out = output(command);
      out.text(`orch ${VERSION} (node ${process.versions.node})`);
      out.object({ schema: 'orch.version/1', version: VERSION, node: process.versions.node });
    });
}
