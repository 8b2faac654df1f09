import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type ConfigRow, describeConfig } from '../config/describe.ts';
import { problemLine } from '../config/problems.ts';
import { loadOptions, processConfig } from '../config/process.ts';
import { renderReference } from '../config/reference.ts';
import { jsonSchema } from '../config/schema.ts';
import { AppError } from '../core/errors.ts';
import { options, output } from './context.ts';
import { table } from './output.ts';

/** The configuration as it is seen from here: values with their origin, the schema, the reference. */
export function registerConfigCommands(program: Command): void {
  program
    .command('config')
    .description('every setting, its value and where it comes from')
    .argument('[what]', 'schema: JSON Schema of orch.yaml; docs: the reference page')
    .option('--write <file>', 'docs: write the page')
    .option('--check <file>', 'docs: fail when the page is stale')
    .action(async (what: string | undefined, _o, command: Command) => {
      const out = output(command);
      switch (what) {
        case 'schema':
          process.stdout.write(`${JSON.stringify(jsonSchema(loadOptions().kinds), null, 2)}\n`);
          return;
        case 'docs':
          return docs(options<{ write?: string; check?: string }>(command));
        case undefined: {
          const loaded = processConfig();
          const rows = describeConfig(loaded);
          out.object({ schema: 'orch.config/1', file: loaded.file, values: rows, warnings: loaded.warnings });
          out.text(
            loaded.file === null
              ? 'No orch.yaml found; defaults and environment only.'
              : `From ${loaded.file}`,
          );
          out.text(
            table(
              ['KEY', 'VALUE', 'FROM'],
              rows.map((row) => [row.key, shown(row.value), row.origin]),
            ),
          );
          for (const warning of loaded.warnings) out.progress(`warning: ${problemLine(warning)}`);
          return;
        }
        default:
          throw new AppError(`there is no config ${what}`, {
            code: 'usage.config',
            hint: 'orch config | orch config schema | orch config docs',
          });
      }
    });
}

async function docs(o: { write?: string; check?: string }): Promise<void> {
  const page = renderReference(loadOptions().kinds);
  if (o.write !== undefined) return writeFile(o.write, page);
  if (o.check === undefined) {
    process.stdout.write(page);
    return;
  }
  const found = await readFile(o.check, 'utf8').catch(() => '');
  if (found !== page)
    throw new AppError(`${o.check} is stale`, { code: 'config.docs_stale', hint: 'npm run docs' });
  process.stdout.write(`${o.check} is up to date\n`);
}

function shown(value: ConfigRow['value']): string {
  if (value === null) return '–';
  return typeof value === 'object' ? value.join(', ') : String(value);
}
