import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, messageOf } from '../core/errors.ts';
import { options, output, server } from './context.ts';

/** `orch bundle RUN`: a run with its logs as an archive, secrets taken out, to be passed on. */
export function registerBundle(program: Command): void {
  program
    .command('bundle')
    .description('a run with its logs as an archive, secrets taken out')
    .argument('<key>', 'run, task or job')
    .option('--out <file>', 'where to write it; default: run_N-bundle.tar.gz here')
    .action(async (key: string, _o, command: Command) => {
      const o = options<{ out?: string }>(command);
      const out = output(command);
      const client = await server();
      const { run } = await client.get('/runs/{id}', { params: { id: key } });
      const file = resolve(o.out ?? `${run.id}-bundle.tar.gz`);
      const archive = await client.download('/runs/{id}/bundle', { params: { id: run.id } });
      await writeFile(file, archive, { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
        throw new AppError(`cannot write ${file}: ${messageOf(error)}`, {
          code: 'usage.out',
          hint: 'nothing is written over: --out FILE names another place',
        });
      });
      out.object({ schema: 'orch.bundle-file/1', run: run.id, file, bytes: archive.length });
      out.text(`${file}  ${Math.ceil(archive.length / 1000)} kB`);
      out.text('  look through it before you pass it on: it holds what the agent read and said');
    });
}
